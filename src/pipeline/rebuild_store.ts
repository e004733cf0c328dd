import { beginStoreRebuild, openReader } from "../checkpoint/open_store.ts";
import type { StoreAccess } from "../checkpoint/commit_store.ts";
import { isLocked } from "../checkpoint/lock.ts";
import type {
  RebuiltIds,
  RebuiltReplacement,
  StoreRebuild,
  StoreRebuildOptions,
} from "../checkpoint/store_rebuild.ts";
import type { Commit, ManifestFile } from "../core/commit.ts";
import { zeroCounters } from "../core/counters.ts";
import { damagedError, operatingError } from "../core/errors.ts";
import { accountFor } from "../core/verification.ts";
import { isTable, type LakeFile, listPublished, listStaged } from "../lake/lake_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import type { LakeStorage } from "../lake/storage.ts";
import type { Log } from "../runtime/logs.ts";
import { commitOf, completeness, mergedCommitOf } from "./adoption.ts";
import { commitsOf, type LakeCommit } from "./lake_commits.ts";
import { restoreProtection } from "./lake_protection.ts";
import { align, publishStaged, type RebuildReport, unreadable } from "./rebuild.ts";
import { type StoreWaiting, waitForStore } from "./store_waiting.ts";

/** What a store is made anew of, and with. */
export interface StoreRebuildContext extends StoreRebuildOptions {
  /** The server. */
  readonly store: StoreAccess & { readonly url: string };
  /** Absolute path of the folder where a checkpoint of one process would lie; "" where nothing of the lake lies here. */
  readonly checkpointDir: string;
  readonly storage: LakeStorage;
  readonly version: string;
  readonly log: Log;
  /** How the server is waited for once it has answered. */
  readonly retrying: StoreWaiting["retrying"];
}

/**
 * Makes the empty store of a server anew from the lake's own files: their names, metadata and event ids. Each commit
 * keeps its number and process.
 *
 * @param onProgress told how many of how many files were read
 * @throws OrillaError as `beginStoreRebuild`; with exit code 1 where the lake changes meanwhile, 3 where one of its files
 * cannot be read or a store cannot hold its commits
 */
export async function rebuildStore(
  context: StoreRebuildContext,
  onProgress: (done: number, total: number) => void,
): Promise<RebuildReport> {
  const { checkpointDir, store } = context;
  if (checkpointDir !== "" && isLocked(checkpointDir)) {
    throw operatingError(`Another orilla is writing to ${checkpointDir}. Stop it first`);
  }
  await loadParquet();
  const report = await makeAnew(context, onProgress);
  await using reader = await openReader({ checkpointDir, ...store });
  const { committed: { partitions }, ranges, seenIdCount } = await reader.content();
  const gaps = accountFor(ranges, partitions).accounts.flatMap(({ gaps }) => gaps);
  return { ...report, partitions, seenIdCount, gaps };
}

type Made = Omit<RebuildReport, "partitions" | "seenIdCount" | "gaps">;

async function makeAnew(
  context: StoreRebuildContext,
  onProgress: Filling["onProgress"],
): Promise<Made> {
  await using rebuild = await beginStoreRebuild(context.store, context);
  await publishStaged(context.storage);
  return await fill({ ...context, rebuild, onProgress });
}

interface Filling extends StoreRebuildContext {
  readonly rebuild: StoreRebuild;
  readonly onProgress: (done: number, total: number) => void;
}

async function fill(filling: Filling): Promise<Made> {
  const { storage, rebuild, onProgress } = filling;
  const published = await listPublished(storage), staged = await listStaged(storage);
  const commits = await commitsOf(storage, published).catch(unreadable);
  refuseSameNumbers([...commits, ...published]);
  const there = new Set(published.map(({ path }) => path));
  const inTable = await isTable(storage);
  const events: ManifestFile[] = [], incomplete: string[] = [];
  let fileCount = 0, eventCount = 0, deadLetterCount = 0;
  for (const ofLake of commits) {
    const adopted = ofLake.replaces.length > 0
      ? await adoptMerged(filling, ofLake, there)
      : await adoptBatch(filling, ofLake);
    eventCount += adopted.eventCount;
    deadLetterCount += adopted.deadLetterCount;
    const { instanceId, sequence } = ofLake;
    if (adopted.missingCount !== 0) {
      incomplete.push(`${instanceId}/${sequence}: ${adopted.missingCount}`);
    }
    if (inTable) events.push(...adopted.files.filter(({ kind }) => kind === "events"));
    fileCount += ofLake.files.length;
    onProgress(fileCount, published.length);
  }
  const replaced = replacedCommits(published, commits);
  for (const at of replaced) await adoptReplaced(filling, at);
  const settings = new Map<string, string>();
  await restoreProtection(
    storage,
    { note: (name, value) => void settings.set(name, value) },
    published,
  );
  const setting = (name: string) => settings.get(name) ?? null;
  const aligned = await align(storage, { ...filling, events, setting });
  await refuseChanged(storage, there);
  const all: readonly NamedCommit[] = [...commits, ...published, ...staged];
  await patiently(filling, () =>
    rebuild.end({
      settings,
      commitCount: commits.length + replaced.length,
      lastSequence: all.reduce((last, { sequence }) => Math.max(last, sequence), 0),
      instanceIds: [...new Set(all.map(({ instanceId }) => instanceId))],
    }));
  const counts = { commitCount: commits.length, fileCount, eventCount, deadLetterCount };
  const old = { carriedReplayCount: 0, carriedPurgeCount: 0, keptAs: null };
  return { ...counts, ...old, incomplete, ...aligned };
}

type NamedCommit = Pick<LakeFile, "instanceId" | "sequence">;

/** What was adopted of a commit. */
interface Adopted {
  readonly files: readonly ManifestFile[];
  readonly eventCount: number;
  readonly deadLetterCount: number;
  /** Rows that the commit had, and that are not there. */
  readonly missingCount: number;
}

async function adoptBatch(filling: Filling, ofLake: LakeCommit): Promise<Adopted> {
  const { storage, rebuild } = filling;
  const from = { before: zeroCounters(), idKey: rebuild.idKey, takesMergedIds: false };
  const commit = await commitOf(storage, ofLake, from).catch(unreadable);
  const { instanceId } = ofLake;
  await patiently(filling, () => rebuild.adopt({ instanceId, commit, replaced: [] }));
  const rows = completeness(commit, ofLake);
  return {
    files: commit.files,
    eventCount: rows.events,
    deadLetterCount: rows.deadLetters,
    missingCount: rows.expectedEvents + rows.expectedDeadLetters - rows.events - rows.deadLetters,
  };
}

/** The rows of a merged file are those of other commits: they are counted, and their ids known, as these commits'. */
async function adoptMerged(
  filling: Filling,
  ofLake: LakeCommit,
  there: ReadonlySet<string>,
): Promise<Adopted> {
  const { storage, rebuild } = filling;
  const from = { before: zeroCounters(), idKey: rebuild.idKey };
  const { commit, ids } = await mergedCommitOf(storage, ofLake, from).catch(unreadable);
  const { instanceId } = ofLake;
  const replaced = ofLake.replaces.map((path): RebuiltReplacement => ({
    path,
    isThere: there.has(path),
  }));
  await patiently(filling, () => rebuild.adopt({ instanceId, commit, replaced }));
  const { commits } = ofLake;
  const runs = Array.from(ids, ([seenAtMs, hashes]): RebuiltIds => {
    // Commits that were staged in the same millisecond expire together.
    const of = commits.find(({ stagedAtMs }) => stagedAtMs === seenAtMs) ?? ofLake;
    return { instanceId: of.instanceId, sequence: of.sequence, seenAtMs, hashes };
  });
  await patiently(filling, () => rebuild.adoptIds(runs));
  return { files: commit.files, eventCount: 0, deadLetterCount: 0, missingCount: 0 };
}

/** Commits of merged files that were merged into others and are still there: a store is to know them. */
function replacedCommits(
  published: readonly LakeFile[],
  commits: readonly LakeCommit[],
): readonly LakeFile[] {
  const known = new Set(commits.map(({ sequence }) => sequence));
  return published.filter(({ sequence, isMerged }) => isMerged && !known.has(sequence));
}

async function adoptReplaced(
  filling: Filling,
  { instanceId, sequence, stagedAtMs: committedAtMs }: LakeFile,
): Promise<void> {
  const nothing = { files: [], ranges: [], replays: [], freshHashes: new Uint32Array(0) };
  const commit: Commit = {
    ...{ sequence, committedAtMs, trigger: "compact", ...nothing, counters: zeroCounters() },
    traces: { filters: [], duplicates: null },
  };
  await patiently(filling, () => filling.rebuild.adopt({ instanceId, commit, replaced: [] }));
}

/** A store tells commits apart by their numbers alone. */
function refuseSameNumbers(commits: readonly NamedCommit[]): void {
  const known = new Map<number, string>();
  for (const { instanceId, sequence } of commits) {
    const other = known.get(sequence);
    if (other !== undefined && other !== instanceId) {
      throw damagedError(
        `The lake has two commits with number ${sequence}, of the instances ${other} and ${instanceId}: they were made ` +
          `with different checkpoints, and one store cannot hold both. Without CHECKPOINT_URL orilla rebuild makes a ` +
          `checkpoint in OUT_DIR, for one process`,
      );
    }
    known.set(sequence, instanceId);
  }
}

/** A process that was not stopped may have published files of a commit that is not in the store. */
async function refuseChanged(storage: LakeStorage, there: ReadonlySet<string>): Promise<void> {
  const now = (await listPublished(storage)).map(({ path }) => path);
  const isSame = now.length === there.size && now.every((path) => there.has(path));
  if (isSame) return;
  throw operatingError(
    "The lake's files have changed while they were read. Stop all processes that write to it, and run orilla " +
      "rebuild again",
  );
}

async function patiently(context: StoreRebuildContext, act: () => Promise<void>): Promise<void> {
  await waitForStore({ ...context, onRetry: () => {} }, act);
}
