import assert from "node:assert/strict";
import { Kafka, logLevel } from "kafkajs";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { isPortFree } from "./ports.ts";
import { withAdmin } from "./topics.ts";

kafkaTest(
  "startBroker() starts a broker that keeps its topics when killed and restarted",
  async () => {
    await using broker = await startBroker();
    const topic = uniqueName("kept");
    await broker.createTopic(topic, 4, { "retention.ms": "86400000" });
    await assert.rejects(broker.createTopic(topic, 4), /is there already/);
    await broker.kill();
    assert.ok(
      await isPortFree(Number(broker.bootstrap.split(":")[1])),
      "a killed broker has no port",
    );
    await broker.restart();
    const { topics } = await withAdmin(
      broker.bootstrap,
      (admin) => admin.fetchTopicMetadata({ topics: [topic] }),
    );
    assert.equal(topics[0]?.partitions.length, 4);
  },
  { needsOwnBroker: true },
);

kafkaTest("startBroker() pauses and resumes a broker", async () => {
  await using broker = await startBroker();
  await broker.createTopic(uniqueName("before"), 1);
  broker.pause();
  await broker.resume();
  await broker.createTopic(uniqueName("after"), 1);
}, { needsOwnBroker: true });

kafkaTest("startBroker() offers TLS and SASL where they are asked for", async () => {
  await using broker = await startBroker({ tls: true, sasl: true });
  const ca = await Deno.readTextFile(`${broker.dataDir}/tls/ca.pem`);
  const login = { username: "alice", password: "alice-secret" };
  const common = { logLevel: logLevel.NOTHING, ssl: { ca } };
  for (
    const admin of [
      new Kafka({ ...common, brokers: [broker.tlsBootstrap] }).admin(),
      new Kafka({
        ...common,
        brokers: [broker.saslBootstrap],
        sasl: { mechanism: "scram-sha-256", ...login },
      }).admin(),
    ]
  ) {
    await admin.connect();
    assert.deepEqual(await admin.listTopics(), []);
    await admin.disconnect();
  }
}, { needsOwnBroker: true });

kafkaTest("startBroker() leaves neither process nor data behind", async () => {
  let dataDir = "";
  {
    await using broker = await startBroker({ conf: ["num.partitions=2"], autoCreate: true });
    dataDir = broker.dataDir;
    assert.ok((await Deno.stat(`${dataDir}/server.properties`)).isFile);
    broker.pause();
  }
  await assert.rejects(Deno.stat(dataDir), Deno.errors.NotFound);
}, { needsOwnBroker: true });

kafkaTest("startBroker() refuses a given port that is in use", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await assert.rejects(startBroker({ port }), new RegExp(`Port ${port} is in use`));
}, { needsOwnBroker: true });
