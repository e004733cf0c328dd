import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type BlockMessage, decodeFetchResponse } from "../src/kafka/fetch_response.ts";
import { RecordReader } from "../src/core/record_block.ts";
import { blockOf } from "./core/kafka_records.ts";
import { bytesOf, recordOf } from "./core/samples.ts";
import { fetchResponse, int, isDecoded, messagesOf } from "./fetch_responses.ts";

interface RecordBatchParts {
  readonly firstOffset: bigint;
  readonly values: readonly string[];
  readonly producerId?: bigint;
  readonly attributes?: number;
  readonly key?: Uint8Array;
}

/** A Kafka record batch whose records lie at rising offsets. */
function recordBatch(parts: RecordBatchParts): number[] {
  const { firstOffset, values, producerId = -1n, attributes = 0, key = null } = parts;
  const base = { firstOffset, firstTimestampMs: 1_000 };
  const records = values.map((text, i) =>
    recordOf(bytesOf(text), { offset: firstOffset + BigInt(i), timestampMs: 1_000 + i, key })
  );
  const { bytes } = blockOf(records, base);
  const packed = (attributes & 7) === 1 ? gzipSync(bytes) : bytes;
  const body = [
    ...int(16, attributes),
    ...int(32, values.length - 1),
    ...int(64, 1_000),
    ...int(64, 5_000),
    ...int(64, producerId),
    ...int(16, 0),
    ...int(32, 0),
    ...int(32, values.length),
    ...packed,
  ];
  const afterLength = [...int(32, 0), 2, ...int(32, 0), ...body];
  return [...int(64, firstOffset), ...int(32, afterLength.length), ...afterLength];
}

const TRANSACTIONAL = 16, CONTROL = 32, LOG_APPEND_TIME = 8;
const ABORT = Uint8Array.of(0, 0, 0, 0), COMMIT = Uint8Array.of(0, 0, 0, 1);

/** The values that readers see, in their order. */
function valuesOf(messages: readonly BlockMessage[]): string[] {
  return messages.flatMap(({ block, isControlRecord }) => {
    if (block === null || isControlRecord) return [];
    const reader = new RecordReader(block);
    const values: string[] = [];
    while (reader.next()) {
      values.push(
        new TextDecoder().decode(reader.bytes.subarray(reader.valueStart, reader.valueEnd)),
      );
    }
    return values;
  });
}

Deno.test("decodeFetchResponse() reads partitions with their record batches, one message each", async () => {
  const buffer = fetchResponse([
    ...recordBatch({ firstOffset: 10n, values: ["a", "b"] }),
    ...recordBatch({ firstOffset: 12n, values: ["c"], attributes: 1 }),
  ]);
  const decoded = await decodeFetchResponse(buffer);
  assert.ok(isDecoded(decoded));
  assert.equal(decoded.sessionId, 7);
  const [topic] = decoded.responses;
  assert.deepEqual([topic?.topicName, topic?.partitions[0]?.partition], ["t", 3]);
  assert.equal(topic?.partitions[0]?.highWatermark, "100");
  const messages = topic?.partitions[0]?.messages ?? [];
  assert.deepEqual(messages.map(({ offset }) => offset), ["11", "12"]);
  assert.deepEqual(valuesOf(messages), ["a", "b", "c"]);
});

Deno.test("decodeFetchResponse() leaves out a record batch that the broker cut in the middle", async () => {
  const second = recordBatch({ firstOffset: 12n, values: ["c"] });
  for (const length of [1, 30, 61, second.length - 1]) {
    const records = [
      ...recordBatch({ firstOffset: 10n, values: ["a"] }),
      ...second.slice(0, length),
    ];
    assert.deepEqual(
      valuesOf(await messagesOf(fetchResponse(records))),
      ["a"],
      `${length} bytes of it`,
    );
  }
  assert.deepEqual(await messagesOf(fetchResponse([])), []);
});

Deno.test("decodeFetchResponse() hides aborted transactions, also one that began before what is fetched", async () => {
  const records = [
    ...recordBatch({
      firstOffset: 10n,
      values: ["of 1"],
      producerId: 1n,
      attributes: TRANSACTIONAL,
    }),
    ...recordBatch({
      firstOffset: 11n,
      values: ["of 2"],
      producerId: 2n,
      attributes: TRANSACTIONAL,
    }),
    ...recordBatch({ firstOffset: 12n, values: ["plain"] }),
    ...recordBatch({
      firstOffset: 13n,
      values: ["of 3"],
      producerId: 3n,
      attributes: TRANSACTIONAL,
    }),
    ...recordBatch({
      firstOffset: 14n,
      values: [""],
      producerId: 1n,
      attributes: CONTROL,
      key: ABORT,
    }),
    ...recordBatch({
      firstOffset: 15n,
      values: ["1 again"],
      producerId: 1n,
      attributes: TRANSACTIONAL,
    }),
    ...recordBatch({
      firstOffset: 16n,
      values: [""],
      producerId: 1n,
      attributes: CONTROL,
      key: COMMIT,
    }),
    ...recordBatch({
      firstOffset: 17n,
      values: ["2 goes on"],
      producerId: 2n,
      attributes: TRANSACTIONAL,
    }),
  ];
  // Both began before offset 10: a reader that forgets one a record would let the second one pass.
  const messages = await messagesOf(fetchResponse(records, [[2n, 4n], [1n, 3n]]));
  assert.deepEqual(valuesOf(messages), ["plain", "of 3", "1 again"]);
  assert.deepEqual(messages.map(({ offset }) => Number(offset)), [10, 11, 12, 13, 14, 15, 16, 17]);
});

Deno.test("decodeFetchResponse() keeps the time of appending where the broker stamps records", async () => {
  const records = recordBatch({ firstOffset: 1n, values: ["a"], attributes: LOG_APPEND_TIME });
  const [message] = await messagesOf(fetchResponse(records));
  assert.equal(message?.block?.appendTimestampMs, 5_000);
  const [own] = await messagesOf(fetchResponse(recordBatch({ firstOffset: 1n, values: ["a"] })));
  assert.equal(own?.block?.appendTimestampMs, null);
});

Deno.test("decodeFetchResponse() refuses a compression codec that it does not know", async () => {
  const records = recordBatch({ firstOffset: 1n, values: ["a"], attributes: 7 });
  await assert.rejects(messagesOf(fetchResponse(records)), /compression codec 7/);
});

Deno.test("decodeFetchResponse() leaves messages from before Kafka 0.11 to kafkajs", async () => {
  const body = [0, 0, ...int(32, -1), ...int(32, 3), ...bytesOf("old")];
  const message = [...int(32, 0), 1, 0, ...int(64, 1_000), ...body.slice(2)];
  const records = [...int(64, 5), ...int(32, message.length), ...message];
  const [old] = await messagesOf(fetchResponse([...records, ...records, ...records]));
  assert.equal(old?.offset, "5");
  assert.ok(old !== undefined && !("block" in old));
});
