import type { Batch } from "./batch.ts";
import { idFilterOf } from "./id_filter.ts";
import type { Position, TopicPartition } from "./record.ts";
import { assert } from "./errors.ts";

/** The duplicates of one commit, in the form in which they are kept. */
export interface Duplicates {
  /** 1 or more. */
  readonly count: number;
  /** What the records' partition numbers stand for. */
  readonly partitions: readonly TopicPartition[];
  /** A filter of their event ids, see id_filter.ts. */
  readonly filter: Uint8Array;
  /**
   * Four columns one after the other, little-endian: the offsets (64 bits each), the places in `partitions`
   * (32 bits each), the bytes of each event id (32 bits each), and the ids' UTF-8.
   */
  readonly records: Uint8Array;
}

const BYTES_BEFORE_IDS = 16;

/** What is kept of a batch's duplicates; null where it has none. */
export function duplicatesOf(batch: Batch, rows: Int32Array): Duplicates | null {
  const count = rows.length;
  if (count === 0) return null;
  const { bytes, ends } = batch.eventIds;
  const lengthOf = (row: number) => (ends[row + 1] ?? 0) - (ends[row] ?? 0);
  let size = BYTES_BEFORE_IDS * count;
  for (const row of rows) size += lengthOf(row);
  const records = new Uint8Array(size);
  const columns = columnsOf(records, count);
  const partitions = batch.partitions.map(({ topic, partition }) => ({ topic, partition }));
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0;
    const origin = batch.origins.get(row);
    columns.offsets[i] = origin?.offset ?? batch.offsetOf(row);
    columns.partitions[i] = origin === undefined
      ? batch.partitionIndexes[row] ?? 0
      : placeOf(partitions, origin);
    columns.lengths[i] = lengthOf(row);
    columns.ids.set(bytes.subarray(ends[row], ends[row + 1]), at);
    at += lengthOf(row);
  }
  return { count, partitions, filter: idFilterOf(batch.eventIds, rows), records };
}

/** Where the duplicates of an event id lay, in the order of their batch. */
export function positionsOf(
  { count, partitions, records }: Omit<Duplicates, "filter">,
  eventId: string,
): Position[] {
  // A copy, since the columns lie at multiples of their width.
  const columns = columnsOf(records.slice(), count);
  const wanted = new TextEncoder().encode(eventId);
  const found: Position[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = columns.lengths[i] ?? 0;
    if (length === wanted.length && isSame(columns.ids.subarray(at, at + length), wanted)) {
      const partition = partitions[columns.partitions[i] ?? 0];
      assert(partition !== undefined, "a duplicate's partition is one of its commit's");
      found.push({ ...partition, offset: columns.offsets[i] ?? 0n });
    }
    at += length;
  }
  return found;
}

/** The place of a topic-partition, which is added where it is missing. */
function placeOf(partitions: TopicPartition[], { topic, partition }: TopicPartition): number {
  const place = partitions.findIndex((known) =>
    known.partition === partition && known.topic === topic
  );
  return place >= 0 ? place : partitions.push({ topic, partition }) - 1;
}

function columnsOf({ buffer, byteLength }: Uint8Array, count: number) {
  return {
    offsets: new BigInt64Array(buffer, 0, count),
    partitions: new Int32Array(buffer, 8 * count, count),
    lengths: new Int32Array(buffer, 12 * count, count),
    ids: new Uint8Array(buffer, BYTES_BEFORE_IDS * count, byteLength - BYTES_BEFORE_IDS * count),
  };
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
