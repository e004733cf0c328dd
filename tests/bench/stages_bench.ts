import assert from "node:assert/strict";
import { Batch } from "../../src/core/batch.ts";
import { ACCIONES } from "../../src/core/event_fields.ts";
import { groupByDay } from "../../src/core/grouping.ts";
import { ingest, ingestAny } from "../../src/core/ingest.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { noHeaders, type RawRecord } from "../../src/core/record.ts";
import { microsecondsOf } from "../../src/core/timestamp.ts";
import { eventColumns } from "../../src/lake/event_file.ts";
import { encodeParquet, loadParquet } from "../../src/lake/parquet.ts";
import { parquetTable } from "../../src/lake/parquet_table.ts";
import { generateEvents } from "../../src/simulation/event_generator.ts";
import { readParquet } from "../lake_reader.ts";

/** Divide a time by this for the time of an event. */
const COUNT = 50_000;
const HERE = { topic: "bench", partition: 0 };
const START_MS = Date.parse("2026-11-24T23:59:59.999Z");

interface Share {
  readonly days?: number;
  readonly unknownFieldRatio?: number;
}

/** A batch's worth of valid records. */
function records({ days = 3, unknownFieldRatio = 0.005 }: Share = {}): readonly RawRecord[] {
  const options = { count: COUNT, seed: 1, firstId: 0, eventIdForm: "sequence" } as const;
  const shares = { duplicateRatio: 0, invalidRatio: 0, unknownFieldRatio, days };
  const events = generateEvents({ ...options, ...shares, startMs: START_MS }, () => START_MS);
  return Array.from(events, ({ key, value }, i) => ({
    offset: BigInt(i),
    timestampMs: START_MS,
    key,
    value,
    headers: noHeaders(),
  }));
}

function take(batch: Batch, from: readonly RawRecord[], how: typeof ingest): Batch {
  batch.clear();
  const cursor = new RecordList(from);
  while (cursor.next()) how(batch, HERE, cursor);
  return batch;
}

const usual = records(), unknown = records({ unknownFieldRatio: 1 });
const batch = take(new Batch(), usual, ingest), scratch = new Batch();
const rows = Int32Array.from({ length: COUNT }, (_, row) => row);
const shuffled = rows.toSorted((a, b) => (a * 7_919) % COUNT - (b * 7_919) % COUNT);
const groups = groupByDay(batch, rows);
const metadata = new Map([["orilla.version", "bench"]]);
const columns = groups.map((group) => eventColumns(batch, group, 1n));
await loadParquet();

const encode = () => columns.map((column) => encodeParquet(parquetTable(column, metadata)));

/** What is measured must be right: both paths of ingest agree, and the files hold every row of it. */
async function assertExact(): Promise<void> {
  for (const from of [usual, unknown]) {
    const some = take(new Batch(), from, ingest), any = take(scratch, from, ingestAny);
    assert.deepEqual(rowsOf(some), rowsOf(any));
  }
  const expected = new Map(rowsOf(batch).map((row) => [row[0], row]));
  const files = encode();
  for (const file of files) {
    for (const row of await readParquet(file)) {
      const { event_id, ts, usuario_id, accion, monto, extra, kafka_offset } = row;
      const values = [event_id, ts, usuario_id, accion, monto, extra, kafka_offset];
      assert.deepEqual(values, expected.get(event_id));
      expected.delete(event_id);
    }
  }
  assert.equal(expected.size, 0);
}

function rowsOf(batch: Batch): unknown[][] {
  const { days, microseconds } = batch;
  return [...batch.eventIds].map((id, row) => [
    id,
    microsecondsOf({ day: days[row] ?? 0, microseconds: microseconds[row] ?? 0 }),
    BigInt(batch.usuarioIds[row] ?? 0),
    ACCIONES[(batch.acciones[row] ?? 0) - 1] ?? null,
    batch.montos[row],
    batch.extras.get(row) ?? null,
    batch.offsetOf(row),
  ]);
}

await assertExact();
const byteCount = encode().reduce((sum, { length }) => sum + length, 0);

Deno.bench("ingest, usual form (1 in 200 with an unknown field)", () => {
  take(scratch, usual, ingest);
});
Deno.bench("ingest, usual form, each with an unknown field", () => {
  take(scratch, unknown, ingest);
});
Deno.bench("ingest, general path", () => {
  take(scratch, usual, ingestAny);
});
Deno.bench("ingest, general path, each with an unknown field", () => {
  take(scratch, unknown, ingestAny);
});
Deno.bench("grouping, in the order of time", () => {
  groupByDay(batch, rows);
});
Deno.bench("grouping, in no order", () => {
  groupByDay(batch, shuffled);
});
Deno.bench("columns", () => {
  for (const group of groups) eventColumns(batch, group, 1n);
});
Deno.bench(`Parquet, ${(byteCount / COUNT).toFixed(1)} bytes an event`, () => {
  encode();
});
