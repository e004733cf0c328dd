import type { CommitStore, ReplacedFile } from "../checkpoint/commit_store.ts";
import type { ManifestFile } from "../core/commit.ts";
import { decodePath } from "../core/delta_actions.ts";
import {
  alignmentVersion,
  commitNameOf,
  commitVersion,
  compactionVersion,
} from "../core/delta_version.ts";
import { parsePath } from "../core/lake_path.ts";
import { DeltaLog, type DeltaLogOptions } from "../lake/delta_log.ts";
import { type DeltaLogContent, logError, readDeltaLog } from "../lake/delta_log_reader.ts";
import { deltaFiles, deltaStorage } from "../lake/delta_storage.ts";
import { isTable } from "../lake/lake_reader.ts";
import type { LakeFiles, LakeStorage } from "../lake/storage.ts";

/** How a lake shows itself to readers: as files alone, or as a Delta Lake table too. */
export const TABLE_FORMATS = ["plain", "delta"] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

/** The lake as a table, for the commits of a run. */
export interface LakeTable {
  /** Makes the event files of a commit rows of the table, all at once and once only. */
  append(files: readonly ManifestFile[]): Promise<void>;
  /** Does for a commit that another process, or an earlier run, made what it would have done: one of both. */
  appendCommitted(files: readonly ManifestFile[]): Promise<void>;
  /** Makes the merged files of a commit take the place of others, all at once: each row is there before and after. */
  compact(added: readonly ManifestFile[], replaced: readonly ReplacedFile[]): Promise<void>;
}

/** What a table is opened with. */
type TableOptions =
  & Pick<DeltaLogOptions, "encode" | "log" | "nowMs" | "pseudonymizedFields">
  & { readonly files: LakeStorage; readonly version: string };

/**
 * Opens the lake's table and appends the commits that its log does not have: a crash came between, or they were
 * made without it. What is known to be committed must be published as far as this process can.
 *
 * @throws OrillaError with exit code 3 where the log is damaged, or of another table
 */
export async function openTable(
  { files, checkpoint, version, ...options }: TableOptions & { readonly checkpoint: CommitStore },
): Promise<LakeTable> {
  const engine = `orilla/${version}`;
  const storage = deltaStorage(files);
  const deltaLog = await DeltaLog.open({ ...options, storage, engine });
  const table: LakeTable = {
    append: async (manifest) => {
      const events = manifest.filter(({ kind }) => kind === "events");
      if (events.length > 0) await deltaLog.append(commitVersion(events, engine));
    },
    appendCommitted: async (manifest) => {
      const replaced = await replacedBy(checkpoint, manifest);
      if (replaced.length === 0) await table.append(manifest);
      else await table.compact(manifest, replaced);
    },
    compact: async (added, files) => {
      const { snapshot } = await readDeltaLog(storage);
      const inTable = new Set(Array.from(snapshot.files.keys(), decodePath));
      // A table that was begun after them never had some.
      const replaced = files.filter(({ finalPath }) => inTable.has(finalPath));
      const removedAtMs = options.nowMs();
      await deltaLog.append(
        replaced.length === 0
          ? commitVersion(added, engine)
          : compactionVersion({ added, replaced, removedAtMs }, engine),
      );
    },
  };
  await refuseAhead(checkpoint, deltaLog);
  let appendedCount = 0;
  for await (const commit of missingCommits(files, checkpoint, deltaLog)) {
    await table.appendCommitted(commit);
    appendedCount++;
  }
  if (appendedCount > 0) {
    options.log.info("the table's log was behind the lake; appended the commits that it lacked", {
      count: appendedCount,
    });
  }
  return table;
}

/** The files whose place the file of a merge took; those of a batch took none. */
async function replacedBy(
  { replacements }: CommitStore,
  [file]: readonly ManifestFile[],
): Promise<readonly ReplacedFile[]> {
  if (file === undefined) return [];
  const { finalPath } = file;
  const isMerged = parsePath(finalPath)?.isMerged;
  return isMerged === true ? await replacements.replacedBy(finalPath) : [];
}

/** A log that knows later commits would take new ones for those, and leave them out. */
async function refuseAhead(checkpoint: CommitStore, deltaLog: DeltaLog): Promise<void> {
  const own = deltaLog.sequenceOf(checkpoint.instanceId), { sequence } = await checkpoint.read();
  if (own <= sequence) return;
  throw logError(
    `it has commit ${own}, and the checkpoint has only ${sequence}: one of them is an older copy`,
  );
}

/** The event files of each commit that the log lacks, commit by commit. */
async function* missingCommits(
  files: LakeStorage,
  checkpoint: CommitStore,
  deltaLog: DeltaLog,
): AsyncGenerator<readonly ManifestFile[]> {
  // All commits before one of this checkpoint's own were appended before it.
  const own = deltaLog.sequenceOf(checkpoint.instanceId);
  const left = new Set<string>();
  for await (const page of checkpoint.eventFiles(own + 1)) {
    const commits = Map.groupBy(page, (file) => {
      const { instanceId, sequence } = commitNameOf(file);
      return `${instanceId}/${sequence}`;
    });
    for (const manifest of commits.values()) {
      const [file] = manifest;
      if (file === undefined || deltaLog.has(commitNameOf(file))) continue;
      const { instanceId } = commitNameOf(file);
      const published = await publishedOf(files, manifest);
      // Another process is publishing it, and appends it then; what it committed later must not come before.
      if (checkpoint.isShared && published.length < manifest.length) left.add(instanceId);
      if (!left.has(instanceId) && published.length > 0) yield published;
    }
  }
}

/** A file that is gone for good is none of a table's: its readers would fail on it. */
async function publishedOf(
  files: LakeStorage,
  manifest: readonly ManifestFile[],
): Promise<readonly ManifestFile[]> {
  const published: ManifestFile[] = [];
  for (const file of manifest) if (await files.exists(file.finalPath)) published.push(file);
  return published;
}

/**
 * Reads the table's log, also beside a process that appends to it.
 *
 * @returns null where the lake is no table
 * @throws OrillaError with exit code 3 where it is damaged
 */
export async function readTable(files: LakeFiles): Promise<DeltaLogContent | null> {
  return await isTable(files) ? await readDeltaLog(deltaFiles(files)) : null;
}

/** What brought a table's log in line with the lake's files. */
export interface TableAlignment {
  /** Event files of the lake that the table had not. */
  readonly addedCount: number;
  /** Files of the table that are none of the lake's any more. */
  readonly removedCount: number;
}

/**
 * Makes the table one of exactly the checkpoint's event files, in one version: for a checkpoint that was made anew of
 * the files that are there.
 *
 * @returns null where the lake is no table
 * @throws OrillaError with exit code 3 where the log is damaged, or of another table
 */
export async function alignTable(
  { files, events, version, ...options }: TableOptions & {
    /** All event files of the checkpoint. */
    readonly events: readonly ManifestFile[];
  },
): Promise<TableAlignment | null> {
  if (!await isTable(files)) return null;
  const engine = `orilla/${version}`;
  const storage = deltaStorage(files);
  const { snapshot } = await readDeltaLog(storage);
  const deltaLog = await DeltaLog.open({ ...options, storage, engine });
  const inTable = new Map(
    Array.from(snapshot.files.values(), (file) => [decodePath(file.path), file]),
  );
  const inLake = new Set(events.map(({ finalPath }) => finalPath));
  const added = events.filter(({ finalPath }) => !inTable.has(finalPath));
  const removed = [...inTable].flatMap(([path, file]) => inLake.has(path) ? [] : [file]);
  if (added.length + removed.length > 0) {
    const nowMs = options.nowMs();
    await deltaLog.append(alignmentVersion({ added, removed, nowMs }, engine));
  }
  return { addedCount: added.length, removedCount: removed.length };
}
