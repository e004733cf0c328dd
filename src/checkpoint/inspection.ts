import { DatabaseSync } from "node:sqlite";
import type { Committed, ManifestFile, OffsetRange } from "../core/commit.ts";
import { damagedError, messageOf, operatingError } from "../core/errors.ts";
import type { PurgedFile } from "../core/purge.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { isThereSync } from "../runtime/file_mode.ts";
import { CHECKPOINT_FILE, readMeta } from "./schema.ts";
import type { CheckpointPositions } from "./checkpoint_reader.ts";
import { readPurges } from "./purges.ts";
import { readReplays } from "./replays.ts";
import { allRows, manifestFileOf, offsetRangeOf, readCommitted, readSeenIdCount } from "./rows.ts";

/** A commit's place and whether its files are known to have their final names. */
export interface CommitState {
  readonly sequence: number;
  readonly isPublished: boolean;
}

/** Everything that a checkpoint says of the lake, as of one moment. */
export interface CheckpointContent {
  /** The instances that have written to it; SQLite's has one. */
  readonly instanceIds: readonly string[];
  readonly committed: Committed;
  readonly commits: readonly CommitState[];
  readonly files: readonly (ManifestFile & { readonly sequence: number })[];
  readonly ranges: readonly (OffsetRange & { readonly sequence: number })[];
  /** Dead-letter files that were removed because of their age; their rows stay in `files`. */
  readonly purges: readonly PurgedFile[];
  readonly replays: readonly MarkedReplay[];
  /** Event ids held. */
  readonly seenIdCount: number;
  /** Event ids held, as counted commit by commit. */
  readonly seenIdCounter: number;
  /** Duplicates whose positions are kept. */
  readonly recordedDuplicateCount: number;
}

/**
 * Reads a checkpoint without writing to it, also while a consumer runs.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is none, or it cannot be read
 */
export function inspectCheckpoint(outDir: string): CheckpointContent {
  return readingCheckpoint(outDir, (database) => {
    refuseDamage(database, null);
    return {
      instanceIds: [readMeta(database, "instance_id")],
      committed: readCommitted(database),
      commits: allRows(database, "SELECT sequence, is_published FROM commits ORDER BY 1").map((
        row,
      ) => ({
        sequence: Number(row["sequence"]),
        isPublished: Number(row["is_published"]) === 1,
      })),
      files: allRows(database, "SELECT * FROM files ORDER BY final_path").map((row) => ({
        ...manifestFileOf(row),
        sequence: Number(row["sequence"]),
      })),
      ranges: allRows(
        database,
        "SELECT * FROM offset_ranges ORDER BY topic, partition, first_offset",
      )
        .map(offsetRangeOf),
      purges: readPurges(database),
      replays: readReplays(database),
      seenIdCount: numberOf(database, "SELECT sum(length(hashes)) / 16 AS n FROM seen_chunks"),
      seenIdCounter: readSeenIdCount(database),
      recordedDuplicateCount: numberOf(database, "SELECT sum(count) AS n FROM duplicates"),
    };
  });
}

/**
 * Reads whose a checkpoint is, and how far it got.
 *
 * @param outDir absolute path
 * @throws OrillaError as `readingCheckpoint`
 */
export function inspectPositions(outDir: string): CheckpointPositions {
  return readingCheckpoint(outDir, (database) => ({
    instanceIds: [readMeta(database, "instance_id")],
    rebuiltInstanceIds: [],
    committed: readCommitted(database),
  }));
}

/**
 * Reads from a checkpoint, all of it as of one moment, without writing to it and beside a consumer.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is none, or it cannot be read; 1 where the disk is the reason
 */
export function readingCheckpoint<T>(outDir: string, read: (database: DatabaseSync) => T): T {
  try {
    using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`, { readOnly: true });
    database.exec("BEGIN");
    return read(database);
  } catch (error) {
    throw unreadableCheckpoint(outDir, error);
  }
}

/** The failure to read a checkpoint, with what can be done. */
export function unreadableCheckpoint(outDir: string, cause: unknown): Error {
  const path = `${outDir}/${CHECKPOINT_FILE}`;
  if (isOfTheDisk(cause, path)) {
    return operatingError(
      `${path} cannot be looked at now: ${messageOf(cause)}. SQLite makes small files beside it ` +
        `even to read it, so the disk must not be full or read-only`,
      cause,
    );
  }
  return damagedError(
    `${path} cannot be read as a checkpoint: ${messageOf(cause)}. Restore it from a copy, ` +
      `or make a new one from the lake's files: orilla rebuild`,
    cause,
  );
}

/** SQLite's texts for BUSY, READONLY, IOERR and FULL, since errors at opening carry no code; and CANTOPEN. */
const OF_THE_DISK = /database is locked|readonly database|disk I\/O error|database or disk is full/;
const CANNOT_OPEN = /unable to open database file/;

/** Whether a failure to read says nothing about what is in the file. */
function isOfTheDisk(cause: unknown, path: string): boolean {
  const text = messageOf(cause);
  return OF_THE_DISK.test(text) || CANNOT_OPEN.test(text) && isThereSync(path);
}

/**
 * Whether a file that was committed was purged by now.
 *
 * @param outDir absolute path
 */
export function isPurged(outDir: string, path: string): boolean {
  const query = "SELECT 1 FROM purges WHERE path = ?";
  return readingCheckpoint(
    outDir,
    (database) => database.prepare(query).get(path) !== undefined,
  );
}

/**
 * Pages that SQLite finds to be damaged need not be on the way of queries that succeed.
 *
 * @param tables null for all of them, and the file as a whole
 */
export function refuseDamage(database: DatabaseSync, tables: readonly string[] | null): void {
  const checks = tables === null
    ? ["PRAGMA quick_check(1)"]
    : tables.map((table) => `PRAGMA quick_check("${table.replaceAll('"', '""')}")`);
  for (const check of checks) {
    const answer = String(allRows(database, check)[0]?.["quick_check"]);
    if (answer !== "ok") throw new Error(`it is damaged: ${answer}`);
  }
}

function numberOf(database: DatabaseSync, query: string): number {
  return Number(allRows(database, query)[0]?.["n"] ?? 0);
}
