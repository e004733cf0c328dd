import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { Committed, ManifestFile, OffsetRange, PartitionState } from "../core/commit.ts";
import { type CounterRow, countersOf } from "../core/counters.ts";
import { damagedError } from "../core/errors.ts";

type Row = Record<string, SQLOutputValue>;

function bigintOf(row: Row, column: string): bigint {
  const value = row[column];
  if (typeof value === "bigint") return value;
  throw damagedError(`checkpoint.sqlite holds no integer in ${column}`);
}

function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === "string") return value;
  throw damagedError(`checkpoint.sqlite holds no text in ${column}`);
}

/** A row of `partitions`, read with bigints. */
export function partitionStateOf(row: Row): PartitionState {
  return {
    topic: textOf(row, "topic"),
    partition: Number(bigintOf(row, "partition")),
    nextOffset: bigintOf(row, "next_offset"),
    publishedCount: Number(bigintOf(row, "published")),
    duplicateCount: Number(bigintOf(row, "duplicate")),
    rejectedCount: Number(bigintOf(row, "rejected")),
  };
}

/** A row of `files`, read with bigints. */
export function manifestFileOf(row: Row): ManifestFile {
  return {
    kind: textOf(row, "kind") === "events" ? "events" : "dead_letters",
    stagedPath: textOf(row, "staged_path"),
    finalPath: textOf(row, "final_path"),
    rowCount: Number(bigintOf(row, "row_count")),
    bytes: Number(bigintOf(row, "bytes")),
    checksum: textOf(row, "checksum"),
    minTsMicroseconds: bigintOf(row, "min_ts_us"),
    maxTsMicroseconds: bigintOf(row, "max_ts_us"),
  };
}

/** A row of `offset_ranges`, read with bigints. */
export function offsetRangeOf(row: Row): OffsetRange & { readonly sequence: number } {
  return {
    sequence: Number(bigintOf(row, "sequence")),
    topic: textOf(row, "topic"),
    partition: Number(bigintOf(row, "partition")),
    firstOffset: bigintOf(row, "first_offset"),
    nextOffset: bigintOf(row, "next_offset"),
    publishedCount: Number(bigintOf(row, "published")),
    duplicateCount: Number(bigintOf(row, "duplicate")),
    rejectedCount: Number(bigintOf(row, "rejected")),
  };
}

/** How many ids count as seen, as the last commit stored it. */
export function readSeenIdCount(database: DatabaseSync): number {
  const row = database.prepare("SELECT value FROM counters WHERE name = 'seenIds'").get();
  return Number(row?.["value"] ?? 0);
}

/** All rows of a query, integers as bigints. */
export function allRows(database: DatabaseSync, query: string): Row[] {
  const statement = database.prepare(query);
  statement.setReadBigInts(true);
  return statement.all();
}

/** The event files of the commits in a stretch of sequences, commit by commit. */
export function eventFilesOf(
  database: DatabaseSync,
  { first, end }: { readonly first: number; readonly end: number },
): readonly ManifestFile[] {
  const statement = database.prepare(
    "SELECT * FROM files WHERE kind = 'events' AND sequence >= ? AND sequence < ? ORDER BY sequence, final_path",
  );
  statement.setReadBigInts(true);
  return statement.all(first, end).map(manifestFileOf);
}

/** What the last commit left. */
export function readCommitted(database: DatabaseSync): Committed {
  const last = database.prepare("SELECT max(sequence) AS sequence FROM commits").get();
  const counters = database.prepare("SELECT name, label, value FROM counters").all();
  return {
    sequence: Number(last?.["sequence"] ?? 0),
    partitions: allRows(database, "SELECT * FROM partitions").map(partitionStateOf),
    counters: countersOf(
      counters.map((row): CounterRow => [
        String(row["name"]),
        String(row["label"]),
        Number(row["value"]),
      ]),
    ),
  };
}
