import type { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import type { CheckpointContent } from "../checkpoint/inspection.ts";
import { decodePath } from "../core/delta_actions.ts";
import { PARTITION_COLUMN } from "../core/delta_table.ts";
import { messageOf, OrillaError } from "../core/errors.ts";
import { DELTA_LOG_FOLDER, folderOf } from "../core/lake_path.ts";
import type { Finding } from "../core/verification.ts";
import type { DeltaLogContent } from "../lake/delta_log_reader.ts";
import { readTable } from "./lake_table.ts";
import type { ReadLake } from "./read_lake.ts";

/** The lake's table, as its log says. */
export interface TableState {
  readonly version: number;
  readonly fileCount: number;
}

/** What a look at a table found. */
export interface TableReport {
  /** Null where the lake is no table, or its log cannot be read. */
  readonly table: TableState | null;
  readonly findings: readonly Finding[];
}

/**
 * Holds the table's log against the checkpoint: each committed event file is in the table, and no other one. A commit
 * that is not known to be published may be missing: its process, or the next start, appends it.
 *
 * @param checkpoint as it was before
 */
export async function verifyTable(
  { files, reader }: ReadLake,
  checkpoint: CheckpointContent,
): Promise<TableReport> {
  let content: DeltaLogContent | null;
  try {
    content = await readTable(files);
  } catch (error) {
    if (!(error instanceof OrillaError)) throw error;
    const detail = messageOf(error);
    return {
      table: null,
      findings: [{ kind: "unreadable_table", subject: DELTA_LOG_FOLDER, detail }],
    };
  }
  if (content === null) return { table: null, findings: [] };
  const findings = [
    ...await missingFiles(reader, content, checkpoint),
    ...await foreignFiles(reader, content, checkpoint),
  ];
  const { version, snapshot } = content;
  return { table: { version, fileCount: snapshot.files.size }, findings };
}

async function missingFiles(
  reader: CheckpointReader,
  { snapshot }: DeltaLogContent,
  checkpoint: CheckpointContent,
): Promise<readonly Finding[]> {
  const unpublished = new Set(
    checkpoint.commits.filter(({ isPublished }) => !isPublished).map(({ sequence }) => sequence),
  );
  const inTable = new Map(
    Array.from(snapshot.files.values(), (add) => [decodePath(add.path), add]),
  );
  const findings = checkpoint.files.flatMap(({ kind, finalPath, bytes, sequence }): Finding[] => {
    if (kind !== "events" || unpublished.has(sequence)) return [];
    const add = inTable.get(finalPath);
    if (add === undefined) {
      const detail = "it was committed, and is not in the table";
      return [{ kind: "not_in_table", subject: finalPath, detail }];
    }
    const date = folderOf(finalPath).slice("date=".length);
    if (add.size === bytes && add.partitionValues[PARTITION_COLUMN] === date) return [];
    const detail = "its size or date is not what the table's log says";
    return [{ kind: "wrong_in_table", subject: finalPath, detail }];
  });
  // A writer beside us may have merged it into another one since.
  const isReplaced = await Promise.all(findings.map(({ subject }) => reader.isReplaced(subject)));
  return findings.filter((_, index) => isReplaced[index] === false);
}

async function foreignFiles(
  reader: CheckpointReader,
  { snapshot }: DeltaLogContent,
  checkpoint: CheckpointContent,
): Promise<readonly Finding[]> {
  const known = eventPaths(checkpoint);
  const paths = Array.from(snapshot.files.keys(), decodePath).filter((path) => !known.has(path));
  if (paths.length === 0) return [];
  // A writer beside us commits before it appends: what the log has, the checkpoint has by now.
  const knownNow = eventPaths(await reader.content());
  // A merge is committed before the table has it, and until then the table has what it replaces.
  const isBehind = checkpoint.commits.some(({ isPublished }) => !isPublished);
  const findings: Finding[] = [];
  for (const subject of paths.filter((path) => !knownNow.has(path))) {
    if (isBehind && await reader.isReplaced(subject)) continue;
    const detail =
      "it is in the table, and was not committed: another program added it, or the commit was lost";
    findings.push({ kind: "only_in_table", subject, detail });
  }
  return findings;
}

function eventPaths({ files }: CheckpointContent): Set<string> {
  return new Set(
    files.filter(({ kind }) => kind === "events").map(({ finalPath }) => finalPath),
  );
}
