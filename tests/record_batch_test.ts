import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import Decoder from "kafkajs/src/protocol/decoder.js";
import decodeRecordBatch from "kafkajs/src/protocol/recordBatch/v0/decoder.js";
import { crc32c } from "../src/core/crc32c.ts";
import type { RecordHeader } from "../src/core/record.ts";
import { RecordBatchWriter, type RecordToPublish } from "../src/kafka/record_batch.ts";
import { bytesOf } from "./core/samples.ts";
import { recordsOf } from "./fetch_responses.ts";
import { checkAsyncProperty } from "./property_seed.ts";

const NOW_MS = Date.parse("2026-11-24T10:15:00.123Z");

function writtenBatch(records: readonly RecordToPublish[]): Uint8Array<ArrayBuffer> {
  const writer = new RecordBatchWriter();
  for (const record of records) assert.ok(writer.add(record, Infinity));
  assert.equal(writer.finish(NOW_MS).length, writer.byteLength);
  return writer.finish(NOW_MS);
}

/** What the consumer reads from a record batch; its offsets begin at 0, and its times are all the same. */
async function readByUs(batch: Uint8Array): Promise<RecordToPublish[]> {
  const records = await recordsOf(batch);
  records.forEach(({ offset, timestampMs }, i) =>
    assert.deepEqual([offset, timestampMs], [BigInt(i), NOW_MS])
  );
  return records.map(({ key, value, headers }) => ({ key, value, headers }));
}

interface KafkajsRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | null | readonly (Buffer | null)[]>>;
}

async function readByKafkajs(batch: Uint8Array<ArrayBuffer>): Promise<readonly KafkajsRecord[]> {
  const decoder = new Decoder(Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength));
  const { records }: { records: KafkajsRecord[] } = await decodeRecordBatch(decoder);
  return records;
}

function plain(bytes: Buffer | null): Uint8Array | null {
  return bytes && new Uint8Array(bytes);
}

const anyBytes = fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 200 }));
const anyHeader: fc.Arbitrary<RecordHeader> = fc.record({
  name: fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "ñ", "a", "__proto__")),
  value: anyBytes,
}, { noNullPrototype: true });
const anyHeaders = fc.array(anyHeader, { maxLength: 5 });
const anyRecord: fc.Arbitrary<RecordToPublish> = fc.oneof(
  fc.record({ key: anyBytes, value: anyBytes }, { noNullPrototype: true }),
  fc.record({ key: anyBytes, value: anyBytes, headers: anyHeaders }, { noNullPrototype: true }),
);

Deno.test("RecordBatchWriter writes records that are read back as they were", async () => {
  await checkAsyncProperty(
    fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 80 }), async (records) => {
      const expected = records.map(({ key, value, headers = [] }) => ({ key, value, headers }));
      assert.deepEqual(await readByUs(writtenBatch(records)), expected);
    }),
  );
});

Deno.test("RecordBatchWriter writes records that kafkajs reads as they were", async () => {
  await checkAsyncProperty(
    fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 80 }), async (records) => {
      const read = await readByKafkajs(writtenBatch(records));
      read.forEach(({ offset, timestamp, key, value, headers }, i) => {
        assert.deepEqual([offset, timestamp], [String(i), String(NOW_MS)]);
        const { headers: written = [], ...parts } = records[i] ?? {};
        assert.deepEqual({ key: plain(key), value: plain(value) }, parts);
        // It mixes up the names that every object has, see records.ts.
        for (const [name, same] of Map.groupBy(written, ({ name }) => name)) {
          if (name in {}) continue;
          const values = [headers[name] ?? null].flat().map(plain);
          assert.deepEqual(values, same.map(({ value }) => value));
        }
      });
      assert.equal(read.length, records.length);
    }),
  );
});

Deno.test("RecordBatchWriter writes parts and offsets of every width", async () => {
  const sizes = [0, 1, 63, 64, 8_191, 8_192, 2 ** 20 - 1, 2 ** 20, 3 * 2 ** 20];
  const sized = sizes.map((size, i) => ({
    key: new Uint8Array(size).fill(i),
    value: new Uint8Array(size).fill(i + 1),
    headers: [{ name: "h".repeat(size % 9_000), value: new Uint8Array(size).fill(i + 2) }],
  }));
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    key: null,
    value: bytesOf(`v${i}`),
    headers: [],
  }));
  const records = [...many, ...sized];
  assert.deepEqual(await readByUs(writtenBatch(records)), records);
});

Deno.test("a record batch has the header that Kafka's documentation gives it", () => {
  const batch = writtenBatch([
    { key: null, value: bytesOf("a") },
    { key: null, value: null },
    { key: null, value: null },
  ]);
  const fields = new DataView(batch.buffer);
  const int64s = [0, 27, 35, 43].map((at) => fields.getBigInt64(at));
  assert.deepEqual(int64s, [0n, BigInt(NOW_MS), BigInt(NOW_MS), -1n]);
  const int32s = [8, 12, 23, 53, 57].map((at) => fields.getInt32(at));
  assert.deepEqual(int32s, [batch.length - 12, -1, 2, -1, 3]);
  assert.deepEqual([fields.getInt8(16), fields.getInt16(21), fields.getInt16(51)], [2, 0, -1]);
  assert.equal(fields.getUint32(17), crc32c(batch.subarray(21)));
});

Deno.test("RecordBatchWriter.add() keeps to its bound, but for a first record that is larger", async () => {
  const record = { key: bytesOf("key"), value: new Uint8Array(100), headers: [] };
  const one = writtenBatch([record]).length, two = writtenBatch([record, record]).length;
  const writer = new RecordBatchWriter();
  assert.ok(writer.add(record, one - 1));
  assert.ok(!writer.add(record, two - 1));
  assert.equal(writer.byteLength, one);
  assert.ok(writer.add(record, two));
  assert.deepEqual(await readByUs(writer.finish(NOW_MS)), [record, record]);
});
