import assert from "node:assert/strict";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { compareWithTruth, generateRecords, produce } from "./ground_truth.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  type ConsumerCase,
  consumeToEnd,
  groupOf,
  startConsumer,
  temporaryFolder,
} from "./numbered_events.ts";

/** Set it to see a failed run again. */
const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 1_000_000);

/** offsets.topic.num.partitions of the test's brokers. */
const OFFSETS_PARTITIONS = 5;

/** After a kill the group waits for this long before it lets a successor begin. */
const SHORT_SESSION = ["--session-timeout-ms", "1500"];

kafkaTest("the job with known truth comes out exact", async (test) => {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;

  for (const [count, batch] of [[1, 50_000], [1_000, 7], [120_000, 50_000]] as const) {
    await test.step(`${count} records in batches of ${batch} (ORILLA_TEST_SEED=${seed})`, async () => {
      const topic = uniqueName("job");
      await broker.createTopic(topic, 4);
      const truth = await produce(generateRecords({ count, seed: seed + count }), {
        bootstrap,
        topic,
      });
      const of = { topic, bootstrap, outDir: `${folder.path}/${topic}` };
      await consumeToEnd({ ...of, args: ["--batch-max-events", String(batch)] });
      assert.deepEqual(await compareWithTruth(of.outDir, truth), []);
      const verified = await runOrilla(["verify", "--out-dir", of.outDir]);
      assert.equal(verified.code, 0, verified.stdout);
    });
  }

  await test.step("with kill -9 at random moments", async () => {
    const topic = uniqueName("killed");
    await broker.createTopic(topic, 4);
    const truth = await produce(generateRecords({ count: 40_000, seed }), { bootstrap, topic });
    const of = { topic, bootstrap, outDir: `${folder.path}/${topic}` };
    for (let kills = 0; kills < 8; kills++) {
      await using consumer = startConsumer({ ...of, args: SHORT_SESSION });
      await consumer.untilStderr(/"assigned"/);
      await new Promise((resolve) => setTimeout(resolve, (seed * (kills + 7)) % 211));
      consumer.kill("SIGKILL");
    }
    await consumeToEnd(of);
    assert.deepEqual(await compareWithTruth(of.outDir, truth), [], `ORILLA_TEST_SEED=${seed}`);
  });

  for (
    const [name, stop] of [
      ["a second signal stops at once", secondSignal],
      ["a drain that takes too long stops", longDrain],
    ] as const
  ) {
    await test.step(`${name}: exact`, async () => {
      const topic = uniqueName("signals");
      await broker.createTopic(topic, 4);
      const truth = await produce(generateRecords({ count: 30_500, seed }), { bootstrap, topic });
      const of = { topic, bootstrap, outDir: `${folder.path}/${topic}` };
      await stop(of);
      await consumeToEnd(of);
      assert.deepEqual(await compareWithTruth(of.outDir, truth), [], `ORILLA_TEST_SEED=${seed}`);
    });
  }
}, { needsOwnBroker: true });

async function secondSignal(of: ConsumerCase): Promise<void> {
  await using consumer = startConsumer({ ...of, args: SHORT_SESSION });
  await consumer.untilStderr(/"committed"/);
  consumer.kill("SIGTERM");
  consumer.kill("SIGTERM");
  const { code, stderr } = await consumer.result;
  assert.ok([0, 1].includes(code), stderr);
}

async function longDrain(of: ConsumerCase): Promise<void> {
  const args = [...SHORT_SESSION, "--shutdown-timeout-ms", "0"];
  // Half a batch waits at the end, so that there is something to drain at whatever moment the signal comes.
  const batchArgs = ["--batch-max-events", "1000", "--batch-max-latency-ms", "60000"];
  await using consumer = startConsumer({ ...of, args, batchArgs });
  await consumer.untilStderr(/"committed"/);
  consumer.kill("SIGTERM");
  const { code, stderr } = await consumer.result;
  assert.equal(code, 1);
  assert.match(stderr, /the drain took longer than --shutdown-timeout-ms 0/);
}

/** A job in a cluster of three while that happens, from the first commit on: exact. */
async function expectExactThrough(
  disturb: (cluster: Cluster, topic: string) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster();
  await using folder = await temporaryFolder();
  const { bootstrap } = cluster;
  const topic = uniqueName("cluster");
  await cluster.createTopic(topic, 3, { "min.insync.replicas": "1" });
  const truth = await produce(generateRecords({ count: 60_000, seed }), { bootstrap, topic });
  const of = { topic, bootstrap, outDir: `${folder.path}/lake` };
  await using consumer = startConsumer({ ...of, args: ["--max-events", "60000"] });
  await consumer.untilStderr(/"committed"/);
  await disturb(cluster, topic);
  const { code, stderr } = await consumer.result;
  assert.equal(code, 0, stderr);
  assert.deepEqual(await compareWithTruth(of.outDir, truth), [], `ORILLA_TEST_SEED=${seed}`);
}

kafkaTest("leaders that move and brokers that die in a cluster of three: exact", async () => {
  await expectExactThrough(async (cluster, topic) => {
    const at = { topic, partition: 0 };
    const leader = await cluster.leaderOf(at);
    await cluster.moveLeader(at, leader === 1 ? 2 : 1);
    await cluster.kill(leader);
  });
}, { needsOwnBroker: true });

kafkaTest("the broker that coordinates the group dies: exact", async () => {
  await expectExactThrough(async (cluster, topic) => {
    const partition = offsetsPartitionOf(groupOf(topic));
    await cluster.kill(await cluster.leaderOf({ topic: "__consumer_offsets", partition }));
  });
}, { needsOwnBroker: true });

/** The partition that holds a group's offsets: Java's hash of its id, modulo how many the brokers are told to make. */
function offsetsPartitionOf(groupId: string): number {
  const hash = Array.from(groupId).reduce((sum, c) => (31 * sum + c.charCodeAt(0)) | 0, 0);
  return (hash & 0x7fffffff) % OFFSETS_PARTITIONS;
}
