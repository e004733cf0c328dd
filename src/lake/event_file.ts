import type { Batch } from "../core/batch.ts";
import { ACCIONES } from "../core/event_fields.ts";
import { microsecondsOf } from "../core/timestamp.ts";
import {
  dictionaryColumn,
  extraColumn,
  float64Column,
  int32Column,
  int64Column,
  textColumn,
  timestampColumn,
} from "./arrow_columns.ts";
import type { Column } from "./parquet_table.ts";

/**
 * The columns of an events file, in the order of EVENT_COLUMNS: the given rows of one lake partition.
 *
 * @param rows rows of the batch that lie in that day, in the order of the file
 * @param processingTsMicroseconds when the batch was staged, for `processing_ts`
 */
export function eventColumns(
  batch: Batch,
  { day, rows }: { readonly day: number; readonly rows: Int32Array },
  processingTsMicroseconds: bigint,
): readonly Column[] {
  const { length } = rows;
  const processingTs = new BigInt64Array(length).fill(processingTsMicroseconds);
  const montos = new Float64Array(length), acciones = new Uint8Array(length);
  const { montos: allMontos, acciones: allAcciones, usuarioIds } = batch;
  for (let i = 0; i < length; i++) {
    const row = rows[i] ?? 0;
    montos[i] = allMontos[row] ?? 0;
    acciones[i] = allAcciones[row] ?? 0;
  }
  const deltas = { isNullable: false, encoding: "integer_deltas" } as const;
  return [
    {
      name: "event_id",
      data: textColumn(batch.eventIds, rows),
      isNullable: false,
      encoding: "text_deltas",
    },
    { name: "ts", data: timestampColumn(times(batch, { day, rows })), ...deltas },
    {
      name: "usuario_id",
      data: int64Column(integers(rows, (row) => usuarioIds[row] ?? 0)),
      isNullable: false,
    },
    { name: "accion", data: dictionaryColumn(acciones, ACCIONES), isNullable: true },
    { name: "monto", data: float64Column(montos), isNullable: false },
    { name: "processing_ts", data: timestampColumn(processingTs), ...deltas },
    { name: "extra", data: extraColumn(batch.extras, rows), isNullable: true },
    { name: "kafka_partition", data: int32Column(kafkaPartitions(batch, rows)), ...deltas },
    { name: "kafka_offset", data: int64Column(kafkaOffsets(batch, rows)), ...deltas },
  ];
}

// 64-bit values are made of two 32-bit words each, the lower one first as every platform of Deno has it: a
// BigInt for each would take most of the time.
const WORD = 2 ** 32;

/** Microseconds since 1970-01-01 UTC. Both parts are below 2^63, but their sum is not exact as a number. */
function times(
  batch: Batch,
  { day, rows }: { readonly day: number; readonly rows: Int32Array },
): BigInt64Array {
  const midnight = new Int32Array(
    BigInt64Array.of(microsecondsOf({ day, microseconds: 0 })).buffer,
  );
  const low = (midnight[0] ?? 0) >>> 0, high = midnight[1] ?? 0;
  const { microseconds } = batch;
  const values = new BigInt64Array(rows.length);
  const words = new Int32Array(values.buffer);
  for (let i = 0; i < rows.length; i++) {
    const sum = low + (microseconds[rows[i] ?? 0] ?? 0);
    words[2 * i] = sum;
    words[2 * i + 1] = high + Math.floor(sum / WORD);
  }
  return values;
}

/** Integers below 2^53. */
function integers(rows: Int32Array, valueOf: (row: number) => number): BigInt64Array {
  const values = new BigInt64Array(rows.length);
  const words = new Int32Array(values.buffer);
  for (let i = 0; i < rows.length; i++) {
    const value = valueOf(rows[i] ?? 0);
    words[2 * i] = value;
    words[2 * i + 1] = Math.floor(value / WORD);
  }
  return values;
}

function kafkaOffsets(batch: Batch, rows: Int32Array): BigInt64Array {
  const { partitions } = batch;
  const hasLarge = partitions.some(({ nextOffset }) => nextOffset > Number.MAX_SAFE_INTEGER);
  if (hasLarge || batch.origins.size > 0) {
    return BigInt64Array.from(rows, (row) => batch.positionOf(row).offset);
  }
  const { partitionIndexes, offsetDeltas } = batch;
  const firsts = Float64Array.from(partitions, ({ firstOffset }) => Number(firstOffset));
  return integers(
    rows,
    (row) => (firsts[partitionIndexes[row] ?? 0] ?? 0) + (offsetDeltas[row] ?? 0),
  );
}

function kafkaPartitions(batch: Batch, rows: Int32Array): Int32Array {
  if (batch.origins.size > 0) return rows.map((row) => batch.positionOf(row).partition);
  const { partitionIndexes } = batch;
  const partitions = Int32Array.from(batch.partitions, ({ partition }) => partition);
  const values = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    values[i] = partitions[partitionIndexes[rows[i] ?? 0] ?? 0] ?? 0;
  }
  return values;
}
