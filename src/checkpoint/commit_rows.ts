import type { DatabaseSync } from "node:sqlite";
import type { Commit, OffsetRange } from "../core/commit.ts";
import type { CounterRow } from "../core/counters.ts";

/** Stores a commit and its manifest. */
export function insertCommit(
  database: DatabaseSync,
  { sequence, committedAtMs, trigger, files }: Commit,
): void {
  database.prepare("INSERT INTO commits VALUES (?, ?, ?, 0)").run(
    sequence,
    committedAtMs,
    trigger,
  );
  const insert = database.prepare("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const file of files) {
    insert.run(
      sequence,
      file.finalPath,
      file.stagedPath,
      file.kind,
      file.rowCount,
      file.bytes,
      file.checksum,
      file.minTsMicroseconds,
      file.maxTsMicroseconds,
    );
  }
}

/** Stores what a commit handled of a topic-partition. */
export function insertRange(
  database: DatabaseSync,
  sequence: number,
  { topic, partition, firstOffset, nextOffset, ...counts }: OffsetRange,
): void {
  const { publishedCount, duplicateCount, rejectedCount } = counts;
  database.prepare("INSERT INTO offset_ranges VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
    sequence,
    topic,
    partition,
    firstOffset,
    nextOffset,
    publishedCount,
    duplicateCount,
    rejectedCount,
  );
}

/** Moves a partition forward; false, and nothing done, where the range begins before its next offset. */
export function movePartition(
  database: DatabaseSync,
  { topic, partition, firstOffset, nextOffset, ...counts }: OffsetRange,
): boolean {
  const { changes } = database.prepare(
    `INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
       next_offset = excluded.next_offset, published = published + excluded.published,
       duplicate = duplicate + excluded.duplicate, rejected = rejected + excluded.rejected
     WHERE excluded.next_offset > next_offset AND ? >= next_offset`,
  ).run(
    topic,
    partition,
    nextOffset,
    counts.publishedCount,
    counts.duplicateCount,
    counts.rejectedCount,
    firstOffset,
  );
  return changes === 1;
}

/** Adds to a partition what lies before its next offset, or over it. */
export function addToPartition(
  database: DatabaseSync,
  { topic, partition, nextOffset, ...counts }: OffsetRange,
): void {
  database.prepare(
    `UPDATE partitions SET next_offset = max(next_offset, ?), published = published + ?,
       duplicate = duplicate + ?, rejected = rejected + ? WHERE topic = ? AND partition = ?`,
  ).run(
    nextOffset,
    counts.publishedCount,
    counts.duplicateCount,
    counts.rejectedCount,
    topic,
    partition,
  );
}

/** Sets counters. */
export function writeCounters(database: DatabaseSync, rows: readonly CounterRow[]): void {
  const write = database.prepare(
    "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  for (const row of rows) write.run(...row);
}
