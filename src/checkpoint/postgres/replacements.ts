import type { Commit } from "../../core/commit.ts";
import type { SourceFile } from "../../core/compaction.ts";
import { assert } from "../../core/errors.ts";
import { parsePath } from "../../core/lake_path.ts";
import type { ReplacedFile, Replacements } from "../commit_store.ts";
import { insertCommit, insertFiles } from "./commit_rows.ts";
import { markEarlierPublished } from "./commit_transaction.ts";
import type { Row, Run } from "./connection.ts";
import { updateInstance } from "./instances.ts";
import { hasTable } from "./schema.ts";
import { takeBack, type Transactions } from "./server.ts";
import { foldersWithSmall, smallFilesIn } from "./small_files.ts";

/** What is kept of merged files in a PostgreSQL schema, for the process of an instance. */
export function replacementsIn(transactions: Transactions, instanceId: string): Replacements {
  return {
    replace: (commit, sources) =>
      transactions.run("replace", (run) => replace(run, { commit, sources, instanceId })),
    adopt: (commit, paths) =>
      transactions.run("replace", (run) => adopt(run, { commit, paths, instanceId })),
    unremoved: (untilMs) => transactions.ask((run) => readUnremoved(run, untilMs)),
    replacedBy: (path) => transactions.ask((run) => readReplacedBy(run, path)),
    replacedAmong: (paths) => transactions.ask((run) => replacedAmong(run, paths)),
    markRemoved: (paths) => transactions.run("replaced", (run) => markRemoved(run, paths)),
    foldersWithSmall: (rule) => transactions.ask((run) => foldersWithSmall(run, rule)),
    smallFilesIn: (folder, belowBytes) =>
      transactions.ask((run) => smallFilesIn(run, { folder, belowBytes })),
  };
}

/** Whether it was made comes first, as in `writeCommit`: its sources are gone from the manifest then. */
async function replace(run: Run, { commit, sources, instanceId }: {
  readonly commit: Commit;
  readonly sources: readonly SourceFile[];
  readonly instanceId: string;
}): Promise<boolean> {
  const { sequence, counters } = commit;
  if (!await insertCommit(run, commit, instanceId)) return takeBack(true);
  if (!await updateInstance(run, instanceId, { counters, seenIdCount: 0 })) return takeBack(false);
  await markEarlierPublished(run, { instanceId, sequence });
  const given = JSON.stringify(sources.map(({ sequence, finalPath }) => ({ sequence, finalPath })));
  // Another process that replaces one of them is waited for.
  const gone = await run((sql) =>
    sql<Row[]>`
      WITH gone AS (
        DELETE FROM files AS f
        USING json_to_recordset(${given}::text::json) AS given (sequence bigint, "finalPath" text), commits AS c
        WHERE f.sequence = given.sequence AND f.final_path = given."finalPath"
          AND c.sequence = f.sequence AND c.is_published
        RETURNING f.final_path, f.sequence, f.row_count, f.bytes)
      INSERT INTO replaced_files
        SELECT final_path, sequence, ${sequence}::bigint, row_count, bytes, false FROM gone
        RETURNING row_count`
  );
  if (gone.length < sources.length) return takeBack(false);
  const rowCount = gone.reduce((sum, row) => sum + Number(row["row_count"]), 0);
  const added = commit.files.reduce((sum, { rowCount }) => sum + rowCount, 0);
  assert(rowCount === added, "a merged file has the rows that it replaces");
  await insertFiles(run, commit);
  return true;
}

async function adopt(run: Run, { commit, paths, instanceId }: {
  readonly commit: Commit;
  readonly paths: readonly string[];
  readonly instanceId: string;
}): Promise<void> {
  const { sequence, counters } = commit;
  assert(await insertCommit(run, commit, instanceId), "a commit is adopted once");
  const given = JSON.stringify(paths);
  await run((sql) =>
    sql`
      WITH gone AS (
        DELETE FROM files WHERE final_path IN (SELECT json_array_elements_text(${given}::text::json))
        RETURNING *)
      INSERT INTO replaced_files
        SELECT path, coalesce(sequence, 0), ${sequence}::bigint, coalesce(row_count, 0), coalesce(bytes, 0), false
        FROM json_array_elements_text(${given}::text::json) AS given (path)
        LEFT JOIN gone ON final_path = path
      ON CONFLICT DO NOTHING`
  );
  await insertFiles(run, commit);
  await updateInstance(run, instanceId, { counters, seenIdCount: 0 });
}

async function readUnremoved(
  run: Run,
  untilMs = Number.MAX_SAFE_INTEGER,
): Promise<readonly string[]> {
  const untilOrEver = Math.min(untilMs, Number.MAX_SAFE_INTEGER);
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT path FROM replaced_files JOIN commits AS c ON c.sequence = replaced_by
      WHERE NOT is_removed AND is_published AND committed_at_ms <= ${untilOrEver}
      ORDER BY path COLLATE "C"`
  );
  return rows.map(({ path }) => String(path));
}

async function readReplacedBy(run: Run, path: string): Promise<readonly ReplacedFile[]> {
  // The manifest is in the order of commits, and a file's name has its commit's number.
  const sequence = parsePath(path)?.sequence ?? 0;
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT r.path, r.bytes FROM files AS f JOIN replaced_files AS r ON r.replaced_by = f.sequence
      WHERE f.sequence = ${sequence} AND f.final_path = ${path} ORDER BY r.path COLLATE "C"`
  );
  return rows.map((row) => ({ finalPath: String(row["path"]), bytes: Number(row["bytes"]) }));
}

async function replacedAmong(run: Run, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT path FROM replaced_files
      WHERE path IN (SELECT json_array_elements_text(${JSON.stringify(paths)}::text::json))`
  );
  return new Set(rows.map(({ path }) => String(path)));
}

async function markRemoved(run: Run, paths: readonly string[]): Promise<void> {
  await run((sql) =>
    sql`
      UPDATE replaced_files SET is_removed = true
      WHERE path IN (SELECT json_array_elements_text(${JSON.stringify(paths)}::text::json))`
  );
}

/** Paths of all files that were merged into others and are not known to be gone. */
export async function readUnremovedPaths(run: Run): Promise<readonly string[]> {
  if (!await hasReplacedFiles(run)) return [];
  const rows = await run((sql) =>
    sql<Row[]>`SELECT path FROM replaced_files WHERE NOT is_removed ORDER BY path COLLATE "C"`
  );
  return rows.map(({ path }) => String(path));
}

/** Whether a file was merged into another one. */
export async function isReplaced(run: Run, path: string): Promise<boolean> {
  return await hasReplacedFiles(run) && (await replacedAmong(run, [path])).size > 0;
}

/** An older orilla made the schema without it, and nobody has opened it for writing since. */
function hasReplacedFiles(run: Run): Promise<boolean> {
  return hasTable(run, "replaced_files");
}
