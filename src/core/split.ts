import type { Batch } from "./batch.ts";
import { dedupe, type Deduped } from "./dedupe.ts";
import { type Duplicates, duplicatesOf } from "./duplicates.ts";
import { groupByDay, type LakePartitionRows } from "./grouping.ts";
import type { DistinctHashes } from "./hash_order.ts";

/** A batch by outcome and lake partition, and what a commit counts of it. */
export interface SplitBatch extends Deduped {
  /** The fresh rows, by lake partition. */
  readonly groups: readonly LakePartitionRows[];
  /** What is kept of the duplicates. */
  readonly recorded: Duplicates | null;
  /** Fresh rows of each topic-partition, by its place in `Batch.partitions`. */
  readonly freshCounts: Int32Array<ArrayBuffer>;
  /** The same of the duplicates. */
  readonly duplicateCounts: Int32Array<ArrayBuffer>;
  /** How many fresh rows have each record timestamp: milliseconds, rounded down to a tenth of a second. */
  readonly timestampCounts: ReadonlyMap<number, number>;
}

/**
 * Splits a batch.
 *
 * @param distinct the hashes of its event ids
 * @param isSeen for each of the distinct hashes, 1 where earlier commits accepted it, else 0
 */
export function splitBatch(
  batch: Batch,
  distinct: DistinctHashes,
  isSeen: Uint8Array,
): SplitBatch {
  const deduped = dedupe(batch.length, distinct, isSeen);
  const { fresh, duplicates } = deduped;
  return {
    ...deduped,
    groups: groupByDay(batch, fresh),
    recorded: duplicatesOf(batch, duplicates),
    freshCounts: countByPartition(batch, fresh),
    duplicateCounts: countByPartition(batch, duplicates),
    timestampCounts: countTimestamps(batch, fresh),
  };
}

function countByPartition(batch: Batch, rows: Int32Array): Int32Array<ArrayBuffer> {
  const { partitionIndexes } = batch;
  const counts = new Int32Array(batch.partitions.length);
  for (const row of rows) {
    const index = partitionIndexes[row] ?? 0;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

function countTimestamps(batch: Batch, fresh: Int32Array): Map<number, number> {
  const { timestampsMs } = batch;
  const counts = new Map<number, number>();
  // Neighbours were written at about the same time, so the map is rarely asked.
  let last = NaN, count = 0;
  for (const row of fresh) {
    const timestampMs = Math.floor((timestampsMs[row] ?? 0) / 100) * 100;
    if (timestampMs !== last) {
      if (count > 0) counts.set(last, count);
      last = timestampMs;
      count = counts.get(last) ?? 0;
    }
    count++;
  }
  if (count > 0) counts.set(last, count);
  return counts;
}
