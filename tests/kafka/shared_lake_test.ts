import assert from "node:assert/strict";
import type { Message } from "kafkajs";
import { binariesOf, startPostgres } from "../postgres/cluster.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { runOrilla } from "../orilla_process.ts";
import { startBroker } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  type ConsumerCase,
  consumeToEnd,
  lakeArguments,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
} from "./numbered_events.ts";
import { uniqueName } from "./broker.ts";
import { endAll, expectOneLake, trouble, withCopies } from "./shared_lake.ts";

const CONF = ["group.min.session.timeout.ms=1000"];
const ARGS = ["--session-timeout-ms", "3000"];
const PARTITIONS = 6;
const CONSUMERS = 3;
/** Rounds of random trouble: ORILLA_TROUBLE_ROUNDS for more. */
const ROUNDS = Number(Deno.env.get("ORILLA_TROUBLE_ROUNDS") ?? 6);
const ROUND_EVENTS = 6_000;

/** What the checkpoint is in. */
interface Server extends AsyncDisposable {
  /** CHECKPOINT_URL of a lake that no other call has returned. */
  newUrl(): string;
}

kafkaTest("several consumers of one group, one lake, a checkpoint in PostgreSQL", async (test) => {
  if (binariesOf() === null) throw new Error("PostgreSQL is not on this machine");
  const cluster = await startPostgres();
  await using server = {
    newUrl: () => cluster.url(),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
  await shareLake(test, server);
}, { needsOwnBroker: true });

kafkaTest("several consumers of one group, one lake, a checkpoint in Redis", async (test) => {
  if (redisLeftOut() !== null) throw new Error("Redis is not on this machine");
  const redis = await startRedis();
  let count = 0;
  await using server = {
    newUrl: () => `${redis.url}?lake=shared_${++count}`,
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
  await shareLake(test, server);
}, { needsOwnBroker: true });

async function shareLake(test: Deno.TestContext, server: Server): Promise<void> {
  await using broker = await startBroker({ conf: CONF });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newCase = async (): Promise<ConsumerCase> => {
    const topic = uniqueName("shared");
    await broker.createTopic(topic, PARTITIONS);
    const outDir = `${folder.path}/${topic}`;
    return { topic, bootstrap, outDir, args: ARGS, env: { CHECKPOINT_URL: server.newUrl() } };
  };

  await test.step("an id that comes in two partitions at the same time is published once", async () => {
    const of = await newCase();
    const events = numberedEvents(0, 2_000);
    const copies = events.map(({ value }, i): Message => ({ value, key: `copy ${i}` }));
    await send(bootstrap, { topic: of.topic, messages: [...events, ...copies] });
    await Promise.all([consumeToEnd(of), consumeToEnd(of), consumeToEnd(of)]);
    // Each ends with the partitions it has: one that changes hands at that moment is left.
    await consumeToEnd(of);
    await expectOneLake(of, { count: 2_000, copyCount: 2_000 });
  });

  await test.step("a zombie that wakes after its partitions were given away is fenced", async () => {
    const of = await newCase();
    await using a = startConsumer(of);
    await a.untilStderr(/"assigned"/);
    await send(bootstrap, { topic: of.topic, messages: withCopies(0, 3_000) });
    await a.untilStderr(/"committed"/);
    a.kill("SIGSTOP");
    await using b = startConsumer(of);
    await send(bootstrap, { topic: of.topic, messages: withCopies(3_000, 3_000) });
    await b.untilStderr(/"committed"/);
    a.kill("SIGCONT");
    await send(bootstrap, { topic: of.topic, messages: withCopies(6_000, 3_000) });
    await endAll([a, b]);
    await consumeToEnd(of);
    await expectOneLake(of, { count: 9_000, copyCount: 180 });
  });

  await test.step("consumers go on with a store that was lost and made anew", async () => {
    const lost = await newCase();
    await send(bootstrap, { topic: lost.topic, messages: withCopies(0, 4_000) });
    await Promise.all([consumeToEnd(lost), consumeToEnd(lost)]);
    // A commit without a file: the group is ahead of what the files tell.
    const copies = numberedEvents(0, 300).map(({ value }, i): Message => ({
      value,
      key: `late copy ${i}`,
    }));
    await send(bootstrap, { topic: lost.topic, messages: copies });
    await consumeToEnd(lost);
    const env = { CHECKPOINT_URL: server.newUrl() }, of = { ...lost, env };
    const { code, stderr } = await runOrilla(["rebuild", ...lakeArguments(of)], { env });
    assert.equal(code, 0, stderr);
    await using a = startConsumer(of);
    await using b = startConsumer(of);
    // Both are members before there are records: the first of them could commit all of them alone.
    await Promise.all([a.untilStderr(/"assigned"/), b.untilStderr(/"assigned"/)]);
    await send(bootstrap, { topic: of.topic, messages: withCopies(4_000, 4_000) });
    await a.untilStderr(/"committed"/);
    await endAll([a, b]);
    await consumeToEnd(of);
    await expectOneLake(of, { count: 8_000, copyCount: 8_000 / 50 + 300 });
  });

  await test.step("random joins, leaves, kills and pauses, at load: exact", async () => {
    const of = await newCase();
    const seed = testSeed();
    const random = seededRandom(seed);
    const consumers = Array.from({ length: CONSUMERS }, () => startConsumer(of));
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const messages = withCopies(round * ROUND_EVENTS, ROUND_EVENTS);
        const sent = send(bootstrap, { topic: of.topic, messages });
        await trouble(consumers, () => startConsumer(of), random);
        await sent;
      }
      await endAll(consumers);
    } finally {
      await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()));
    }
    await consumeToEnd(of);
    const count = ROUNDS * ROUND_EVENTS;
    await expectOneLake(of, { count, copyCount: count / 50 }).catch((error) => {
      throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
    });
  });
}
