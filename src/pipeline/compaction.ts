import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { MergeGroup } from "../core/compaction.ts";
import type { Commit, ManifestFile } from "../core/commit.ts";
import { type Counters, nextCounters } from "../core/counters.ts";
import { assert, damagedError, operatingError } from "../core/errors.ts";
import { finalPath, parsePath, stagedPath } from "../core/lake_path.ts";
import { isTable } from "../lake/lake_reader.ts";
import type { Merged, Merger, MergeSource } from "../lake/merger.ts";
import { type Protection, recordedText } from "../lake/protection.ts";
import type { LakeStorage } from "../lake/storage.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/logs.ts";
import { SimulatedCrash } from "../runtime/operations.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import type { LakeTable } from "./lake_table.ts";
import type { OtherCommit } from "./pipeline_parts.ts";
import { publishCommitted } from "./recovery.ts";

/** What merging works with. */
export interface CompactionParts {
  readonly files: LakeStorage;
  readonly checkpoint: CommitStore;
  /** The lake as a table; null where it is none. */
  readonly table: LakeTable | null;
  readonly merge: Merger;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly protection: Protection;
  readonly retrying: Retrying;
  /** Makes a commit between those of the pipeline, see Pipeline.commitOther. */
  readonly commitOther: (make: (at: OtherCommit) => Promise<void>) => Promise<void>;
  /** Room on the disk of the lake; null where that is not known, or has no end. */
  readonly freeBytes: () => Promise<number | null>;
  /** Waited for before each read of a source: what goes first. Rejects where the merge is no longer wanted. */
  readonly giveWay: () => Promise<void>;
}

/** A group of files that became one. */
export interface Compacted {
  readonly day: number;
  readonly sourceCount: number;
  readonly sourceBytes: number;
  readonly file: ManifestFile;
}

/** Another process that shares the lake has merged one of the sources: they are not as they were found. */
class MergedMeanwhile extends Error {}

/**
 * Merges the files of a group into one that takes their place: stage, commit, publish, remove. Until the commit
 * nothing has changed, and what is staged goes; after it the next start finishes what is left to do.
 *
 * @returns null where another process has merged one of the files meanwhile, and nothing has changed
 * @throws OrillaError with exit code 1 where there is no room, 3 where a source is not as it was committed
 */
export async function compactGroup(
  parts: CompactionParts,
  group: MergeGroup,
): Promise<Compacted | null> {
  const sourceBytes = group.sources.reduce((sum, { bytes }) => sum + bytes, 0);
  await refuseWithoutRoom(parts, sourceBytes);
  const { files, checkpoint, clock, retrying } = parts;
  const staging = { stagedAtMs: clock.nowMs(), sequence: NO_COMMIT };
  const path = stagedPathOf(parts, { group, name: staging });
  let committed: ManifestFile | null = null;
  const staged: StagedState = { mayBeCommitted: false };
  try {
    await reading(parts, group, () => refuseChanged(parts, group));
    const merged = await reading(parts, group, () => stageMerged(parts, { group, path }));
    // It gets the number of its commit when the merge is done: others go before.
    await parts.commitOther(async (at) => {
      const sequence = await retry("commit", retrying, () => checkpoint.reserve());
      const name = { stagedAtMs: clock.nowMs(), sequence };
      committed = await commitMerged(parts, { group, at, name, merged, staged });
    });
  } catch (error) {
    if (!staged.mayBeCommitted) await files.dropStaged([path]);
    if (error instanceof MergedMeanwhile) return null;
    throw error;
  }
  if (committed === null) {
    await files.dropStaged([path]);
    return null;
  }
  return { ...group, sourceCount: group.sources.length, sourceBytes, file: committed };
}

/** What became of what a merge staged, for whoever clears up after a failure. */
interface StagedState {
  /** The next start publishes it then. */
  mayBeCommitted: boolean;
}

/** Reads the sources of a merge; where that fails since another process merged one of them, that is what is thrown. */
async function reading<T>(
  { checkpoint: { isShared, replacements } }: CompactionParts,
  { sources }: MergeGroup,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isShared || error instanceof SimulatedCrash) throw error;
    const replaced = await replacements.replacedAmong(sources.map(({ finalPath }) => finalPath));
    throw replaced.size === 0 ? error : new MergedMeanwhile();
  }
}

/** What tells the names of merged files apart. */
interface MergeName {
  readonly stagedAtMs: number;
  readonly sequence: number;
}

/** No commit has this number. */
const NO_COMMIT = 0;

/** Steps 2 to 4; null, and nothing changed, where another process was first. */
async function commitMerged(
  parts: CompactionParts,
  { group, at, name, merged, staged }: {
    readonly group: MergeGroup;
    readonly at: OtherCommit;
    readonly name: MergeName;
    readonly merged: StagedMerge;
    readonly staged: StagedState;
  },
): Promise<ManifestFile | null> {
  const { files, checkpoint, table, retrying } = parts;
  const commit = commitOf(parts, { day: group.day, name, counters: at.counters, merged });
  await refuseNewTable(parts);
  staged.mayBeCommitted = true;
  const isMade = await replaceSources(parts, { group, at, commit, staged });
  if (!isMade) return null;
  at.onCommitted(commit.sequence, commit.counters);
  await retry("publish", retrying, async () => {
    await checkpoint.assertInPlace();
    await publishCommitted(files, checkpoint, commit.files);
  });
  // Readers that go by the folder alone see rows twice from here on, until the replaced files are gone.
  if (table) await retry("table", retrying, () => table.compact(commit.files, group.sources));
  await retry("publish", retrying, async () => {
    await checkpoint.assertInPlace();
    // Only then others take it for published, and may remove what it replaced.
    if (checkpoint.isShared) await checkpoint.markPublished([commit.sequence]);
    await finishReplacements(parts);
  });
  return commit.files[0] ?? null;
}

/** Step 2, and whether it was made: of a try that failed, the answer may have been lost. */
async function replaceSources(
  { checkpoint, retrying }: CompactionParts,
  { group: { sources }, at, commit, staged }: {
    readonly group: MergeGroup;
    readonly at: OtherCommit;
    readonly commit: Commit;
    readonly staged: StagedState;
  },
): Promise<boolean> {
  try {
    return await retry("commit", retrying, async () => {
      await checkpoint.assertInPlace();
      return await checkpoint.replacements.replace(commit, sources);
    });
  } catch (error) {
    if (error instanceof SimulatedCrash) throw error;
    const isMade = await retry("commit", retrying, () => wasMade(checkpoint, commit.sequence))
      .catch(() => null);
    if (isMade === true) return true;
    if (isMade === false) staged.mayBeCommitted = false;
    else at.onUnknown(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

/** Whether a commit was made that was tried; if not, it never will be. */
async function wasMade(checkpoint: CommitStore, sequence: number): Promise<boolean> {
  if (checkpoint.isShared) return await checkpoint.withdraw(sequence);
  return (await checkpoint.unpublished()).some((commit) => commit.sequence === sequence);
}

/** Readers of a table that another process has made of the lake since would lose what is replaced. */
async function refuseNewTable({ files, checkpoint, table }: CompactionParts): Promise<void> {
  if (!checkpoint.isShared || table !== null) return;
  if (!await isTable(files)) return;
  throw operatingError(
    "The lake became a table (TABLE_FORMAT=delta) after this process was started, which does not write to its log. " +
      "Start it again",
  );
}

function stagedPathOf(
  { checkpoint: { instanceId } }: CompactionParts,
  { group: { day }, name }: { readonly group: MergeGroup; readonly name: MergeName },
): string {
  return stagedPath({ kind: "events", day, instanceId, ...name, isMerged: true });
}

/** A disk that a merge fills would stop the commits too. */
async function refuseWithoutRoom(
  { freeBytes }: CompactionParts,
  neededBytes: number,
): Promise<void> {
  const free = await freeBytes();
  if (free === null || free >= neededBytes) return;
  throw operatingError(
    `No room to merge files of ${neededBytes} bytes: ${free} bytes are free on the disk of ` +
      `OUT_DIR. Nothing has changed; make room and try again`,
  );
}

/** Merging would hide that a file is not the one that was committed. */
async function refuseChanged(
  { files, giveWay }: CompactionParts,
  { sources }: MergeGroup,
): Promise<void> {
  for (const { finalPath, checksum } of sources) {
    await giveWay();
    if (await files.exists(finalPath) && await files.checksum(finalPath) === checksum) continue;
    throw damagedError(
      `${finalPath} is not the file that was committed, and is not merged. See orilla verify`,
    );
  }
}

type StagedMerge = Merged & Pick<ManifestFile, "stagedPath">;

/** The merged file, written and durable under its staged name. */
async function stageMerged(
  { files, merge, version, protection: { recorded }, giveWay }: CompactionParts,
  { group, path }: { readonly group: MergeGroup; readonly path: string },
): Promise<StagedMerge> {
  await using file = await files.stageMerged(path);
  const request = {
    day: group.day,
    sources: group.sources.map(mergeSourceOf),
    version,
    protection: recorded === null ? null : recordedText(recorded),
  };
  const merged = await merge(request, {
    read: async (source, range) => {
      await giveWay();
      return await files.readRange(group.sources[source]?.finalPath ?? "", range);
    },
    write: (bytes) => file.append(bytes),
  });
  await file.finish();
  return { ...merged, stagedPath: path };
}

function mergeSourceOf({ finalPath, bytes }: MergeGroup["sources"][number]): MergeSource {
  const parsed = parsePath(finalPath);
  assert(parsed !== null, "files of the manifest have names of orilla's");
  const { instanceId, sequence, stagedAtMs, isMerged } = parsed;
  return { instanceId, sequence, stagedAtMs, isMerged, bytes };
}

function commitOf(
  { checkpoint: { instanceId } }: CompactionParts,
  { day, name, counters, merged }: {
    readonly day: number;
    readonly name: MergeName;
    readonly counters: Counters;
    readonly merged: StagedMerge;
  },
): Commit {
  const { sequence, stagedAtMs: committedAtMs } = name;
  const identity = { kind: "events", day, instanceId, ...name } as const;
  const { filter, ...content } = merged;
  const path = finalPath({ ...identity, isMerged: true });
  const file: ManifestFile = { kind: "events", finalPath: path, ...content };
  return {
    sequence,
    committedAtMs,
    trigger: "compact",
    files: [file],
    ranges: [],
    freshHashes: new Uint32Array(0),
    traces: { filters: [{ finalPath: file.finalPath, filter }], duplicates: null },
    replays: [],
    counters: countersAfter(counters, file),
  };
}

function countersAfter(before: Counters, { bytes }: ManifestFile): Counters {
  const counters = nextCounters(before);
  counters.files.compact++;
  counters.publishedBytes += bytes;
  return counters;
}

/**
 * How long replaced files stay where the lake is a table, whose readers may still be at an older version: a week, as is
 * usual there.
 */
export const REPLACED_KEPT_MS = 7 * 86_400_000;

/**
 * Removes the files that the checkpoint notes as replaced and does not know to be gone; where the lake is a table,
 * those of them that were replaced long enough ago. The files that have their rows must be published, and in the table.
 *
 * @returns how many files there were
 */
export async function finishReplacements(
  { files, checkpoint, table, clock }: Pick<
    CompactionParts,
    "files" | "checkpoint" | "table" | "clock"
  >,
): Promise<number> {
  const { replacements } = checkpoint;
  const untilMs = table === null ? Infinity : clock.nowMs() - REPLACED_KEPT_MS;
  const paths = await replacements.unremoved(untilMs);
  if (paths.length === 0) return 0;
  await files.removePublished(paths, { remove: "compact:remove", fsync: "replaced:fsync" });
  await replacements.markRemoved(paths);
  return paths.length;
}
