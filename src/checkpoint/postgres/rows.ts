import type { ManifestFile, OffsetRange, PartitionState } from "../../core/commit.ts";
import { damagedError } from "../../core/errors.ts";
import type { PurgedFile } from "../../core/purge.ts";
import { type MarkedReplay, REPLAY_OUTCOMES } from "../../core/replay.ts";
import type { Row } from "./connection.ts";

function bigintOf(row: Row, column: string): bigint {
  const value = row[column];
  if (typeof value === "bigint") return value;
  throw damagedError(`the checkpoint store holds no integer in ${column}`);
}

function numberOf(row: Row, column: string): number {
  return Number(bigintOf(row, column));
}

/** A row of `partitions` that has a next offset. */
export function partitionStateOf(row: Row): PartitionState {
  return {
    topic: String(row["topic"]),
    partition: Number(row["partition"]),
    nextOffset: bigintOf(row, "next_offset"),
    publishedCount: numberOf(row, "published"),
    duplicateCount: numberOf(row, "duplicate"),
    rejectedCount: numberOf(row, "rejected"),
  };
}

/** A row of `files`. */
export function manifestFileOf(row: Row): ManifestFile {
  return {
    kind: row["kind"] === "events" ? "events" : "dead_letters",
    stagedPath: String(row["staged_path"]),
    finalPath: String(row["final_path"]),
    rowCount: numberOf(row, "row_count"),
    bytes: numberOf(row, "bytes"),
    checksum: String(row["checksum"]),
    minTsMicroseconds: bigintOf(row, "min_ts_us"),
    maxTsMicroseconds: bigintOf(row, "max_ts_us"),
  };
}

/** A row of `offset_ranges`. */
export function offsetRangeOf(row: Row): OffsetRange & { readonly sequence: number } {
  return {
    sequence: numberOf(row, "sequence"),
    topic: String(row["topic"]),
    partition: Number(row["partition"]),
    firstOffset: bigintOf(row, "first_offset"),
    nextOffset: bigintOf(row, "next_offset"),
    publishedCount: numberOf(row, "published"),
    duplicateCount: numberOf(row, "duplicate"),
    rejectedCount: numberOf(row, "rejected"),
  };
}

/** A row of `purges`. */
export function purgedFileOf(row: Row): PurgedFile {
  return {
    path: String(row["path"]),
    sequence: numberOf(row, "sequence"),
    letterCount: numberOf(row, "letters"),
    bytes: numberOf(row, "bytes"),
    reasons: JSON.parse(String(row["reasons"])),
    purgedAtMs: numberOf(row, "purged_at_ms"),
  };
}

/** A row of `replays`. */
export function markedReplayOf(row: Row): MarkedReplay {
  const outcome = REPLAY_OUTCOMES.find((known) => known === row["outcome"]);
  if (outcome === undefined) {
    throw damagedError("the checkpoint store holds no outcome of a replay");
  }
  const { detail, sequence } = row;
  return {
    letter: {
      topic: String(row["topic"]),
      partition: Number(row["partition"]),
      offset: bigintOf(row, "offset"),
      attempts: Number(row["attempts"]),
    },
    outcome,
    detail: typeof detail === "string" ? detail : null,
    sequence: sequence === null ? null : Number(sequence),
    replayedAtMs: numberOf(row, "replayed_at_ms"),
  };
}
