import type { DatabaseSync } from "node:sqlite";
import type { Committed } from "../core/commit.ts";
import type { FileKind } from "../core/lake_path.ts";
import { readingCheckpoint } from "./inspection.ts";
import { allRows, readCommitted, readSeenIdCount } from "./rows.ts";
import { otherVersionError, otherVersionIn } from "./schema.ts";

/** Files of one kind. */
export interface FileTotals {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Files of one lake partition, or dead letters of one day of rejection. */
export interface DateAndKindTotals extends FileTotals {
  readonly kind: FileKind;
  /** YYYY-MM-DD. */
  readonly date: string;
}

/** What a checkpoint says of its lake in figures, as of one moment. Purged dead-letter files are left out. */
export interface LakeStatus {
  readonly committed: Committed;
  /** When the last commit was made, milliseconds since 1970-01-01 UTC; null before the first one. */
  readonly lastCommitMs: number | null;
  readonly events: FileTotals;
  readonly deadLetters: FileTotals;
  /** How many different dates there are. */
  readonly dateCount: number;
  /** The newest dates, events and dead letters apart. */
  readonly dates: readonly DateAndKindTotals[];
  readonly seenIdCount: number;
  /** Dead letters in purged files. */
  readonly purgedLetterCount: number;
  /** Dead letters that were replayed; some of them may be in purged files. */
  readonly replayedLetterCount: number;
  /** Staged names, relative to OUT_DIR, of files that are not known to have their final names yet. */
  readonly unpublishedPaths: readonly string[];
}

/** `date=2026-11-24` at its place in a final path. */
const DATE = "substr(final_path, instr(final_path, 'date=') + 5, 10)";
const KEPT = "files WHERE final_path NOT IN (SELECT path FROM purges)";
const SUMS = 'count(*) AS files, sum(row_count) AS "rows", sum(bytes) AS bytes';

/**
 * Reads the figures of a checkpoint without writing to it, also while a consumer runs.
 *
 * @param outDir absolute path
 * @param dateLimit how many of the newest dates are listed
 * @throws OrillaError with exit code 3 where there is no checkpoint, or it cannot be read
 */
export function readLakeStatus(outDir: string, dateLimit: number): LakeStatus {
  const status = readingCheckpoint(
    outDir,
    (database) => otherVersionIn(database) ?? statusIn(database, dateLimit),
  );
  if (typeof status === "string") throw otherVersionError(status);
  return status;
}

function statusIn(database: DatabaseSync, dateLimit: number): LakeStatus {
  const unpublished = allRows(
    database,
    "SELECT staged_path FROM commits JOIN files USING (sequence) WHERE is_published = 0",
  );
  return {
    committed: readCommitted(database),
    lastCommitMs: readLastCommitMs(database),
    events: totalsOf(database, "events"),
    deadLetters: totalsOf(database, "dead_letters"),
    dateCount: numberIn(database, `SELECT count(DISTINCT ${DATE}) AS n FROM ${KEPT}`),
    dates: newestDates(database, dateLimit),
    seenIdCount: readSeenIdCount(database),
    purgedLetterCount: numberIn(database, "SELECT sum(letters) AS n FROM purges"),
    replayedLetterCount: numberIn(database, "SELECT count(*) AS n FROM replays"),
    unpublishedPaths: unpublished.map((row) => String(row["staged_path"])),
  };
}

/** When the last commit was made; null before the first one. */
export function readLastCommitMs(database: DatabaseSync): number | null {
  const [row] = allRows(database, "SELECT max(committed_at_ms) AS ms FROM commits");
  return typeof row?.["ms"] === "bigint" ? Number(row["ms"]) : null;
}

function totalsOf(database: DatabaseSync, kind: FileKind): FileTotals {
  const statement = database.prepare(`SELECT ${SUMS} FROM ${KEPT} AND kind = ?`);
  return fileTotals(statement.get(kind) ?? {});
}

function newestDates(database: DatabaseSync, limit: number): readonly DateAndKindTotals[] {
  const statement = database.prepare(
    `WITH dated AS (SELECT ${DATE} AS date, kind, row_count, bytes FROM ${KEPT})
     SELECT date, kind, ${SUMS} FROM dated
     WHERE date IN (SELECT DISTINCT date FROM dated ORDER BY date DESC LIMIT ?)
     GROUP BY date, kind ORDER BY date DESC, kind DESC`,
  );
  return statement.all(limit).map((row) => ({
    ...fileTotals(row),
    kind: row["kind"] === "events" ? "events" : "dead_letters",
    date: String(row["date"]),
  }));
}

function fileTotals(row: Record<string, unknown>): FileTotals {
  return {
    files: Number(row["files"] ?? 0),
    rows: Number(row["rows"] ?? 0),
    bytes: Number(row["bytes"] ?? 0),
  };
}

function numberIn(database: DatabaseSync, query: string): number {
  return Number(allRows(database, query)[0]?.["n"] ?? 0);
}
