import assert from "node:assert/strict";
import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { kafkaTest } from "../kafka/kafka_case.ts";
import { send } from "../kafka/numbered_events.ts";
import { withCopies } from "../kafka/shared_lake.ts";
import { readLake } from "../lake_reader.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { copyOut, withCheckpointDir } from "./bucket_lake.ts";
import { bucketAt, CREDENTIALS_ENV, startS3Server } from "./s3_server.ts";
import { s3LeftOut } from "./s3_case.ts";

const KILLS = 6;
const ROUND_EVENTS = 10_000;

kafkaTest("a topic comes into a bucket exactly once, with a kill -9 every moment", async () => {
  // Where the server is missing, the other tests of this folder say so.
  if (s3LeftOut !== null) return;
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using server = await startS3Server();
  const topic = uniqueName("events");
  await broker.createTopic(topic, 3);
  const place = { bucket: await server.newBucket(), prefix: "lake/" };
  const checkpointDir = await Deno.makeTempDir({ prefix: "orilla_s3_kafka_" });
  const args = [
    ...["consumer", "--bootstrap-servers", broker.bootstrap, "--topic", topic, "--group-id", topic],
    ...["--out-dir", `s3://${place.bucket}/lake`, "--checkpoint-dir", checkpointDir],
    ...["--s3-endpoint", server.endpoint, "--batch-max-events", "1500"],
    ...["--session-timeout-ms", "1000"],
  ];
  try {
    const seed = testSeed();
    const random = seededRandom(seed);
    let killed = 0;
    for (let round = 0; round < KILLS; round++) {
      // Events of its own for each run: however fast the one before was, there is something to commit.
      const messages = withCopies(round * ROUND_EVENTS, ROUND_EVENTS);
      await send(broker.bootstrap, { topic, messages });
      await using orilla = spawnOrilla(args, { env: CREDENTIALS_ENV });
      await orilla.untilStderr(/"committed"/);
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
      orilla.kill("SIGKILL");
      if ((await orilla.result).code !== 0) killed++;
    }
    assert.equal(killed, KILLS);
    const last = await runOrilla([...args, "--until-end"], { env: CREDENTIALS_ENV });
    assert.equal(last.code, 0, last.stderr);
    const lake = ["--out-dir", `s3://${place.bucket}/lake`, "--checkpoint-dir", checkpointDir];
    const verified = await runOrilla(["verify", ...lake, "--s3-endpoint", server.endpoint], {
      env: CREDENTIALS_ENV,
    });
    assert.equal(verified.code, 0, verified.stdout);
    const bucket = bucketAt({ endpoint: server.endpoint, place });
    await withCheckpointDir(async (copy) => {
      await copyOut({ bucket, checkpointDir }, copy);
      const ids = (await readLake(copy)).map(({ event_id }) => event_id);
      const there = { rows: ids.length, ids: new Set(ids).size };
      const expected = KILLS * ROUND_EVENTS;
      assert.deepEqual(there, { rows: expected, ids: expected }, replayHint(seed));
    });
    assert.deepEqual(await bucket.listUploads(""), []);
  } finally {
    await Deno.remove(checkpointDir, { recursive: true });
  }
});
