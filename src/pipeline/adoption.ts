import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { Commit, FileFilter, ManifestFile } from "../core/commit.ts";
import type { Counters } from "../core/counters.ts";
import { damagedError } from "../core/errors.ts";
import { distinctHashes } from "../core/hash_order.ts";
import { idFilterOfTexts } from "../core/id_filter.ts";
import { hashTexts } from "../core/id_hash.ts";
import { GONE } from "../core/outcome.ts";
import { finalPathOf, STAGING_FOLDER } from "../core/lake_path.ts";
import { TextColumn } from "../core/text_column.ts";
import type { FileContent } from "../lake/file_content.ts";
import { type LakeFile, listPublished, listStaged } from "../lake/lake_reader.ts";
import type { LakeFiles, LakeStorage } from "../lake/storage.ts";

/**
 * Brings a checkpoint that is behind its lake (its write-ahead log was lost, or it is an older copy) up to
 * it: commits that the lake has files of, and the checkpoint does not know, are read back from those files.
 *
 * @returns how many commits were adopted
 * @throws OrillaError with exit code 3 where a commit's files are not all there
 */
export async function adoptNewerCommits(
  files: LakeStorage,
  checkpoint: CommitStore,
): Promise<number> {
  if (checkpoint.isShared) {
    await refuseLostCommits(files, checkpoint);
    return 0;
  }
  const { sequence } = await checkpoint.read();
  const isNewer = (file: LakeFile) =>
    file.instanceId === checkpoint.instanceId && file.sequence > sequence;
  let published = (await listPublished(files)).filter(isNewer);
  if (published.length === 0) return 0;
  // Loaded where there is something to read back, which is rare.
  const { loadParquet } = await import("../lake/parquet.ts");
  await loadParquet();
  // A commit with one published file was made, so its staged files are part of the lake too.
  const sequences = new Set(published.map((file) => file.sequence));
  let staged = (await listStaged(files)).filter((file) => sequences.has(file.sequence));
  if (!files.readsStaged && staged.length > 0) {
    await files.publishUnlisted(staged.map(({ path }) => path));
    published = (await listPublished(files)).filter(isNewer);
    staged = [];
  }
  const finalNames = new Set(published.map(({ path }) => path));
  const unpublished = staged.filter(({ path }) => !finalNames.has(finalPathOf(path)));
  for (const adopted of [...sequences].sort((a, b) => a - b)) {
    const ofCommit = [...published, ...unpublished].filter((file) => file.sequence === adopted);
    const { idKey } = checkpoint;
    const { counters: before } = await checkpoint.read();
    const commit = await commitOf(files, ofCommit, { before, idKey });
    refuseIncomplete(commit);
    await checkpoint.adopt(commit);
  }
  return sequences.size;
}

function isStaged({ path }: LakeFile): boolean {
  return path.startsWith(`${STAGING_FOLDER}/`);
}

/**
 * Others may go on in a shared store that has lost commits, and take their records in again: what is lost is not
 * read back beside them.
 */
async function refuseLostCommits(files: LakeStorage, checkpoint: CommitStore): Promise<void> {
  const commits = new Map(
    (await listPublished(files)).map(({ instanceId, sequence }) => [
      `${instanceId}/${sequence}`,
      { instanceId, sequence },
    ]),
  );
  const unknown = await checkpoint.unknownAmong(commits.values());
  const [first] = unknown;
  if (first === undefined) return;
  throw damagedError(
    `The lake has files of ${unknown.length} commits that the checkpoint store does not know (one of them: number ` +
      `${first.sequence} of instance ${first.instanceId}). It has lost them, or is another lake's, and going on ` +
      `would publish their events again. Stop all processes of the lake, and restore the store from a copy`,
  );
}

/**
 * A commit as its files tell it. What they do not tell is made up: the trigger is `end`, and retries,
 * rebalances and times taken are not counted. Its duplicates are counted, and no longer recorded.
 *
 * @param before the counters as of the commit before
 * @param idKey key of the checkpoint's hashes
 */
export async function commitOf(
  files: LakeFiles,
  ofCommit: readonly LakeFile[],
  { before, idKey }: { readonly before: Counters; readonly idKey: Uint32Array },
): Promise<Commit> {
  const { readLakeFile } = await import("../lake/file_content.ts");
  const manifest: ManifestFile[] = [], filters: FileFilter[] = [], eventIds = new TextColumn();
  const counters = structuredClone(before);
  let ranges: Commit["ranges"] = [], replays: Commit["replays"] = [];
  for (const file of ofCommit) {
    const content = await readLakeFile(files, file.path);
    ({ ranges, replays } = content);
    for (const id of content.eventIds) if (file.kind === "events" && id !== null) eventIds.push(id);
    for (const reason of content.reasons) {
      counters.rejected[reason] = (counters.rejected[reason] ?? 0) + 1;
    }
    counters.received += content.reasons.length;
    counters.publishedBytes += content.bytes;
    counters.files.end++;
    const row = manifestFileOf(file, content);
    manifest.push(row);
    filters.push({ finalPath: row.finalPath, filter: idFilterOfTexts(content.eventIds) });
  }
  const [first] = ofCommit;
  const sequence = first?.sequence ?? 0;
  const rejectedCount = ranges.reduce((sum, range) => sum + range.rejectedCount, 0);
  const goneCount = rejectedCount - (counters.received - before.received);
  if (goneCount > 0) {
    counters.rejected[GONE] = (counters.rejected[GONE] ?? 0) + goneCount;
    counters.received += goneCount;
  }
  for (const range of ranges) {
    counters.published += range.publishedCount;
    counters.duplicate += range.duplicateCount;
    counters.received += range.publishedCount + range.duplicateCount;
  }
  const committedAtMs = first?.stagedAtMs ?? 0;
  const freshHashes = distinctHashes(hashTexts(eventIds, idKey)).hashes;
  const traces = { filters, duplicates: null };
  const contents = { files: manifest, ranges, freshHashes, replays, traces, counters };
  return { sequence, committedAtMs, trigger: "end", ...contents };
}

/** The manifest row of a file, from its name and content; the bounds of its times are not read back. */
export function manifestFileOf(
  file: LakeFile,
  { rowCount, bytes, checksum }: FileContent,
): ManifestFile {
  const finalPath = isStaged(file) ? finalPathOf(file.path) : file.path;
  const stagedPath = `${STAGING_FOLDER}/${finalPath.replaceAll("/", "__")}`;
  const stagedAt = BigInt(file.stagedAtMs) * 1000n;
  const bounds = { minTsMicroseconds: stagedAt, maxTsMicroseconds: stagedAt };
  return { kind: file.kind, finalPath, stagedPath, rowCount, bytes, checksum, ...bounds };
}

/** How many rows of a commit's files are there, and how many it had. */
export function completeness({ files, ranges }: Pick<Commit, "files" | "ranges">) {
  const rows = (kind: ManifestFile["kind"]) =>
    files.filter((file) => file.kind === kind).reduce((sum, { rowCount }) => sum + rowCount, 0);
  return {
    events: rows("events"),
    expectedEvents: ranges.reduce((sum, { publishedCount }) => sum + publishedCount, 0),
    deadLetters: rows("dead_letters"),
    expectedDeadLetters: ranges.reduce((sum, { rejectedCount }) => sum + rejectedCount, 0),
  };
}

function refuseIncomplete(commit: Commit): void {
  const { events, expectedEvents, deadLetters, expectedDeadLetters } = completeness(commit);
  if (events === expectedEvents && deadLetters === expectedDeadLetters) return;
  throw damagedError(
    `The checkpoint does not know commit ${commit.sequence}, and the lake has not all of its files: ` +
      `${events} of ${expectedEvents} events, ${deadLetters} of ${expectedDeadLetters} dead letters. ` +
      `Restore the missing files, or make a new checkpoint from what is there: orilla rebuild`,
  );
}
