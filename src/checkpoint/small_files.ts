import type { DatabaseSync } from "node:sqlite";
import type { SourceFile } from "../core/compaction.ts";
import { readingCheckpoint } from "./inspection.ts";
import { manifestFileOf } from "./rows.ts";

/** Which lake partitions have files to merge. */
export interface SmallFilesRule {
  /** Files of fewer bytes are small. */
  readonly belowBytes: number;
  /** How many small ones a lake partition has at least. */
  readonly minFiles: number;
}

/** What a lake partition has to merge. */
export interface SmallFilesOfFolder {
  readonly folder: string;
  readonly files: readonly SourceFile[];
}

/** The folders of such lake partitions, in their order; each call goes through the whole manifest. */
export function foldersWithSmall(
  database: DatabaseSync,
  { belowBytes, minFiles }: SmallFilesRule,
): readonly string[] {
  const rows = database.prepare(
    `SELECT substr(final_path, 1, instr(final_path, '/') - 1) AS folder FROM files
     WHERE kind = 'events' AND bytes < ? GROUP BY 1 HAVING count(*) >= ? ORDER BY 1`,
  ).all(belowBytes, minFiles);
  return rows.map(({ folder }) => String(folder));
}

/** The small files of events in such a folder. */
export function smallFilesIn(
  database: DatabaseSync,
  { folder, belowBytes }: { readonly folder: string; readonly belowBytes: number },
): readonly SourceFile[] {
  const statement = database.prepare(
    `SELECT * FROM files WHERE kind = 'events' AND bytes < ?
     AND substr(final_path, 1, instr(final_path, '/')) = ?`,
  );
  statement.setReadBigInts(true);
  return statement.all(belowBytes, `${folder}/`).map((row) => ({
    ...manifestFileOf(row),
    sequence: Number(row["sequence"]),
  }));
}

/**
 * The small files of all such folders, by folder, read without writing and beside a consumer.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export function readSmallFiles(
  outDir: string,
  rule: SmallFilesRule,
): readonly SmallFilesOfFolder[] {
  return readingCheckpoint(outDir, (database) => {
    const { belowBytes } = rule;
    return foldersWithSmall(database, rule)
      .map((folder) => ({ folder, files: smallFilesIn(database, { folder, belowBytes }) }));
  });
}
