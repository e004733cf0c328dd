import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Commit } from "../core/commit.ts";
import type { SourceFile } from "../core/compaction.ts";
import { counterRows } from "../core/counters.ts";
import { assert } from "../core/errors.ts";
import { insertCommit, writeCounters } from "./commit_rows.ts";
import type { ReplacedFile } from "./commit_store.ts";
import type { FileFilters } from "./file_filters.ts";
import { readingCheckpoint } from "./inspection.ts";
import { foldersWithSmall, smallFilesIn, type SmallFilesRule } from "./small_files.ts";

/** The checkpoint's transactions that are about merged files alone. */
export type ReplacementTransaction = "replace" | "replaced";

const TABLE = `
  CREATE TABLE IF NOT EXISTS replaced_files (
    path TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    replaced_by INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    is_removed INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS unremoved_files ON replaced_files (path) WHERE is_removed = 0;
`;

/**
 * The files that were merged into others. They leave the manifest in the transaction that brings the merged file
 * in, so whoever reads by the manifest finds each row once; here stands what is still to be removed.
 */
export class ReplacedFiles {
  readonly #database: DatabaseSync;
  readonly #filters: FileFilters;
  readonly #transaction: (name: ReplacementTransaction, action: () => void) => void;
  readonly #find: StatementSync;
  readonly #forget: StatementSync;
  readonly #add: StatementSync;

  /**
   * @param filters of the files, whose rows go with those of the manifest
   * @param transaction runs an action as a labelled transaction
   */
  constructor(
    database: DatabaseSync,
    filters: FileFilters,
    transaction: (name: ReplacementTransaction, action: () => void) => void,
  ) {
    database.exec(TABLE);
    this.#database = database;
    this.#filters = filters;
    this.#transaction = transaction;
    this.#find = database.prepare(
      "SELECT sequence, row_count, bytes FROM files WHERE final_path = ?",
    );
    this.#forget = database.prepare("DELETE FROM files WHERE sequence = ? AND final_path = ?");
    this.#add = database.prepare(
      "INSERT INTO replaced_files VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
    );
  }

  /**
   * Makes the one file of a commit take the place of others, as a whole or not at all. All earlier commits count
   * as published.
   *
   * @param sources the files whose rows it has
   * @returns always true: no other process takes files out of this manifest
   */
  replace(commit: Commit, sources: readonly SourceFile[]): boolean {
    const paths = sources.map(({ finalPath }) => finalPath);
    const added = commit.files.reduce((sum, { rowCount }) => sum + rowCount, 0);
    this.#transaction("replace", () => {
      const taken = this.#replace(commit, paths);
      assert(taken.fileCount === paths.length, "only files of the manifest are replaced");
      assert(taken.rowCount === added, "a merged file has the rows that it replaces");
    });
    return true;
  }

  /** The same of a commit that was read back from the lake's files: some of what it replaced is not known here. */
  adopt(commit: Commit, paths: readonly string[]): void {
    this.#transaction("replace", () => {
      this.#replace(commit, paths);
    });
  }

  /** As `foldersWithSmall` of small_files.ts. */
  foldersWithSmall(rule: SmallFilesRule): readonly string[] {
    return foldersWithSmall(this.#database, rule);
  }

  /** As `smallFilesIn` of small_files.ts. */
  smallFilesIn(folder: string, belowBytes: number): readonly SourceFile[] {
    return smallFilesIn(this.#database, { folder, belowBytes });
  }

  /** Replaced files that are not known to be gone, of commits made until then. */
  unremoved(untilMs = Infinity): readonly string[] {
    if (untilMs === Infinity) return unremovedIn(this.#database);
    return this.#database.prepare(
      `SELECT path FROM replaced_files JOIN commits ON commits.sequence = replaced_by
       WHERE is_removed = 0 AND committed_at_ms <= ?`,
    ).all(untilMs).map(({ path }) => String(path));
  }

  /** The files whose place a merged file took. */
  replacedBy(path: string): readonly ReplacedFile[] {
    return this.#database.prepare(
      `SELECT path, replaced_files.bytes FROM replaced_files
       JOIN files ON files.sequence = replaced_by WHERE final_path = ? ORDER BY path`,
    ).all(path).map((row) => ({ finalPath: String(row["path"]), bytes: Number(row["bytes"]) }));
  }

  /** Which of some files were merged into others. */
  replacedAmong(paths: readonly string[]): ReadonlySet<string> {
    const find = this.#database.prepare("SELECT 1 FROM replaced_files WHERE path = ?");
    return new Set(paths.filter((path) => find.get(path) !== undefined));
  }

  /** Notes that these replaced files are gone for good. */
  markRemoved(paths: readonly string[]): void {
    const mark = this.#database.prepare("UPDATE replaced_files SET is_removed = 1 WHERE path = ?");
    this.#transaction("replaced", () => {
      for (const path of paths) mark.run(path);
    });
  }

  #replace(commit: Commit, paths: readonly string[]) {
    const { sequence, traces, counters } = commit;
    this.#database
      .prepare("UPDATE commits SET is_published = 1 WHERE is_published = 0 AND sequence < ?")
      .run(sequence);
    insertCommit(this.#database, commit);
    this.#filters.add(sequence, traces.filters);
    writeCounters(this.#database, counterRows(counters));
    let fileCount = 0, rowCount = 0;
    for (const path of paths) {
      const row = this.#find.get(path);
      const known = { sequence: 0, row_count: 0, bytes: 0, ...row };
      if (row !== undefined) {
        this.#filters.remove(Number(known.sequence), path);
        this.#forget.run(known.sequence, path);
        fileCount++;
        rowCount += Number(known.row_count);
      }
      this.#add.run(path, known.sequence, sequence, known.row_count, known.bytes);
    }
    return { fileCount, rowCount };
  }
}

/**
 * Paths of the replaced files that are not known to be gone, read without writing and beside a consumer.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export function readUnremoved(outDir: string): readonly string[] {
  return readingCheckpoint(outDir, unremovedIn);
}

/**
 * Whether a file that was committed was merged into another one by now.
 *
 * @param outDir absolute path
 */
export function isReplaced(outDir: string, path: string): boolean {
  const query = "SELECT 1 FROM replaced_files WHERE path = ?";
  return readingCheckpoint(
    outDir,
    (database) => hasTable(database) && database.prepare(query).get(path) !== undefined,
  );
}

/** The same of a checkpoint that is being read; one that an older orilla made has none. */
export function unremovedIn(database: DatabaseSync): readonly string[] {
  if (!hasTable(database)) return [];
  const rows = database.prepare("SELECT path FROM replaced_files WHERE is_removed = 0").all();
  return rows.map(({ path }) => String(path));
}

function hasTable(database: DatabaseSync): boolean {
  const query = "SELECT 1 FROM sqlite_schema WHERE name = 'replaced_files'";
  return database.prepare(query).get() !== undefined;
}
