import type { SourceFile } from "../../core/compaction.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "../small_files.ts";
import type { Row, Run } from "./connection.ts";
import { manifestFileOf } from "./rows.ts";

/** Lake partitions with files to merge. Those of a commit whose process may still be publishing it are left alone. */
export async function foldersWithSmall(
  run: Run,
  { belowBytes, minFiles }: SmallFilesRule,
): Promise<readonly string[]> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT split_part(final_path, '/', 1) AS folder FROM files
      WHERE kind = 'events' AND bytes < ${belowBytes}
        AND sequence NOT IN (SELECT sequence FROM commits WHERE NOT is_published)
      GROUP BY 1 HAVING count(*) >= ${minFiles} ORDER BY 1`
  );
  return rows.map(({ folder }) => String(folder));
}

/** The small files of events in such a folder. */
export async function smallFilesIn(
  run: Run,
  { folder, belowBytes }: { readonly folder: string; readonly belowBytes: number },
): Promise<readonly SourceFile[]> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT sequence, final_path, staged_path, kind, row_count, bytes, checksum, min_ts_us, max_ts_us
      FROM files
      WHERE kind = 'events' AND bytes < ${belowBytes} AND split_part(final_path, '/', 1) = ${folder}
        AND sequence NOT IN (SELECT sequence FROM commits WHERE NOT is_published)`
  );
  return rows.map((row) => ({ ...manifestFileOf(row), sequence: Number(row["sequence"]) }));
}

/** The small files of all such folders. */
export async function readSmallFiles(
  run: Run,
  rule: SmallFilesRule,
): Promise<readonly SmallFilesOfFolder[]> {
  const { belowBytes } = rule;
  const found: SmallFilesOfFolder[] = [];
  for (const folder of await foldersWithSmall(run, rule)) {
    found.push({ folder, files: await smallFilesIn(run, { folder, belowBytes }) });
  }
  return found;
}
