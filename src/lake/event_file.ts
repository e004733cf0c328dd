import type { Batch } from "../core/batch.ts";
import { ACCIONES } from "../core/event.ts";
import { MICROSECONDS_A_DAY } from "../core/timestamp.ts";
import {
  dictionaryColumn,
  float64Column,
  int32Column,
  int64Column,
  timestampColumn,
  utf8Column,
} from "./arrow_columns.ts";
import type { Column } from "./parquet.ts";

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
  const partitions = batch.partitions.map(({ partition }) => partition);
  const { length } = rows;
  const midnight = BigInt(day) * BigInt(MICROSECONDS_A_DAY);
  const ts = new BigInt64Array(length), usuarioIds = new BigInt64Array(length);
  const offsets = new BigInt64Array(length), montos = new Float64Array(length);
  const acciones = new Uint8Array(length), partition = new Int32Array(length);
  const eventIds: string[] = [], extras: (string | null)[] = [];
  for (let i = 0; i < length; i++) {
    const row = rows[i] ?? 0;
    eventIds.push(batch.eventIds.at(row));
    ts[i] = midnight + BigInt(batch.microseconds[row] ?? 0);
    usuarioIds[i] = BigInt(batch.usuarioIds[row] ?? 0);
    acciones[i] = batch.acciones[row] ?? 0;
    montos[i] = batch.montos[row] ?? 0;
    extras.push(batch.extras.get(row) ?? null);
    const origin = batch.origins.get(row);
    partition[i] = origin?.partition ?? partitions[batch.partitionIndexes[row] ?? 0] ?? 0;
    offsets[i] = origin?.offset ?? batch.offsets[row] ?? 0n;
  }
  const processingTs = new BigInt64Array(length).fill(processingTsMicroseconds);
  return [
    { name: "event_id", data: utf8Column(eventIds), isNullable: false },
    { name: "ts", data: timestampColumn(ts), isNullable: false },
    { name: "usuario_id", data: int64Column(usuarioIds), isNullable: false },
    { name: "accion", data: dictionaryColumn(acciones, ACCIONES), isNullable: true },
    { name: "monto", data: float64Column(montos), isNullable: false },
    { name: "processing_ts", data: timestampColumn(processingTs), isNullable: false },
    { name: "extra", data: utf8Column(extras), isNullable: true },
    { name: "kafka_partition", data: int32Column(partition), isNullable: false },
    { name: "kafka_offset", data: int64Column(offsets), isNullable: false },
  ];
}
