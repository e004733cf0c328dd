import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { ingest } from "../../src/core/ingest.ts";
import { RecordReader } from "../../src/core/record_block.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { RawRecord, RecordCursor } from "../../src/core/record.ts";
import { checkProperty } from "../property_seed.ts";
import { blockOf, varint } from "./kafka_records.ts";
import { bytesOf, eventRecord, HERE, recordOf } from "./samples.ts";

const BASE = { firstOffset: 1_000n, firstTimestampMs: 1_795_000_000_000 };

const anyBytes = fc.option(fc.uint8Array({ maxLength: 300 }));
const anyRecord = fc.record({
  offsetDelta: fc.nat(100_000),
  timestampMs: fc.integer({ min: -1, max: 4_000_000_000_000 }),
  key: anyBytes,
  value: fc.oneof(
    anyBytes,
    fc.constant(bytesOf(`{"event_id":"e","ts":"2026-11-24","usuario_id":1}`)),
  ),
  headers: fc.array(
    fc.record({ name: fc.string(), value: fc.option(fc.uint8Array({ maxLength: 20 })) }, {
      noNullPrototype: true,
    }),
    { maxLength: 3 },
  ),
});
/** Records at rising offsets. */
const anyRecords = fc.array(anyRecord, { maxLength: 20 }).map((list) => {
  let offset = BASE.firstOffset;
  return list.map(({ offsetDelta, ...record }): RawRecord => {
    const at = offset;
    offset += BigInt(offsetDelta) + 1n;
    return { ...record, offset: at };
  });
});

/** What a cursor says of all its records. */
function contentsOf(cursor: RecordCursor) {
  const seen = [];
  while (cursor.next()) {
    const { timestampMs, byteLength, bytes, valueStart, valueEnd } = cursor;
    const offset = cursor.baseOffset + BigInt(cursor.offsetDelta);
    const value = valueStart < 0 ? null : [...bytes.subarray(valueStart, valueEnd)];
    seen.push({ offset, timestampMs, byteLength, value, record: cursor.record() });
  }
  return seen;
}

Deno.test("RecordReader and RecordList say the same of any records", () => {
  checkProperty(fc.property(anyRecords, (records) => {
    const reader = new RecordReader(blockOf(records, BASE)), list = new RecordList(records);
    const fromBlock = contentsOf(reader);
    assert.deepEqual(fromBlock, contentsOf(list));
    assert.deepEqual(contentsOf(reader.again()), fromBlock);
    assert.deepEqual(contentsOf(list.again()), fromBlock);
    assert.deepEqual(fromBlock.map(({ record }) => record), records);
  }));
});

Deno.test("ingest() takes in the same from a block as from a list, whatever bytes lie around a value", () => {
  checkProperty(fc.property(anyRecords, (records) => {
    const [fromBlock, fromList] = [
      new RecordReader(blockOf(records, BASE)),
      new RecordList(records),
    ]
      .map((cursor) => {
        const batch = new Batch();
        while (cursor.next()) ingest(batch, HERE, cursor);
        return batch;
      });
    assert.deepEqual(fromBlock?.rejected, fromList?.rejected);
    assert.deepEqual(fromBlock?.partitions, fromList?.partitions);
    assert.deepEqual([...fromBlock?.eventIds ?? []], [...fromList?.eventIds ?? []]);
    assert.deepEqual(fromBlock?.offsetDeltas, fromList?.offsetDeltas);
  }));
});

Deno.test("RecordReader takes a value that ends where the bytes after it would go on", () => {
  const whole = `{"event_id":"e1","ts":"2026-11-24","usuario_id":1}`;
  const headers = [{ name: "}", value: bytesOf(" }") }];
  const values = [whole.slice(0, -1), `${whole} `, whole, ` ${whole}`];
  const records = values.map((text, i) =>
    recordOf(bytesOf(text), { offset: BigInt(1_000 + i), headers })
  );
  const reader = new RecordReader(blockOf(records, { ...BASE, firstTimestampMs: 1_000 }));
  const batch = new Batch();
  while (reader.next()) ingest(batch, HERE, reader);
  assert.deepEqual([...batch.rejected].map(({ record }) => record.offset), [1_000n]);
  assert.equal(batch.length, 3);
});

Deno.test("RecordReader passes over the records below an offset", () => {
  checkProperty(
    fc.property(anyRecords, fc.bigInt({ min: 990n, max: 150_000n }), (records, from) => {
      const reader = new RecordReader(blockOf(records, BASE), from);
      const seen = contentsOf(reader);
      const expected = records.filter(({ offset }) => offset >= from);
      assert.deepEqual(seen.map(({ record }) => record), expected);
      assert.deepEqual(contentsOf(reader.again()), seen);
    }),
  );
});

Deno.test("RecordReader stamps all records with the time of appending where the broker does so", () => {
  const block = blockOf([eventRecord({}, { offset: 1_000n, timestampMs: 5 })], BASE);
  const reader = new RecordReader({ ...block, appendTimestampMs: 77 });
  assert.ok(reader.next());
  assert.equal(reader.timestampMs, 77);
});

Deno.test("RecordReader gives records copies of their bytes", () => {
  const block = blockOf([eventRecord({}, { offset: 1_000n, key: bytesOf("k") })], BASE);
  const reader = new RecordReader(block);
  reader.next();
  const { key, value } = reader.record();
  block.bytes.fill(0);
  assert.deepEqual(key, bytesOf("k"));
  assert.equal(value?.[0], "{".charCodeAt(0));
});

Deno.test("RecordReader refuses records that do not fit into their block", () => {
  const block = blockOf([eventRecord({}, { offset: 1_000n })], BASE);
  const cut = { ...block, bytes: block.bytes.subarray(0, -1) };
  assert.throws(() => new RecordReader(cut).next(), /ends after its block/);
  const longer = { ...block, bytes: block.bytes.slice() };
  longer.bytes.set(varint(9n), 0);
  assert.throws(() => new RecordReader(longer).next(), /longer than its length/);
  const headers = [{ name: "n", value: bytesOf("value") }];
  const withHeader = blockOf([recordOf(null, { offset: 1_000n, headers })], BASE);
  // The length of its value, said to be one less.
  withHeader.bytes[withHeader.bytes.length - 6] = 4 << 1;
  assert.throws(() => new RecordReader(withHeader).next(), /headers do not end where it does/);
});

Deno.test("RecordReader reads a hundred thousand headers in a moment", () => {
  const value = bytesOf("v");
  const headers = Array.from({ length: 100_000 }, (_, i) => ({ name: `h${i % 50_000}`, value }));
  const reader = new RecordReader(blockOf([recordOf(null, { offset: 1_000n, headers })], BASE));
  const startMs = performance.now();
  assert.ok(reader.next());
  assert.equal(reader.record().headers.length, headers.length);
  assert.ok(performance.now() - startMs < 2_000);
});
