import assert from "node:assert/strict";
import fc from "fast-check";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { Batch } from "../../src/core/batch.ts";
import { EVENT_COLUMNS } from "../../src/core/event_fields.ts";
import { microsecondsOf, momentOfMs } from "../../src/core/timestamp.ts";
import {
  batchOf,
  batchOfEvents,
  bytesOf,
  eventRecord,
  eventText,
  HERE,
  ingestRecord,
} from "../core/samples.ts";
import { readParquetFile } from "../lake_reader.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

const STAGED_AT = BigInt(STAGED_AT_MS) * 1000n;

/** Stages a batch, and reads the rows of its files back, file by file. */
async function roundTrip(batch: Batch): Promise<Record<string, unknown>[][]> {
  await using lake = await emptyLake();
  const staged = await stageBatch(lake, batch);
  const paths = staged.map(({ stagedPath }) => `${lake.outDir}/${stagedPath}`);
  return await Promise.all(paths.map(readParquetFile));
}

Deno.test("an events file holds each column with its value", async () => {
  const rows = await roundTrip(batchOfEvents([
    { usuario_id: Number.MAX_SAFE_INTEGER, monto: 1e300, otro: { a: [1, null] } },
    { ts: "2026-11-24T10:15:00.123457Z", accion: undefined, monto: null, usuario_id: -7 },
  ]));
  const common = { processing_ts: STAGED_AT, kafka_partition: 0 };
  assert.deepEqual(rows, [[
    {
      event_id: "e1",
      ts: 1_795_515_300_123_456n,
      usuario_id: 9_007_199_254_740_991n,
      accion: "click",
      monto: 1e300,
      extra: '{"otro":{"a":[1,null]}}',
      kafka_offset: 0n,
      ...common,
    },
    {
      event_id: "e1",
      ts: 1_795_515_300_123_457n,
      usuario_id: -7n,
      accion: null,
      monto: 0,
      extra: null,
      kafka_offset: 1n,
      ...common,
    },
  ]]);
});

Deno.test("an events file holds integers of 64 bits exactly, on both sides of each power of 2^32", async () => {
  const offsets = [1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 2n];
  const ids = [2 ** 31, -(2 ** 31) - 1, 2 ** 32 - 1, -(2 ** 32), -(2 ** 32) - 1, -(2 ** 53) + 1];
  const batch = new Batch();
  offsets.forEach((offset, i) => {
    // A partition each: no batch spans 2^53 offsets of one.
    const at = { ...HERE, partition: i };
    ingestRecord(batch, at, eventRecord({ event_id: `e${i}`, usuario_id: ids[i] }, { offset }));
  });
  const [rows = []] = await roundTrip(batch);
  assert.deepEqual(rows.map(({ kafka_offset }) => kafka_offset), offsets);
  assert.deepEqual(rows.map(({ usuario_id }) => usuario_id), ids.map(BigInt));
});

Deno.test("an events file has the columns and types of EVENT_COLUMNS, compressed with zstd", async () => {
  await using lake = await emptyLake();
  const [file] = await stageBatch(lake, batchOfEvents([{}]));
  const bytes = await lake.files.read(file?.stagedPath ?? "");
  const { schema, row_groups: [group] } = parquetMetadata(bytes.buffer);
  const types = schema.slice(1).map(({ name, type, repetition_type, logical_type }) => {
    const isTimestamp = logical_type?.type === "TIMESTAMP";
    const utc = isTimestamp && logical_type.isAdjustedToUTC ? `${logical_type.unit} UTC` : "";
    return [name, type, logical_type?.type, utc, repetition_type];
  });
  const time = ["INT64", "TIMESTAMP", "MICROS UTC", "REQUIRED"];
  assert.deepEqual(types, [
    ["event_id", "BYTE_ARRAY", "STRING", "", "REQUIRED"],
    ["ts", ...time],
    ["usuario_id", "INT64", undefined, "", "REQUIRED"],
    ["accion", "BYTE_ARRAY", "STRING", "", "OPTIONAL"],
    ["monto", "DOUBLE", undefined, "", "REQUIRED"],
    ["processing_ts", ...time],
    ["extra", "BYTE_ARRAY", "STRING", "", "OPTIONAL"],
    ["kafka_partition", "INT32", undefined, "", "REQUIRED"],
    ["kafka_offset", "INT64", undefined, "", "REQUIRED"],
  ]);
  assert.deepEqual(types.map(([name]) => name), EVENT_COLUMNS.map(([name]) => name));
  const columns = group?.columns.map(({ meta_data }) => meta_data) ?? [];
  assert.equal(columns.length, 9);
  for (const column of columns) assert.equal(column?.codec, "ZSTD");
  assert.ok(columns[3]?.encodings.includes("RLE_DICTIONARY"));
  assert.ok(columns[0]?.encodings.includes("DELTA_BYTE_ARRAY"));
  for (const place of [1, 5, 7, 8]) {
    assert.ok(columns[place]?.encodings.includes("DELTA_BINARY_PACKED"));
  }
});

Deno.test("an events file holds accion where all of it is null, and each of its values", async () => {
  const [nothing] = await roundTrip(batchOfEvents([{ accion: undefined }, { accion: undefined }]));
  assert.deepEqual(nothing?.map(({ accion }) => accion), [null, null]);
  const acciones = [
    "purchase",
    undefined,
    "click",
    "view",
    undefined,
    "purchase",
    "click",
    "view",
    undefined,
  ];
  const [rows] = await roundTrip(batchOfEvents(acciones.map((accion) => ({ accion }))));
  assert.deepEqual(rows?.map(({ accion }) => accion), acciones.map((accion) => accion ?? null));
});

Deno.test("an events file holds ids and extras that are not ASCII, or hold NUL", async () => {
  const ids = ["ñ", "日本", "🌊", "a\0b", "\0", "e\u0301", "plain", "\u{10FFFF}"];
  const [rows] = await roundTrip(
    batchOfEvents(ids.map((event_id) => ({ event_id, "ключ": event_id }))),
  );
  assert.deepEqual(rows?.map(({ event_id }) => event_id), ids);
  assert.deepEqual(
    rows?.map(({ extra }) => extra),
    ids.map((id) => JSON.stringify({ "ключ": id })),
  );
});

Deno.test("an events file holds an id's byte order mark", async () => {
  await using lake = await emptyLake();
  const [file] = await stageBatch(lake, batchOfEvents([{ event_id: "\ufeffbom" }]));
  const { buffer } = await lake.files.read(file?.stagedPath ?? "");
  const parsers = { stringFromBytes: (bytes: Uint8Array) => bytes };
  const rows = await parquetReadObjects({ file: buffer, compressors, parsers });
  assert.deepEqual(rows[0]?.["event_id"], bytesOf("\ufeffbom"));
});

Deno.test("an events file holds extra digit by digit", async () => {
  const text = eventText({ otro: "?" }).replace('"?"', "12345678901234567890");
  const [rows] = await roundTrip(batchOf([bytesOf(text)]));
  assert.equal(rows?.[0]?.["extra"], '{"otro":12345678901234567890}');
});

Deno.test("each date has a file of its own, sorted by time, from the year 0000 to 9999", async () => {
  const times = [
    "9999-12-31T23:59:59.999999Z",
    "1969-12-31T23:59:59.999999Z",
    "0000-01-01",
    "1969-12-31T00:00:00Z",
  ];
  const files = await roundTrip(batchOfEvents(times.map((ts, i) => ({ ts, event_id: `e${i}` }))));
  const rows = files.map((file) => file.map(({ event_id, ts }) => [event_id, ts]));
  assert.deepEqual(rows, [
    [["e2", -62_167_219_200_000_000n]],
    [["e3", -86_400_000_000n], ["e1", -1n]],
    [["e0", 253_402_300_799_999_999n]],
  ]);
});

/** Any event that satisfies the schema, and what its row must be. */
const anyEvent = fc.record({
  event_id: fc.string({ unit: "grapheme", minLength: 1 }),
  ts: fc.integer({ min: 0, max: 3 * 86_400_000 }).map((ms) => new Date(ms).toISOString()),
  usuario_id: fc.maxSafeInteger(),
  accion: fc.constantFrom("click", "view", "purchase"),
  monto: fc.oneof(fc.constant(null), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })),
  otro: fc.string({ unit: "grapheme" }),
}, { requiredKeys: ["event_id", "ts", "usuario_id"] });

Deno.test("events files hold every event of any batch, as a reader of others sees it", async () => {
  await checkAsyncProperty(
    fc.asyncProperty(fc.array(anyEvent, { minLength: 1, maxLength: 40 }), async (events) => {
      const rows = (await roundTrip(batchOf(events.map((event) => bytesOf(JSON.stringify(event))))))
        .flat();
      const expected = events.map((event, i) => ({
        event_id: event.event_id,
        ts: microsecondsOf(momentOfMs(Date.parse(event.ts))),
        usuario_id: BigInt(event.usuario_id),
        accion: event.accion ?? null,
        monto: event.monto ?? 0,
        processing_ts: STAGED_AT,
        extra: event.otro === undefined ? null : JSON.stringify({ otro: event.otro }),
        kafka_partition: 0,
        kafka_offset: BigInt(i),
      }));
      const byTime = (a: { ts: bigint; kafka_offset: bigint }, b: typeof a) =>
        Number(a.ts - b.ts) || Number(a.kafka_offset - b.kafka_offset);
      assert.deepEqual(rows, expected.toSorted(byTime));
    }),
    { runs: 25 },
  );
});
