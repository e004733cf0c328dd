import type { Counters } from "../core/counters.ts";
import type { FileKind } from "../core/lake_path.ts";
import type { CommitOutcome } from "../core/lake_report.ts";
import { readingCheckpoint } from "./inspection.ts";
import { readCommitted, readSeenIdCount } from "./rows.ts";

/** A file of the manifest that was not purged. */
export interface CommittedFile {
  readonly kind: FileKind;
  readonly finalPath: string;
  readonly stagedPath: string;
  readonly rowCount: number;
  readonly bytes: number;
}

/** What a checkpoint knows of the commits of its lake. */
export interface LakeHistory {
  readonly counters: Readonly<Counters>;
  readonly seenIdCount: number;
  /** In their order. */
  readonly commits: readonly CommitOutcome[];
  /** In the order of their paths. */
  readonly files: readonly CommittedFile[];
}

const COMMITS = `
  SELECT sequence, committed_at_ms, total(published) AS published, total(duplicate) AS duplicate,
    total(rejected) AS rejected
  FROM commits LEFT JOIN offset_ranges USING (sequence) GROUP BY sequence ORDER BY sequence`;

const FILES = `
  SELECT kind, final_path, staged_path, row_count, bytes FROM files
  WHERE final_path NOT IN (SELECT path FROM purges) ORDER BY final_path`;

/**
 * Reads all commits and files, without writing and beside a consumer.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export function readHistory(outDir: string): LakeHistory {
  return readingCheckpoint(outDir, (database) => ({
    counters: readCommitted(database).counters,
    seenIdCount: readSeenIdCount(database),
    commits: Array.from(database.prepare(COMMITS).iterate(), (row): CommitOutcome => ({
      sequence: Number(row["sequence"]),
      committedAtMs: Number(row["committed_at_ms"]),
      published: Number(row["published"]),
      duplicate: Number(row["duplicate"]),
      rejected: Number(row["rejected"]),
    })),
    files: Array.from(database.prepare(FILES).iterate(), (row): CommittedFile => ({
      kind: row["kind"] === "events" ? "events" : "dead_letters",
      finalPath: String(row["final_path"]),
      stagedPath: String(row["staged_path"]),
      rowCount: Number(row["row_count"]),
      bytes: Number(row["bytes"]),
    })),
  }));
}

/**
 * How many dead letters lie in the lake, replayed ones among them.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export function countDeadLetters(outDir: string): number {
  const query = `SELECT total(row_count) AS n FROM files
    WHERE kind = 'dead_letters' AND final_path NOT IN (SELECT path FROM purges)`;
  return readingCheckpoint(outDir, (database) => Number(database.prepare(query).get()?.["n"] ?? 0));
}
