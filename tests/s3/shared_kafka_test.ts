import type { Message } from "kafkajs";
import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { kafkaTest } from "../kafka/kafka_case.ts";
import {
  type ConsumerCase,
  consumeToEnd,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
} from "../kafka/numbered_events.ts";
import { endAll, expectOneLake, trouble, withCopies } from "../kafka/shared_lake.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { copyObjects } from "./bucket_lake.ts";
import { bucketAt, CREDENTIALS_ENV, startS3Server } from "./s3_server.ts";
import { s3LeftOut } from "./s3_case.ts";

const PARTITIONS = 6;
const CONSUMERS = 3;
const ROUNDS = 4;
const ROUND_EVENTS = 4_000;
const BOTH = 2_000;

kafkaTest(
  "several consumers of one group, one bucket, a checkpoint on a server, and no folder",
  async () => {
    // Where a server is missing, the other tests of this folder say so.
    if (s3LeftOut !== null || redisLeftOut() !== null) return;
    await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
    await using server = await startS3Server();
    await using redis = await startRedis();
    await using folder = await temporaryFolder();
    const topic = uniqueName("shared");
    await broker.createTopic(topic, PARTITIONS);
    const { bootstrap } = broker, { endpoint } = server, bucket = await server.newBucket();
    const of: ConsumerCase = {
      ...{ topic, bootstrap, outDir: `s3://${bucket}/lake` },
      lakeArgs: ["--s3-endpoint", endpoint],
      args: ["--session-timeout-ms", "3000"],
      env: { ...CREDENTIALS_ENV, CHECKPOINT_URL: redis.url },
    };
    // Each of these is in two partitions at the same time.
    const events = numberedEvents(0, BOTH);
    const copies = events.map(({ value }, i): Message => ({ value, key: `copy ${i}` }));
    await send(bootstrap, { topic, messages: [...events, ...copies] });

    const seed = testSeed();
    const random = seededRandom(seed);
    const consumers = Array.from({ length: CONSUMERS }, () => startConsumer(of));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const messages = withCopies(BOTH + round * ROUND_EVENTS, ROUND_EVENTS);
        const sent = send(bootstrap, { topic, messages });
        await trouble(consumers, () => startConsumer(of), random);
        await sent;
      }
      await endAll(consumers);
    } finally {
      await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()));
    }
    await consumeToEnd(of);
    await copyObjects(bucketAt({ endpoint, place: { bucket, prefix: "lake/" } }), folder.path);
    const count = BOTH + ROUNDS * ROUND_EVENTS;
    const copyCount = BOTH + ROUNDS * ROUND_EVENTS / 50;
    await expectOneLake(of, { count, copyCount, folder: folder.path }).catch((error) => {
      throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
    });
  },
  { needsOwnBroker: true },
);
