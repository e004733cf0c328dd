import assert from "node:assert/strict";
import type { RawRecord, RecordHeader } from "../../src/core/record.ts";
import { kafkaClient } from "../../src/kafka/client.ts";
import type { Delivery } from "../../src/kafka/delivery.ts";
import { KafkaPublisher } from "../../src/kafka/publisher.ts";
import type { RecordToPublish } from "../../src/kafka/record_batch.ts";
import { cursors } from "../../src/kafka/records.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Retrying } from "../../src/runtime/retry.ts";
import { bytesOf } from "../core/samples.ts";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { startCluster } from "./cluster.ts";
import { kafkaTest } from "./kafka_case.ts";
import { testClient, withAdmin } from "./topics.ts";

const NO_LOG = { debug() {}, info() {}, warning() {}, error() {} };
const RETRYING: Retrying = {
  policy: { attempts: 1_000, baseMs: 50, capMs: 500, budgetMs: 60_000 },
  clock: systemClock,
  random: Math.random,
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  onRetry: () => {},
};

async function startPublisher(
  bootstrap: string,
  topic: string,
  retrying = RETRYING,
): Promise<KafkaPublisher> {
  const { kafka } = kafkaClient({
    bootstrapServers: bootstrap.split(","),
    clientId: "orilla-tests",
    security: { tls: null, sasl: null },
    kafkajsSecurity: {},
  }, { log: NO_LOG });
  const publisher = new KafkaPublisher({ kafka, topic, log: NO_LOG, retrying });
  await publisher.start();
  return publisher;
}

/** The records that each partition of a topic holds, in their order. */
async function readTopic(bootstrap: string, topic: string): Promise<RawRecord[][]> {
  const offsets = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  const left = new Map(offsets.map(({ partition, high, low }) => [
    partition,
    Number(high) - Number(low),
  ]));
  const partitions: RawRecord[][] = offsets.map(() => []);
  const done = Promise.withResolvers<void>();
  const consumer = testClient(bootstrap).consumer({ groupId: uniqueName("reader") });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch: { partition, messages } }) => {
      for (const cursor of cursors(messages, 0n)) {
        while (cursor.next()) partitions[partition]?.push(cursor.record());
      }
      if (partitions.every(({ length }, partition) => length === left.get(partition))) {
        done.resolve();
      }
      return Promise.resolve();
    },
  });
  if ([...left.values()].every((count) => count === 0)) done.resolve();
  await done.promise;
  await consumer.disconnect();
  return partitions;
}

const decoder = new TextDecoder();

/** The numbers that the values of a partition's records are, each where it stands first. */
function numbersIn(records: readonly RawRecord[]): number[] {
  const numbers = records.map(({ value }) => Number(decoder.decode(value ?? undefined)));
  return [...new Set(numbers)];
}

function numbered(number: number): RecordToPublish {
  return { key: bytesOf(`k${number % 1_000}`), value: bytesOf(String(number)) };
}

/** Adds numbered records until `isEnough` says so; resolves with how many they were. */
async function addUntil(
  delivery: Delivery,
  isEnough: () => boolean,
): Promise<number> {
  let count = 0;
  for (; !isEnough(); await turn()) {
    for (let i = 0; i < 500; i++) delivery.add(numbered(count++));
    await delivery.room();
  }
  await delivery.end();
  return count;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Expects all numbered records to be there, those of each partition in their order. */
async function expectAll(bootstrap: string, topic: string, count: number): Promise<void> {
  const partitions = (await readTopic(bootstrap, topic)).map(numbersIn);
  assert.equal(partitions.flat().length, count);
  for (const numbers of partitions) {
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  }
}

kafkaTest("KafkaPublisher against a broker", async (test) => {
  await using broker = await startBroker();
  const { bootstrap } = broker;
  const newTopic = async (partitions: number, config: Readonly<Record<string, string>> = {}) => {
    const topic = uniqueName("produced");
    await broker.createTopic(topic, partitions, config);
    return topic;
  };

  await test.step("keys, values, headers, tombstones and null header values arrive as they were", async () => {
    const topic = await newTopic(1);
    await using publisher = await startPublisher(bootstrap, topic);
    const headers: readonly RecordHeader[] = [
      { name: "trace", value: Uint8Array.of(0, 0xff) },
      { name: "ñ", value: null },
      { name: "trace", value: new Uint8Array() },
      { name: "__proto__", value: bytesOf("x") },
      { name: "", value: bytesOf("x".repeat(10_000)) },
    ];
    const records = [
      { key: bytesOf("k"), value: bytesOf("v"), headers },
      { key: null, value: null, headers: [] },
      { key: new Uint8Array(), value: new Uint8Array(), headers: [{ name: "only", value: null }] },
      { key: Uint8Array.of(0xff, 0), value: bytesOf("y".repeat(900_000)), headers },
      { key: bytesOf("k"), value: null, headers },
    ];
    const beforeMs = Date.now();
    assert.equal(await publisher.publish(records), records.length);
    const [arrived = []] = await readTopic(bootstrap, topic);
    assert.deepEqual(arrived.map(({ key, value, headers }) => ({ key, value, headers })), records);
    for (const { timestampMs } of arrived) {
      assert.ok(timestampMs >= beforeMs && timestampMs <= Date.now());
    }
  });

  await test.step("partitions keep the order, and records without a key go to all of them", async () => {
    const topic = await newTopic(5);
    await using publisher = await startPublisher(bootstrap, topic);
    assert.equal(
      await publisher.publish(Array.from({ length: 200_000 }, (_, i) => numbered(i))),
      200_000,
    );
    await expectAll(bootstrap, topic, 200_000);
    const keyless = await newTopic(5);
    await using other = await startPublisher(bootstrap, keyless);
    await other.publish(Array.from({ length: 50 }, (_, i) => ({ ...numbered(i), key: null })));
    const partitions = await readTopic(bootstrap, keyless);
    assert.deepEqual(partitions.map(({ length }) => length), [10, 10, 10, 10, 10]);
  });

  await test.step("a topic that takes small record batches gets small ones", async () => {
    const topic = await newTopic(2, { "max.message.bytes": "2000" });
    await using publisher = await startPublisher(bootstrap, topic);
    await publisher.publish(Array.from({ length: 5_000 }, (_, i) => numbered(i)));
    await expectAll(bootstrap, topic, 5_000);
  });

  await test.step("a record that is too large for its topic is exit 1, and says so", async () => {
    const topic = await newTopic(2, { "max.message.bytes": "100" });
    const args = ["--bootstrap-servers", bootstrap, "--topic", topic, "--first-id", "7"];
    const { code, stderr } = await runOrilla(["producer", "--count", "5000", ...args]);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /Sending failed after 0 acknowledged records: .*larger than the max message size.*--first-id 7/,
    );
  });

  await test.step("a topic that is made anew with fewer partitions gets what is not acknowledged", async () => {
    const topic = await newTopic(4);
    await using publisher = await startPublisher(bootstrap, topic);
    await publisher.publish([numbered(0)]);
    await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [topic] }));
    const delivery = publisher.deliver();
    for (let i = 0; i < 1_000; i++) delivery.add(numbered(i));
    await broker.createTopic(topic, 2);
    await delivery.end();
    const arrived = (await readTopic(bootstrap, topic)).map(numbersIn);
    assert.deepEqual(arrived.flat().sort((a, b) => a - b), [...Array(1_000).keys()]);
  });

  await test.step("a broker that is killed and started again loses nothing", async () => {
    const topic = await newTopic(3);
    await using publisher = await startPublisher(bootstrap, topic);
    let isBack = false;
    const delivery = publisher.deliver();
    let restart = Promise.resolve();
    const count = await addUntil(delivery, () => {
      if (delivery.acknowledgedCount > 50_000 && !isBack) {
        isBack = true;
        restart = broker.kill().then(() => broker.restart());
      }
      return delivery.acknowledgedCount > 150_000;
    });
    await restart;
    await expectAll(bootstrap, topic, count);
  });
}, { needsOwnBroker: true });

kafkaTest("KafkaPublisher loses nothing when leaders move", async () => {
  await using cluster = await startCluster();
  const { bootstrap } = cluster;
  const topic = uniqueName("moving");
  await cluster.createTopic(topic, 3, { "min.insync.replicas": "1" });
  await using publisher = await startPublisher(bootstrap, topic);
  const delivery = publisher.deliver();
  let hasMoved = false;
  const moving = (async () => {
    for (let partition = 0; partition < 3; partition++) {
      const leader = await cluster.leaderOf({ topic, partition });
      await cluster.moveLeader({ topic, partition }, leader % 3 + 1);
    }
    const leader = await cluster.leaderOf({ topic, partition: 0 });
    await cluster.kill(leader);
  })().finally(() => hasMoved = true);
  let countWhenMoved = Infinity;
  const count = await addUntil(delivery, () => {
    if (hasMoved) countWhenMoved = Math.min(countWhenMoved, delivery.acknowledgedCount);
    return delivery.acknowledgedCount >= countWhenMoved + 20_000;
  });
  await moving;
  await expectAll(bootstrap, topic, count);
}, { needsOwnBroker: true });
