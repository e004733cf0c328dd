import assert from "node:assert/strict";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { Batch } from "../../src/core/batch.ts";
import type { RawRecord } from "../../src/core/record.ts";
import { bytesOf, eventText, ingestRecord, recordOf } from "../core/samples.ts";
import { readParquetFile } from "../lake_reader.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

/** Takes records in at rising offsets, stages them, and reads the dead letters back. */
async function deadLettersOf(records: readonly RawRecord[], topic = "events") {
  await using lake = await emptyLake();
  const batch = new Batch();
  for (const record of records) ingestRecord(batch, { topic, partition: 3 }, record);
  const staged = await stageBatch(lake, batch);
  const file = staged.find(({ kind }) => kind === "dead_letters");
  assert.ok(file !== undefined);
  assert.equal(file.rowCount, batch.rejected.length);
  return await readParquetFile(`${lake.outDir}/${file.stagedPath}`);
}

Deno.test("a dead letter holds where the record lay, its bytes, and why it was rejected", async () => {
  const value = bytesOf(eventText({ usuario_id: "7", event_id: "ñ🌊" }));
  const headers = [
    { name: "trace", value: Uint8Array.of(0, 255) },
    { name: "ключ", value: new Uint8Array() },
    { name: "none", value: null },
    { name: "trace", value: Uint8Array.of(1) },
  ];
  const offset = 2n ** 53n + 1n;
  const key = bytesOf("k");
  const letters = await deadLettersOf([
    recordOf(value, { offset, timestampMs: 1_764_000_000_123, key, headers }),
  ]);
  assert.deepEqual(letters, [{
    topic: "events",
    partition: 3,
    offset,
    record_timestamp: 1_764_000_000_123_000n,
    key,
    headers,
    value,
    reason: "usuario_id_not_integer",
    path: "usuario_id",
    event_id: "ñ🌊",
    rejected_at: BigInt(STAGED_AT_MS) * 1000n,
    stage: "validate",
    attempts: 1,
    key_id: null,
  }]);
});

Deno.test("a dead letter tells no value, an empty one, and no key apart", async () => {
  const letters = await deadLettersOf([
    recordOf(null, { offset: 0n }),
    recordOf(new Uint8Array(), { offset: 1n, key: new Uint8Array() }),
    recordOf(Uint8Array.of(0xff, 0x00, 0xfe), { offset: 2n, key: Uint8Array.of(0x80) }),
  ]);
  assert.deepEqual(letters.map(({ value }) => value), [
    null,
    new Uint8Array(),
    Uint8Array.of(0xff, 0x00, 0xfe),
  ]);
  assert.deepEqual(letters.map(({ key }) => key), [null, new Uint8Array(), Uint8Array.of(0x80)]);
  assert.deepEqual(letters.map(({ reason }) => reason), ["no_value", "no_value", "not_utf8"]);
  assert.deepEqual(letters.map(({ path, event_id }) => [path, event_id]), [
    [null, null],
    [null, null],
    [null, null],
  ]);
});

Deno.test("a dead letter holds a record timestamp that is not set", async () => {
  const [letter] = await deadLettersOf([recordOf(null, { timestampMs: -1 })]);
  assert.equal(letter?.["record_timestamp"], -1_000n);
});

Deno.test("a dead-letter file has the types that its README names", async () => {
  await using lake = await emptyLake();
  const batch = new Batch();
  ingestRecord(batch, { topic: "t", partition: 0 }, recordOf(null));
  const [file] = await stageBatch(lake, batch);
  const { schema } = parquetMetadata((await lake.files.read(file?.stagedPath ?? "")).buffer);
  const types = schema.slice(1).map(({ name, type, logical_type, repetition_type }) =>
    [name, logical_type?.type ?? type, repetition_type].join(" ")
  );
  assert.deepEqual(types, [
    "topic STRING REQUIRED",
    "partition INT32 REQUIRED",
    "offset INT64 REQUIRED",
    "record_timestamp TIMESTAMP REQUIRED",
    "key BYTE_ARRAY OPTIONAL",
    "headers LIST REQUIRED",
    "list  REPEATED",
    "item  REQUIRED",
    "name STRING REQUIRED",
    "value BYTE_ARRAY OPTIONAL",
    "value BYTE_ARRAY OPTIONAL",
    "reason STRING REQUIRED",
    "path STRING OPTIONAL",
    "event_id STRING OPTIONAL",
    "rejected_at TIMESTAMP REQUIRED",
    "stage STRING REQUIRED",
    "attempts INT32 REQUIRED",
    "key_id STRING OPTIONAL",
  ]);
});

const anyHeaders = fc.array(
  fc.tuple(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 5 })).map((
    [name, value],
  ) => ({ name, value })),
  { maxLength: 3 },
);

const anyRejected = fc.record({
  value: fc.option(fc.uint8Array({ maxLength: 20 })),
  key: fc.option(fc.uint8Array({ maxLength: 5 })),
  headers: anyHeaders,
  timestampMs: fc.nat(),
});

Deno.test("dead letters hold the original bytes of any records, in their order", async () => {
  await checkAsyncProperty(
    fc.asyncProperty(fc.array(anyRejected, { minLength: 1, maxLength: 20 }), async (records) => {
      const letters = await deadLettersOf(
        records.map(({ value, ...parts }, i) => recordOf(value, { ...parts, offset: BigInt(i) })),
        "tópico",
      );
      const found = letters.map(({ topic, offset, key, value, headers, record_timestamp }) => ({
        topic,
        offset,
        key,
        value,
        headers,
        record_timestamp,
      }));
      const expected = records.map(({ timestampMs, ...record }, i) => ({
        topic: "tópico",
        offset: BigInt(i),
        ...record,
        record_timestamp: BigInt(timestampMs) * 1000n,
      }));
      assert.deepEqual(found, expected);
    }),
    { runs: 25 },
  );
});
