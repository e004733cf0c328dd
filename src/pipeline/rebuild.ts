import { Checkpoint } from "../checkpoint/checkpoint.ts";
import { CHECKPOINT_FILE } from "../checkpoint/schema.ts";
import { type CheckpointContent, inspectCheckpoint } from "../checkpoint/inspection.ts";
import { makeInstanceId } from "../checkpoint/instances.ts";
import { lockOutDir } from "../checkpoint/lock.ts";
import type { Commit, ManifestFile, PartitionState } from "../core/commit.ts";
import { damagedError, messageOf, OrillaError } from "../core/errors.ts";
import { HASH_WORDS } from "../core/id_hash.ts";
import { GONE } from "../core/outcome.ts";
import { parsePath } from "../core/lake_path.ts";
import type { PurgedFile } from "../core/purge.ts";
import { accountFor, type OffsetGap } from "../core/verification.ts";
import { type LakeFile, listPublished, listStaged } from "../lake/lake_reader.ts";
import { encodeTable } from "../lake/encoder_server.ts";
import { loadParquet } from "../lake/parquet.ts";
import { FolderStorage } from "../lake/folder_storage.ts";
import type { LakeFiles, LakeStorage } from "../lake/storage.ts";
import { OWNER_ONLY } from "../runtime/file_mode.ts";
import { Files } from "../runtime/files.ts";
import type { Log } from "../runtime/logs.ts";
import { noFaults } from "../runtime/operations.ts";
import { commitOf, completeness, mergedCommitOf } from "./adoption.ts";
import { commitsOf, type LakeCommit } from "./lake_commits.ts";
import { pseudonymizedFieldsOf, restoreProtection } from "./lake_protection.ts";
import { alignTable, type TableAlignment } from "./lake_table.ts";

/** What a rebuilt checkpoint holds, and what the lake's files could not tell. */
export interface RebuildReport {
  readonly commitCount: number;
  readonly fileCount: number;
  readonly eventCount: number;
  readonly deadLetterCount: number;
  readonly seenIdCount: number;
  readonly partitions: readonly PartitionState[];
  /** Replays and purged files whose record the old checkpoint gave. */
  readonly carriedReplayCount: number;
  readonly carriedPurgeCount: number;
  /** Commits whose files are not all there, as `instance/sequence: missing rows`. */
  readonly incomplete: readonly string[];
  /** Offsets between two commits that no file there is speaks of. */
  readonly gaps: readonly OffsetGap[];
  /** Where the old checkpoint is kept; null where there was none. */
  readonly keptAs: string | null;
  /** What the lake's table was lacking, or had too much; null where the lake is no table. */
  readonly table: TableAlignment | null;
  /** Why the table's log could not be gone on with; null where it could. */
  readonly tableRefusal: string | null;
}

const NEW_FILE = "checkpoint.rebuild.sqlite";

/**
 * Makes a new checkpoint from the lake's own files: their names, metadata and event ids. The old one is kept
 * beside it. A crash in between leaves the old one in place.
 *
 * @param onProgress told how many of how many files were read
 */
export async function rebuild(
  options: {
    /** Absolute path of the folder of the checkpoint, which exists. */
    readonly checkpointDir: string;
    /** Where the lake's files lie; left out, beside the checkpoint. */
    readonly storage?: LakeStorage;
    readonly ttlMs: number;
    readonly nowMs: number;
    /** The mode of files that are made in OUT_DIR. */
    readonly fileMode?: number;
    readonly version: string;
    readonly log: Log;
  },
  onProgress: (done: number, total: number) => void,
): Promise<RebuildReport> {
  const { checkpointDir, ttlMs, nowMs, fileMode = OWNER_ONLY } = options;
  using _lock = lockOutDir(checkpointDir, fileMode);
  const files = new Files(checkpointDir, noFaults, { fileMode });
  const storage = options.storage ?? new FolderStorage(files);
  await removeNew(files);
  await loadParquet();
  await publishStaged(storage);
  const published = await listPublished(storage);
  const newInstanceId = makeInstanceId();
  const kept = readOld(checkpointDir);
  const report = await fill(published, {
    files: storage,
    kept,
    options: {
      outDir: checkpointDir,
      file: NEW_FILE,
      ttlMs,
      duplicateTtlMs: 0,
      newInstanceId,
      fileMode,
    },
    onProgress,
  }).catch(async (error) => {
    await removeNew(files);
    throw error;
  });
  const keptAs = await keepOld(files, nowMs);
  await files.move(NEW_FILE, CHECKPOINT_FILE, "rebuild:rename");
  await files.syncFolder(".", "rebuild:rename");
  const { ranges, committed } = inspectCheckpoint(checkpointDir);
  const gaps = accountFor(ranges, committed.partitions).accounts.flatMap(({ gaps }) => gaps);
  const made = { outDir: checkpointDir, ttlMs, duplicateTtlMs: 0, newInstanceId };
  using checkpoint = new Checkpoint(made);
  const events = checkpoint.eventFiles(0, Number.MAX_SAFE_INTEGER);
  const setting = (name: string) => checkpoint.setting(name);
  const table = await align(storage, { ...options, events, setting });
  return { ...report, gaps, keptAs, ...table };
}

/** Whatever is made anew is whole without the table, so a log that cannot be gone on with is told, and no more. */
export async function align(
  files: LakeStorage,
  options: Parameters<typeof pseudonymizedFieldsOf>[0] & {
    /** All event files of the lake. */
    readonly events: readonly ManifestFile[];
    readonly nowMs: number;
    readonly version: string;
    readonly log: Log;
  },
): Promise<Pick<RebuildReport, "table" | "tableRefusal">> {
  const pseudonymizedFields = pseudonymizedFieldsOf(options);
  const nowMs = () => options.nowMs;
  try {
    const parts = { ...options, files, nowMs, encode: encodeTable };
    return { table: await alignTable({ ...parts, pseudonymizedFields }), tableRefusal: null };
  } catch (error) {
    if (!(error instanceof OrillaError)) throw error;
    return { table: null, tableRefusal: error.message };
  }
}

async function removeNew(files: Files): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) {
    if (await files.exists(NEW_FILE + suffix)) {
      await files.remove(NEW_FILE + suffix, "recover:remove");
    }
  }
}

/** A commit with one published file was made: what of it is only staged is part of the lake too. */
export async function publishStaged(storage: LakeStorage): Promise<void> {
  const commitOfFile = ({ instanceId, sequence }: LakeFile) => `${instanceId}/${sequence}`;
  const commits = new Set((await listPublished(storage)).map(commitOfFile));
  const staged = (await listStaged(storage)).filter((file) => commits.has(commitOfFile(file)));
  await storage.publishUnlisted(staged.map(({ path }) => path));
}

async function fill(
  published: readonly LakeFile[],
  { files, kept, options, onProgress }: {
    readonly files: LakeFiles;
    readonly kept: Kept;
    readonly options: ConstructorParameters<typeof Checkpoint>[0];
    readonly onProgress: (done: number, total: number) => void;
  },
): Promise<Omit<RebuildReport, "keptAs" | "gaps" | "table" | "tableRefusal">> {
  using checkpoint = new Checkpoint(options);
  const commits = await commitsOf(files, published).catch(unreadable);
  const there = new Set(published.map(({ path }) => path));
  const incomplete: string[] = [];
  let fileCount = 0, eventCount = 0, deadLetterCount = 0;
  for (const [index, ofLake] of commits.entries()) {
    const sequence = index + 1;
    if (ofLake.replaces.length > 0) {
      const left = ofLake.replaces.filter((path) => there.has(path));
      await adoptMerged(files, { checkpoint, ofLake: { ...ofLake, sequence }, left });
    } else {
      const rows = await adoptCommit(files, { checkpoint, ofLake, sequence, kept });
      eventCount += rows.events;
      deadLetterCount += rows.deadLetters;
      const { instanceId } = ofLake;
      if (rows.missing !== 0) incomplete.push(`${instanceId}/${ofLake.sequence}: ${rows.missing}`);
    }
    fileCount += ofLake.files.length;
    onProgress(fileCount, published.length);
  }
  checkpoint.deadLetters.carryOver(kept);
  checkpoint.markPublished(commits.length);
  await restoreProtection(files, checkpoint, published);
  const { partitions } = checkpoint.read();
  const { seenIdCount } = checkpoint;
  const carried = {
    carriedReplayCount: kept.replays.length,
    carriedPurgeCount: kept.purges.length,
  };
  const counts = { fileCount, eventCount, deadLetterCount, seenIdCount, ...carried };
  return { commitCount: commits.length, ...counts, partitions, incomplete };
}

/** Stores the commit of a batch, and says how many of its rows are there. */
async function adoptCommit(
  files: LakeFiles,
  { checkpoint, ofLake, sequence, kept }: {
    readonly checkpoint: Checkpoint;
    readonly ofLake: LakeCommit;
    readonly sequence: number;
    readonly kept: Kept;
  },
) {
  const { idKey } = checkpoint;
  const from = { before: checkpoint.read().counters, idKey, takesMergedIds: false };
  const read = await commitOf(files, ofLake, from).catch(unreadable);
  const purged = purgedOf(ofLake, kept.purges);
  const commit = { ...withPurged(read, purged), sequence };
  checkpoint.adopt(commit);
  checkpoint.mergeSteps(commit.committedAtMs, commit.freshHashes.length / HASH_WORDS);
  const rows = completeness(commit, ofLake);
  const purgedCount = purged.reduce((sum, { letterCount }) => sum + letterCount, 0);
  const expected = rows.expectedEvents + rows.expectedDeadLetters - purgedCount;
  return { ...rows, missing: expected - rows.events - rows.deadLetters };
}

/**
 * Stores the commit of a merged file, with the ids of all its rows.
 *
 * @param left those of the files that it replaced which a crash has left: the next start removes them
 */
async function adoptMerged(
  files: LakeFiles,
  { checkpoint, ofLake, left }: {
    readonly checkpoint: Checkpoint;
    readonly ofLake: LakeCommit;
    readonly left: readonly string[];
  },
): Promise<void> {
  const from = { before: checkpoint.read().counters, idKey: checkpoint.idKey };
  const { commit, ids } = await mergedCommitOf(files, ofLake, from).catch(unreadable);
  checkpoint.replacedFiles.adopt(commit, left);
  for (const [seenAtMs, hashes] of ids) {
    checkpoint.adoptIds(hashes, seenAtMs);
    checkpoint.mergeSteps(seenAtMs, hashes.length / HASH_WORDS);
  }
}

/** What only a checkpoint knows. */
type Kept = Pick<CheckpointContent, "replays" | "purges">;

/** What the old checkpoint notes; nothing where it is gone or cannot be read. */
function readOld(outDir: string): Kept {
  try {
    return inspectCheckpoint(outDir);
  } catch (error) {
    if (error instanceof OrillaError) return { replays: [], purges: [] };
    throw error;
  }
}

/** The purged files of a commit. */
function purgedOf(
  { instanceId, sequence, files }: LakeCommit,
  purges: readonly PurgedFile[],
): readonly PurgedFile[] {
  // A purge that was interrupted has left some of them.
  const left = new Set(files.map(({ path }) => path));
  return purges.filter(({ path }) => {
    if (left.has(path)) return false;
    const parsed = parsePath(path);
    return parsed?.instanceId === instanceId && parsed.sequence === sequence;
  });
}

/** A commit whose purged dead letters count under their reasons, since these are known. */
function withPurged(commit: Commit, purged: readonly PurgedFile[]): Commit {
  const rejected = { ...commit.counters.rejected };
  for (const [reason, count] of purged.flatMap(({ reasons }) => Object.entries(reasons))) {
    rejected[reason] = (rejected[reason] ?? 0) + count;
    rejected[GONE] = (rejected[GONE] ?? 0) - count;
  }
  if (rejected[GONE] === 0) delete rejected[GONE];
  return { ...commit, counters: { ...commit.counters, rejected } };
}

export function unreadable(error: unknown): never {
  throw damagedError(
    `${messageOf(error)}. Move it out of the lake and rebuild again: its rows then count as gone`,
    error,
  );
}

async function keepOld(files: Files, nowMs: number): Promise<string | null> {
  const isThere = await files.exists(CHECKPOINT_FILE);
  const kept = `checkpoint.old-${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, "")}.sqlite`;
  for (const suffix of ["-wal", "-shm", ""]) {
    const from = CHECKPOINT_FILE + suffix;
    if (await files.exists(from)) await files.move(from, kept + suffix, "rebuild:rename");
  }
  return isThere ? kept : null;
}
