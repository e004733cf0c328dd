import assert from "node:assert/strict";
import type { Message } from "kafkajs";
import produceRequests from "kafkajs/src/protocol/requests/produce/index.js";
import { OrillaError } from "../src/core/errors.ts";
import {
  BatchMessage,
  batchPartitioner,
  type ProduceParts,
  produceRecordBatches,
  type ProduceRequests,
} from "../src/kafka/produce_request.ts";
import { RecordBatchWriter } from "../src/kafka/record_batch.ts";
import { bytesOf } from "./core/samples.ts";

const produce: ProduceRequests = produceRequests;
const original = produce.protocol;
produceRecordBatches();
produceRecordBatches();

function partsOf(messages: Readonly<Record<number, readonly Message[]>>): ProduceParts {
  const partitions = Object.entries(messages).map(([partition, messages]) => ({
    partition: Number(partition),
    messages,
  }));
  return { acks: -1, timeout: 30_000, topicData: [{ topic: "señales", partitions }] };
}

async function bytesOfRequest(
  protocol: typeof original,
  version: number,
  parts: ProduceParts,
): Promise<Uint8Array> {
  const { buffer } = await protocol({ version })(parts).request.encode();
  return new Uint8Array(buffer);
}

function batchOf(text: string): Uint8Array<ArrayBuffer> {
  const writer = new RecordBatchWriter();
  writer.add({ key: null, value: bytesOf(text) }, Infinity);
  return writer.finish(0);
}

/** Where a record batch of `length` bytes begins in a request that ends with it. */
function withoutBatch(request: Uint8Array, length: number): Uint8Array {
  return request.subarray(0, request.length - length);
}

Deno.test("a request with record batches is kafkajs's own but for what is in them", async () => {
  const batch = batchOf("value");
  for (const version of [3, 5, 7]) {
    const ours = await bytesOfRequest(
      produce.protocol,
      version,
      partsOf({ 2: [new BatchMessage(2, batch)] }),
    );
    // kafkajs's record batch of the same record is as long: only times, epochs and sequences differ.
    const message = { key: null, value: "value" };
    const theirs = await bytesOfRequest(original, version, partsOf({ 2: [message] }));
    assert.deepEqual(withoutBatch(ours, batch.length), withoutBatch(theirs, batch.length));
    assert.deepEqual(ours.subarray(-batch.length), batch);
  }
});

Deno.test("a request holds the record batches of several partitions, each behind its length", async () => {
  const batches = [batchOf("a"), batchOf("bb".repeat(500))] as const;
  const messages = { 0: [new BatchMessage(0, batches[0])], 7: [new BatchMessage(7, batches[1])] };
  const request = await bytesOfRequest(produce.protocol, 7, partsOf(messages));
  const fields = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const second = request.length - batches[1].length;
  assert.equal(fields.getInt32(second - 4), batches[1].length);
  assert.equal(fields.getInt32(second - 8), 7);
  const first = second - 8 - batches[0].length;
  assert.deepEqual(request.subarray(first, second - 8), batches[0]);
  assert.deepEqual([fields.getInt32(first - 4), fields.getInt32(first - 8)], [
    batches[0].length,
    0,
  ]);
});

Deno.test("other messages are encoded by kafkajs, with its version and its answer's decoder", async () => {
  const parts = partsOf({ 0: [{ key: "k", value: "v", timestamp: "1000" }] });
  assert.deepEqual(
    await bytesOfRequest(produce.protocol, 7, parts),
    await bytesOfRequest(original, 7, parts),
  );
  const batches = partsOf({ 0: [new BatchMessage(0, batchOf("v"))] });
  const made = produce.protocol({ version: 7 })(batches);
  assert.equal(made.request.apiVersion, 7);
  assert.equal(made.response, original({ version: 7 })(parts).response);
});

Deno.test("a broker from before Kafka 0.11 is refused with advice", () => {
  const parts = partsOf({ 0: [new BatchMessage(0, batchOf("v"))] });
  assert.throws(() => produce.protocol({ version: 2 })(parts), (error) => {
    assert.ok(error instanceof OrillaError && error.exitCode === 1);
    assert.match(error.message, /older than Kafka 0\.11: update it/);
    return true;
  });
});

Deno.test("batchPartitioner() takes the partition that a record batch names, and tells how many there are", () => {
  const counts: number[] = [];
  const partition = batchPartitioner((count) => counts.push(count))();
  const found = { partitionErrorCode: 0, leader: 1, replicas: [1], isr: [1] };
  const partitionMetadata = [0, 1, 2].map((partitionId) => ({ partitionId, ...found }));
  const message = new BatchMessage(1, batchOf("v"));
  assert.equal(partition({ topic: "t", partitionMetadata, message }), 1);
  assert.deepEqual(counts, [3]);
});
