import type { CommitStore } from "../checkpoint/commit_store.ts";
import { isOfCommit } from "../core/compaction.ts";
import type { Commit, FileFilter, ManifestFile } from "../core/commit.ts";
import type { Counters } from "../core/counters.ts";
import { assert, damagedError } from "../core/errors.ts";
import { distinctHashes } from "../core/hash_order.ts";
import { hashTexts } from "../core/id_hash.ts";
import { IdFilter, idFilterOfAll } from "../core/id_filter.ts";
import { GONE } from "../core/outcome.ts";
import { finalPathOf, STAGING_FOLDER } from "../core/lake_path.ts";
import { TextColumn } from "../core/text_column.ts";
import type { FileSummary } from "../lake/file_scan.ts";
import { type LakeFile, listPublished, listStaged } from "../lake/lake_reader.ts";
import type { LakeFiles, LakeStorage } from "../lake/storage.ts";
import { commitsOf, type LakeCommit } from "./lake_commits.ts";

/**
 * Brings a checkpoint that is behind its lake (its write-ahead log was lost, or it is an older copy) up to
 * it: commits that the lake has rows of, and the checkpoint does not know, are read back from its files.
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
  const isNewer = (at: Pick<LakeFile, "instanceId" | "sequence">) =>
    at.instanceId === checkpoint.instanceId && at.sequence > sequence;
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
  const newer = (await commitsOf(files, [...published, ...unpublished])).filter(isNewer);
  for (const ofLake of newer.toSorted((a, b) => a.sequence - b.sequence)) {
    const { idKey } = checkpoint;
    const from = { before: (await checkpoint.read()).counters, idKey };
    if (ofLake.replaces.length > 0) {
      const { commit } = await mergedCommitOf(files, ofLake, from);
      await checkpoint.replacements.adopt(commit, ofLake.replaces);
    } else {
      const commit = await commitOf(files, ofLake, { ...from, takesMergedIds: true });
      refuseIncomplete(commit, ofLake);
      await checkpoint.adopt(commit);
    }
  }
  return newer.length;
}

function isStaged({ path }: LakeFile): boolean {
  return path.startsWith(`${STAGING_FOLDER}/`);
}

interface ReadFrom {
  /** The counters as of the commit before. */
  readonly before: Counters;
  /** Key of the checkpoint's hashes. */
  readonly idKey: Uint32Array;
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
      `would publish their events again. Stop all processes of the lake, and restore the store from a copy, or empty it and ` +
      `make it anew from the files: orilla rebuild`,
  );
}

/**
 * A commit as its files tell it. What they do not tell is made up: the trigger is `end`, and retries,
 * rebalances and times taken are not counted. Its duplicates are counted, and no longer recorded.
 *
 * @param from.takesMergedIds whether the ids of its rows in merged files are among its own
 */
export async function commitOf(
  files: LakeFiles,
  ofLake: LakeCommit,
  { before, idKey, takesMergedIds }: ReadFrom & { readonly takesMergedIds: boolean },
): Promise<Commit> {
  const { scanFile } = await import("../lake/file_scan.ts");
  const manifest: ManifestFile[] = [], filters: FileFilter[] = [], eventIds = new TextColumn();
  const counters = structuredClone(before);
  let [{ ranges, replays } = NOTHING] = ofLake.parts.map(({ commit }) => commit);
  for (const file of ofLake.files) {
    const ids = new TextColumn();
    const summary = await scanFile(files, file, (rows) => {
      for (const id of rows.eventIds) if (id !== null) ids.push(id);
      if (file.kind === "events") { for (const id of rows.eventIds) eventIds.push(id ?? ""); }
      for (const reason of rows.reasons) {
        counters.rejected[reason] = (counters.rejected[reason] ?? 0) + 1;
      }
      counters.received += rows.reasons.length;
    });
    [{ ranges, replays } = NOTHING] = summary.origin.commits;
    counters.publishedBytes += summary.bytes;
    counters.files.end++;
    const row = manifestFileOf(file, summary);
    manifest.push(row);
    filters.push({ finalPath: row.finalPath, filter: idFilterOfAll(ids) });
  }
  if (takesMergedIds) await addMergedIds(files, ofLake, eventIds);
  const { sequence, stagedAtMs: committedAtMs } = ofLake;
  countRanges(counters, { before, ranges });
  const freshHashes = distinctHashes(hashTexts(eventIds, idKey)).hashes;
  const traces = { filters, duplicates: null };
  const contents = { files: manifest, ranges, freshHashes, replays, traces, counters };
  return { sequence, committedAtMs, trigger: "end", ...contents };
}

const NOTHING: Pick<Commit, "ranges" | "replays"> = { ranges: [], replays: [] };

/** What dead letters do not tell of the rejected records, since their files are gone, counts as unknown. */
function countRanges(
  counters: Counters,
  { before, ranges }: { readonly before: Counters; readonly ranges: Commit["ranges"] },
): void {
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
}

async function addMergedIds(
  files: LakeFiles,
  ofLake: LakeCommit,
  eventIds: TextColumn,
): Promise<void> {
  const { scanFile } = await import("../lake/file_scan.ts");
  for (const { file, commit } of ofLake.parts) {
    await scanFile(files, { ...file, withOrigins: true }, ({ eventIds: ids, origins }) => {
      origins.forEach((origin, row) => {
        if (isOfCommit(origin, commit)) eventIds.push(ids[row] ?? "");
      });
    });
  }
}

/** The ids of a merged file's rows, as hashes, by the time when their commits were staged. */
export type IdsByTime = ReadonlyMap<number, Uint32Array>;

/** The commit of a merged file as that file tells it. */
export async function mergedCommitOf(
  files: LakeFiles,
  { files: [file], sequence, stagedAtMs: committedAtMs }: LakeCommit,
  { before, idKey }: ReadFrom,
): Promise<{ readonly commit: Commit; readonly ids: IdsByTime }> {
  assert(file !== undefined, "the commit of a merged file has that file");
  const { scanFile } = await import("../lake/file_scan.ts");
  const byTime = new Map<number, TextColumn>();
  const summary = await scanFile(files, file, (rows) => {
    rows.eventIds.forEach((id, row) => {
      const time = rows.stagedAtMs[row] ?? 0;
      const ids = byTime.get(time) ?? new TextColumn();
      byTime.set(time, ids);
      ids.push(id ?? "");
    });
  });
  const filter = new IdFilter(summary.rowCount);
  const ids = new Map<number, Uint32Array>();
  for (const [time, texts] of byTime) {
    for (let row = 0; row < texts.length; row++) filter.add(texts, row);
    ids.set(time, distinctHashes(hashTexts(texts, idKey)).hashes);
  }
  const counters = structuredClone(before);
  counters.publishedBytes += summary.bytes;
  counters.files.compact++;
  const row = manifestFileOf(file, summary);
  const commit: Commit = {
    ...{ sequence, committedAtMs, trigger: "compact", files: [row], ...NOTHING, counters },
    freshHashes: new Uint32Array(0),
    traces: { filters: [{ finalPath: row.finalPath, filter: filter.bytes }], duplicates: null },
  };
  return { commit, ids };
}

/** The manifest row of a file, from its name and content. */
export function manifestFileOf(
  file: LakeFile,
  { rowCount, bytes, checksum, minTsMicroseconds, maxTsMicroseconds }: FileSummary,
): ManifestFile {
  const finalPath = isStaged(file) ? finalPathOf(file.path) : file.path;
  const stagedPath = `${STAGING_FOLDER}/${finalPath.replaceAll("/", "__")}`;
  const bounds = { minTsMicroseconds, maxTsMicroseconds };
  return { kind: file.kind, finalPath, stagedPath, rowCount, bytes, checksum, ...bounds };
}

/** How many rows of a commit are there, and how many it had. */
export function completeness(
  { files, ranges }: Pick<Commit, "files" | "ranges">,
  { parts }: Pick<LakeCommit, "parts">,
) {
  const rows = (kind: ManifestFile["kind"]) =>
    files.filter((file) => file.kind === kind).reduce((sum, { rowCount }) => sum + rowCount, 0);
  return {
    events: rows("events") + parts.reduce((sum, { commit: { rowCount } }) => sum + rowCount, 0),
    expectedEvents: ranges.reduce((sum, { publishedCount }) => sum + publishedCount, 0),
    deadLetters: rows("dead_letters"),
    expectedDeadLetters: ranges.reduce((sum, { rejectedCount }) => sum + rejectedCount, 0),
  };
}

function refuseIncomplete(commit: Commit, ofLake: LakeCommit): void {
  const { events, expectedEvents, deadLetters, expectedDeadLetters } = completeness(commit, ofLake);
  if (events === expectedEvents && deadLetters === expectedDeadLetters) return;
  throw damagedError(
    `The checkpoint does not know commit ${commit.sequence}, and the lake has not all of its files: ` +
      `${events} of ${expectedEvents} events, ${deadLetters} of ${expectedDeadLetters} dead letters. ` +
      `Restore the missing files, or make a new checkpoint from what is there: orilla rebuild`,
  );
}
