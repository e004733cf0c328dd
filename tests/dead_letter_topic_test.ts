import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import type { RejectedRecord } from "../src/core/rejected_records.ts";
import { OrillaError } from "../src/core/errors.ts";
import { KafkaDeadLetterTopic } from "../src/kafka/dead_letter_topic.ts";
import type { DeliveryNotices } from "../src/kafka/delivery.ts";
import type { RecordToPublish } from "../src/kafka/record_batch.ts";
import { bytesOf, recordOf } from "./core/samples.ts";
import { MemoryDeadLetterTopic } from "./crash/memory_topic.ts";
import { readDeadLetters, readLake, strayFiles } from "./lake_reader.ts";
import { AT, eventRecords, HeldGroup, noSpace, openLake, watchingHooks } from "./pipeline_parts.ts";

/** Two events and two records that are not JSON. */
const RECORDS = [
  ...eventRecords(0, 2),
  recordOf(bytesOf("{"), { offset: 2n }),
  recordOf(bytesOf("["), { offset: 3n }),
];

Deno.test("rejected records are in the dead-letter topic before the transaction, after staging", async () => {
  const order: string[] = [];
  const topic = new MemoryDeadLetterTopic();
  const hooks = watchingHooks((label, side, path) => {
    if (side === "after") order.push(label);
    if (label === "topic:send") assert.equal(path, "dead");
    if (label === "commit:begin") assert.deepEqual(topic.offsets, [2, 3]);
  });
  await using lake = await openLake({ hooks });
  lake.session.pipeline.sendDeadLettersTo(topic);
  await lake.session.pipeline.add({ ...AT, records: new RecordList(RECORDS) });
  order.length = 0;
  await lake.session.pipeline.commit("end");
  const at = (label: string) => order.indexOf(label);
  assert.ok(at("stage:folder") < at("topic:send") && at("topic:send") < at("commit:begin"));
  assert.equal(topic.committedCount, 1);
  assert.equal((await readDeadLetters(lake.outDir)).length, 2);
});

Deno.test("a batch without rejected records does not ask the dead-letter topic", async () => {
  const topic = new MemoryDeadLetterTopic();
  topic.failures.push(new Error("it must not be asked"));
  await using lake = await openLake();
  lake.session.pipeline.sendDeadLettersTo(topic);
  await lake.session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
  await lake.session.pipeline.commit("end");
  assert.equal(topic.failures.length, 1);
});

Deno.test("a dead-letter topic that fails for a while is tried again, and counted", async () => {
  const topic = new MemoryDeadLetterTopic();
  topic.failures.push(noSpace(), noSpace());
  await using lake = await openLake();
  const { pipeline } = lake.session;
  pipeline.sendDeadLettersTo(topic);
  await pipeline.add({ ...AT, records: new RecordList(RECORDS) });
  await pipeline.commit("end");
  const counted = Object.entries(pipeline.counters.retries).filter(([, count]) => count > 0);
  assert.deepEqual(counted, [["dead_letter_topic", 2]]);
  assert.deepEqual(topic.offsets, [2, 3]);
});

Deno.test("where the dead-letter topic fails for good nothing is committed", async () => {
  const topic = new MemoryDeadLetterTopic();
  topic.failures.push(new Error("refused"));
  await using lake = await openLake();
  const { pipeline } = lake.session;
  pipeline.sendDeadLettersTo(topic);
  await pipeline.add({ ...AT, records: new RecordList(RECORDS) });
  await assert.rejects(pipeline.commit("end"), /refused/);
  assert.deepEqual([pipeline.sequence, pipeline.nextOffset(AT)], [0, undefined]);
  assert.deepEqual(await readLake(lake.outDir), []);
});

Deno.test("a batch whose partitions were taken away is not sent to the dead-letter topic", async () => {
  const topic = new MemoryDeadLetterTopic();
  await using lake = await openLake();
  const { pipeline } = lake.session;
  const group = new HeldGroup();
  group.answer(false);
  pipeline.joinGroup(group);
  pipeline.sendDeadLettersTo(topic);
  await pipeline.add({ ...AT, records: new RecordList(RECORDS) });
  await pipeline.commit("end");
  assert.deepEqual([topic.offsets, pipeline.sequence], [[], 0]);
  assert.deepEqual(await strayFiles(lake.outDir), []);
});

/** Rejected records of some sizes, at running offsets. */
function letters(sizes: readonly number[]): RejectedRecord[] {
  return sizes.map((size, i) => ({
    record: recordOf(new Uint8Array(size), { offset: BigInt(i) }),
    topicPartition: AT,
    rejected: { kind: "rejected", reason: "not_json", path: null, eventId: null },
    attempts: 1,
  }));
}

/**
 * A publisher that keeps what it acknowledges: of each send all, or as many as are said, and then it fails at
 * the next record.
 */
function keepingPublisher() {
  const sent: (readonly RecordToPublish[])[] = [];
  const failures: { readonly after: number; readonly error: Error }[] = [];
  const send = (
    records: Iterable<RecordToPublish>,
    { onAcknowledged, onFailed }: DeliveryNotices,
  ) => {
    const all = [...records];
    const failure = failures.shift();
    const acknowledged = all.slice(0, failure?.after);
    if (acknowledged.length > 0) sent.push(acknowledged);
    onAcknowledged?.([...acknowledged.keys()]);
    if (failure === undefined) return Promise.resolve();
    onFailed?.([failure.after]);
    return Promise.reject(failure.error);
  };
  return { sent, failures, publisher: { send } };
}

Deno.test("KafkaDeadLetterTopic does not send again what was acknowledged, until it is committed", async () => {
  const { sent, failures, publisher } = keepingPublisher();
  const topic = new KafkaDeadLetterTopic({ topic: "dead", publisher, version: "1" });
  const all = letters(Array(1_500).fill(1));
  const passing = Object.assign(new Error("no leader"), { retriable: true });
  failures.push({ after: 1_000, error: passing });
  await assert.rejects(topic.send(all), (error) => error === passing);
  await topic.send(all);
  assert.deepEqual(sent.map((records) => records.length), [1_000, 500]);
  await topic.send(all);
  assert.equal(sent.length, 2);
  topic.committed();
  await topic.send(all.slice(0, 3));
  assert.equal(sent[2]?.length, 3);
});

Deno.test("KafkaDeadLetterTopic names the record that is refused for good, and what can be done", async () => {
  const { failures, publisher } = keepingPublisher();
  const topic = new KafkaDeadLetterTopic({ topic: "dead", publisher, version: "1" });
  failures.push({
    after: 2,
    error: Object.assign(new Error("too large"), {
      name: "KafkaJSProtocolError",
      type: "MESSAGE_TOO_LARGE",
      retriable: false,
    }),
  });
  await assert.rejects(topic.send(letters([5, 5, 5, 5])), (error) => {
    assert.ok(error instanceof OrillaError && error.exitCode === 1);
    assert.match(error.message, /topic dead .* at feed\/0\/2: too large.*--dlq-topic/);
    return true;
  });
});
