import { Checkpoint, CHECKPOINT_FILE } from "../checkpoint/checkpoint.ts";
import { inspectCheckpoint } from "../checkpoint/inspection.ts";
import { lockOutDir } from "../checkpoint/lock.ts";
import type { PartitionState } from "../core/commit.ts";
import { damagedError, messageOf } from "../core/errors.ts";
import { accountFor, type OffsetGap } from "../core/verification.ts";
import { type LakeFile, listPublished, listStaged, readLakeFile } from "../lake/lake_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import { publish } from "../lake/publishing.ts";
import { Files } from "../runtime/files.ts";
import { commitOf, completeness, manifestFileOf } from "./adoption.ts";

/** What a rebuilt checkpoint holds, and what the lake's files could not tell. */
export interface RebuildReport {
  readonly commitCount: number;
  readonly fileCount: number;
  readonly eventCount: number;
  readonly deadLetterCount: number;
  readonly seenIdCount: number;
  readonly partitions: readonly PartitionState[];
  /** Commits whose files are not all there, as `instance/sequence: missing rows`. */
  readonly incomplete: readonly string[];
  /** Offsets between two commits that no file there is speaks of. */
  readonly gaps: readonly OffsetGap[];
  /** Where the old checkpoint is kept; null where there was none. */
  readonly keptAs: string | null;
}

const NEW_FILE = "checkpoint.rebuild.sqlite";

/**
 * Makes a new checkpoint from the lake's own files: their names, metadata and event ids. The old one is kept
 * beside it. A crash in between leaves the old one in place.
 *
 * @param onProgress told how many of how many files were read
 */
export async function rebuild(
  options: { readonly outDir: string; readonly ttlMs: number; readonly nowMs: number },
  onProgress: (done: number, total: number) => void,
): Promise<RebuildReport> {
  const { outDir, ttlMs, nowMs } = options;
  using _lock = lockOutDir(outDir);
  const files = new Files(outDir);
  await removeNew(files);
  await loadParquet();
  await publishStaged(files);
  const published = await listPublished(files);
  const newInstanceId = crypto.randomUUID().replaceAll("-", "").slice(-12);
  const report = await fill(published, {
    files,
    options: { outDir, file: NEW_FILE, ttlMs, duplicateTtlMs: 0, newInstanceId },
    onProgress,
  }).catch(async (error) => {
    await removeNew(files);
    throw error;
  });
  const keptAs = await keepOld(files, nowMs);
  await files.move(NEW_FILE, CHECKPOINT_FILE, "rebuild:rename");
  await files.syncFolder(".", "rebuild:rename");
  const { ranges, committed } = inspectCheckpoint(outDir);
  const gaps = accountFor(ranges, committed.partitions).accounts.flatMap(({ gaps }) => gaps);
  return { ...report, gaps, keptAs };
}

async function removeNew(files: Files): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) {
    if (await files.exists(NEW_FILE + suffix)) {
      await files.remove(NEW_FILE + suffix, "recover:remove");
    }
  }
}

/** A commit with one published file was made: what of it is only staged is part of the lake too. */
async function publishStaged(files: Files): Promise<void> {
  const commitOfFile = ({ instanceId, sequence }: LakeFile) => `${instanceId}/${sequence}`;
  const commits = new Set((await listPublished(files)).map(commitOfFile));
  for (const file of await listStaged(files)) {
    if (!commits.has(commitOfFile(file))) continue;
    await publish(files, [manifestFileOf(file, await readLakeFile(files, file.path))]);
  }
}

async function fill(
  published: readonly LakeFile[],
  { files, options, onProgress }: {
    readonly files: Files;
    readonly options: ConstructorParameters<typeof Checkpoint>[0];
    readonly onProgress: (done: number, total: number) => void;
  },
): Promise<Omit<RebuildReport, "keptAs" | "gaps">> {
  using checkpoint = new Checkpoint(options);
  const groups = groupByCommit(published);
  const incomplete: string[] = [];
  let fileCount = 0, eventCount = 0, deadLetterCount = 0;
  for (const [index, ofCommit] of groups.entries()) {
    const { counters } = checkpoint.read();
    const commit = await commitOf(files, ofCommit, counters).catch(unreadable);
    checkpoint.adopt({ ...commit, sequence: index + 1 });
    const rows = completeness(commit);
    eventCount += rows.events;
    deadLetterCount += rows.deadLetters;
    const missing = rows.expectedEvents + rows.expectedDeadLetters - rows.events - rows.deadLetters;
    const [first] = ofCommit;
    if (missing !== 0) incomplete.push(`${first?.instanceId}/${first?.sequence}: ${missing}`);
    fileCount += ofCommit.length;
    onProgress(fileCount, published.length);
  }
  checkpoint.markPublished(groups.length);
  const { partitions } = checkpoint.read();
  const { seenIdCount } = checkpoint;
  const counts = { fileCount, eventCount, deadLetterCount, seenIdCount };
  return { commitCount: groups.length, ...counts, partitions, incomplete };
}

function unreadable(error: unknown): never {
  throw damagedError(
    `${messageOf(error)}. Move it out of the lake and rebuild again: its rows then count as gone`,
    error,
  );
}

/** Files by the commit they are from, in the order of the commits' times. */
function groupByCommit(published: readonly LakeFile[]): readonly (readonly LakeFile[])[] {
  const groups = Map.groupBy(published, ({ instanceId, sequence }) => `${instanceId}/${sequence}`);
  return [...groups.values()].sort(([a], [b]) =>
    (a?.stagedAtMs ?? 0) - (b?.stagedAtMs ?? 0) || (a?.sequence ?? 0) - (b?.sequence ?? 0)
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
