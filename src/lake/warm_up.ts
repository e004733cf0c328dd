import { Batch } from "../core/batch.ts";
import { ExtraColumn } from "../core/extra_column.ts";
import { TextColumn } from "../core/text_column.ts";
import { MICROSECONDS_A_DAY } from "../core/timestamp.ts";
import { BatchEncodingHere } from "./batch_encoding.ts";
import type { TableEncoder } from "./encoder.ts";
import { NO_PROTECTION } from "./protection.ts";

/** Enough for the loops over rows to be compiled, and done before a first batch is usually full. */
const ROWS = 8_192;
const DAYS = 2;

/**
 * Encodes a batch that nobody has sent, and throws it away. A thread's first batch takes several times as long as
 * later ones, since its code is compiled meanwhile; this does it while the first records are on their way.
 */
export async function warmUp(encode: TableEncoder): Promise<void> {
  const idKey = Uint32Array.of(1, 2, 3, 4);
  const how = { idKey, protection: NO_PROTECTION, encode };
  const encoding = new BatchEncodingHere(madeUpBatch(), how);
  const { groups } = await encoding.split(new Uint8Array(ROWS));
  const origin = { stagedAtMs: 0, metadata: new Map<string, string>() };
  for (const place of groups.keys()) await encoding.encodeEvents(place, origin);
}

function madeUpBatch(): Batch {
  const eventIds = new TextColumn();
  for (let row = 0; row < ROWS; row++) eventIds.push(`event${row}`);
  // Different values in no order, as events have them.
  const numbers = (below: number) =>
    Float64Array.from({ length: ROWS }, (_, row) => (row * 7_919) % below);
  return Batch.from({
    length: ROWS,
    eventIds: eventIds.content(),
    extras: new ExtraColumn().content(),
    days: Int32Array.from({ length: ROWS }, (_, row) => row % DAYS),
    microseconds: numbers(MICROSECONDS_A_DAY),
    usuarioIds: numbers(1_009),
    acciones: Uint8Array.from({ length: ROWS }, (_, row) => row % 3),
    montos: numbers(997),
    partitionIndexes: new Int32Array(ROWS),
    offsetDeltas: Float64Array.from({ length: ROWS }, (_, row) => row),
    timestampsMs: new Float64Array(ROWS),
    origins: new Map(),
    partitions: [
      {
        topic: "",
        partition: 0,
        index: 0,
        firstOffset: 0n,
        next: ROWS,
        receivedCount: ROWS,
        rejectedCount: 0,
      },
    ],
  });
}
