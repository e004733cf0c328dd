import assert from "node:assert/strict";
import { startCluster } from "./cluster.ts";
import { kafkaTest } from "./kafka_case.ts";

kafkaTest("startCluster() moves a leader, and outlives a killed and a paused broker", async () => {
  await using cluster = await startCluster();
  assert.equal(cluster.bootstrap.split(",").length, 3);
  await cluster.createTopic("moved", 1);
  const moved = { topic: "moved", partition: 0 };
  const before = await cluster.leaderOf(moved);
  const after = before === 1 ? 2 : 1;
  await cluster.moveLeader(moved, after);
  assert.equal(await cluster.leaderOf(moved), after);
  await cluster.kill(after);
  await cluster.createTopic("while-killed", 1, { "min.insync.replicas": "1" });
  await cluster.restart(after);
  await cluster.pause(before);
  await cluster.resume(before);
  await cluster.createTopic("after", 1);
}, { needsOwnBroker: true });
