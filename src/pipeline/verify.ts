import type { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import type { CheckpointContent } from "../checkpoint/inspection.ts";
import type { ManifestFile } from "../core/commit.ts";
import { totalOf } from "../core/counters.ts";
import { messageOf } from "../core/errors.ts";
import { IdHash, mayHold } from "../core/id_filter.ts";
import type { PurgedFile } from "../core/purge.ts";
import { parsePath, STAGING_FOLDER } from "../core/lake_path.ts";
import {
  accountFor,
  compareFile,
  type Finding,
  type PartitionAccount,
  RepeatedTexts,
  replayFindings,
  type Suspects,
} from "../core/verification.ts";
import { type FileSummary, scanFile } from "../lake/file_scan.ts";
import { listParquet, listStaged } from "../lake/lake_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import { type LakeFiles, StillStaged } from "../lake/storage.ts";
import type { ReadLake } from "./read_lake.ts";
import { type TableState, verifyTable } from "./verify_table.ts";

/** What is verified. */
export interface VerifiedLake extends ReadLake {
  /** An event id may be in the lake again after this long, milliseconds; 0 is never. */
  readonly ttlMs: number;
}

/** What a verification found. */
export interface VerifyReport {
  readonly findings: readonly Finding[];
  readonly accounts: readonly PartitionAccount[];
  readonly fileCount: number;
  readonly eventCount: number;
  readonly deadLetterCount: number;
  /** Dead-letter files that `dlq purge` removed: they are missing, and that is right. */
  readonly purgedFileCount: number;
  readonly purgedLetterCount: number;
  readonly bytes: number;
  readonly seenIdCount: number;
  readonly commitCount: number;
  /** Staged files of a batch that was not committed: the next start deletes them. */
  readonly leftoverCount: number;
  /** Null where the lake is no table, or its log cannot be read. */
  readonly table: TableState | null;
  /** Files in an object store that are committed, not published yet, and so were not read. */
  readonly stillStagedCount: number;
}

/**
 * Reads the whole lake and its checkpoint and holds them against each other. Changes nothing, and may run
 * beside a consumer: files of a commit that is just being published are known by the checkpoint.
 *
 * @param onProgress told how many of how many files were read
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export async function verify(
  lake: VerifiedLake,
  onProgress: (done: number, total: number) => void,
): Promise<VerifyReport> {
  await loadParquet();
  const { reader, ttlMs } = lake;
  const checkpoint = await reader.content();
  const { accounts, findings } = accountFor(checkpoint.ranges, checkpoint.committed.partitions);
  const all: Finding[] = [
    ...findings,
    ...countersFindings(checkpoint),
    ...replayFindings(checkpoint.replays, checkpoint.ranges),
  ];
  const repeated = new RepeatedTexts();
  const kept = await keptFiles(lake.files, checkpoint);
  let done = 0, stillStagedCount = 0;
  for (const expected of kept) {
    try {
      all.push(...await checkFile(lake, expected, { checkpoint, repeated }));
    } catch (error) {
      if (!(error instanceof StillStaged)) throw error;
      stillStagedCount++;
    }
    onProgress(++done, kept.length);
  }
  const unknown = await unknownFiles(lake, checkpoint);
  all.push(...unknown.findings);
  all.push(...await eventsTwice({ files: lake.files, ttlMs }, checkpoint, repeated.suspects()));
  const { table, findings: ofTable } = await verifyTable(lake, checkpoint);
  all.push(...ofTable);
  const rows = (kind: ManifestFile["kind"]) =>
    kept.filter((file) => file.kind === kind).reduce((sum, file) => sum + file.rowCount, 0);
  return {
    findings: all,
    accounts,
    fileCount: kept.length,
    eventCount: rows("events"),
    deadLetterCount: rows("dead_letters"),
    ...purgedCounts(checkpoint.purges),
    bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
    seenIdCount: checkpoint.seenIdCount,
    commitCount: checkpoint.commits.length,
    leftoverCount: unknown.leftoverCount,
    table,
    stillStagedCount,
  };
}

/** The files of the manifest but those that were purged; a purge that was interrupted has left some of them. */
async function keptFiles(
  files: LakeFiles,
  { files: known, purges }: CheckpointContent,
): Promise<CheckpointContent["files"]> {
  const purged = new Set(purges.map(({ path }) => path));
  const left = new Set<string>();
  for (const path of purged) if (await files.exists(path)) left.add(path);
  return known.filter(({ finalPath }) => !purged.has(finalPath) || left.has(finalPath));
}

function purgedCounts(purges: readonly PurgedFile[]) {
  const purgedLetterCount = purges.reduce((sum, { letterCount }) => sum + letterCount, 0);
  return { purgedFileCount: purges.length, purgedLetterCount };
}

/** The totals that metrics show must be those of the partitions, and of the seen ids. */
function countersFindings({ committed, ...counts }: CheckpointContent): Finding[] {
  const { seenIdCount, seenIdCounter, recordedDuplicateCount } = counts;
  const { counters, partitions } = committed;
  const sum = (of: (partition: (typeof partitions)[number]) => number) =>
    partitions.reduce((total, partition) => total + of(partition), 0);
  const pairs = [
    [
      "received",
      counters.received,
      sum(({ publishedCount, duplicateCount, rejectedCount }) =>
        publishedCount + duplicateCount + rejectedCount
      ),
    ],
    ["published", counters.published, sum((partition) => partition.publishedCount)],
    ["duplicate", counters.duplicate, sum((partition) => partition.duplicateCount)],
    ["rejected", totalOf(counters.rejected), sum((partition) => partition.rejectedCount)],
  ] as const;
  const findings = pairs.filter(([, counter, ofPartitions]) => counter !== ofPartitions)
    .map(([name, counter, ofPartitions]): Finding => ({
      kind: "counts_do_not_close",
      subject: name,
      detail: `the counter stands at ${counter}, the partitions add up to ${ofPartitions}`,
    }));
  if (seenIdCount !== seenIdCounter) {
    const detail =
      `there are ${seenIdCount}, and ${seenIdCounter} were counted: duplicates may pass`;
    findings.push({ kind: "seen_ids_changed", subject: "seen ids", detail });
  }
  if (recordedDuplicateCount > counters.duplicate) {
    const detail =
      `the positions of ${recordedDuplicateCount} are kept, and ${counters.duplicate} were counted`;
    findings.push({ kind: "counts_do_not_close", subject: "recorded duplicates", detail });
  }
  return findings;
}

async function checkFile(
  lake: VerifiedLake,
  expected: CheckpointContent["files"][number],
  { checkpoint, repeated }: {
    readonly checkpoint: CheckpointContent;
    readonly repeated: RepeatedTexts;
  },
): Promise<readonly Finding[]> {
  const { files, reader } = lake;
  const subject = expected.finalPath;
  const path = await placeOf(files, expected);
  if (path === null) {
    if (await isGone(reader, subject)) return [];
    return [{ kind: "missing_file", subject, detail: "it was committed" }];
  }
  if (path !== subject) {
    const commit = checkpoint.commits.find(({ sequence }) => sequence === expected.sequence);
    if (commit?.isPublished) {
      const detail = "it is still staged, though its commit is marked as published";
      return [{ kind: "unpublished_file", subject, detail }];
    }
  }
  const filter = await reader.fileFilter(expected);
  let missedCount = 0;
  let summary: FileSummary;
  try {
    summary = await scanFile(files, { ...expected, ...namedBy(subject), path }, ({ eventIds }) => {
      const ids = eventIds.filter((id) => id !== null);
      if (expected.kind === "events") repeated.note(ids);
      if (filter !== null) {
        missedCount += ids.filter((id) => !mayHold(filter, IdHash.of(id))).length;
      }
    });
  } catch (error) {
    // A writer beside us may have published it since: its staged name is gone then.
    if (path !== subject && await files.exists(subject)) {
      return await checkFile(lake, expected, { checkpoint, repeated });
    }
    if (error instanceof StillStaged) throw error;
    if (await isGone(reader, subject)) return [];
    return [{ kind: "unreadable_file", subject, detail: messageOf(error) }];
  }
  return [...compareFile(expected, summary), ...filterFindings(subject, missedCount)];
}

/** Whether a file was purged, or merged into another one, since the checkpoint was read. */
async function isGone(reader: CheckpointReader, path: string): Promise<boolean> {
  return await reader.isPurged(path) || await reader.isReplaced(path);
}

/** A file without a filter is looked through by each trace; a filter that misses an id hides it. */
function filterFindings(subject: string, missedCount: number): readonly Finding[] {
  if (missedCount === 0) return [];
  const detail =
    `${missedCount} of its event ids are not in its filter: orilla trace would not find them. ` +
    `Make the filters anew from the files: orilla rebuild`;
  return [{ kind: "wrong_filter", subject, detail }];
}

/** Where a committed file is: under its final name, or staged until it gets that; null where it is neither. */
async function placeOf(
  files: LakeFiles,
  { finalPath, stagedPath }: CheckpointContent["files"][number],
): Promise<string | null> {
  // The final name is looked for again: a writer beside us may publish the file between two looks.
  for (const path of [finalPath, stagedPath, finalPath]) if (await files.exists(path)) return path;
  return null;
}

async function unknownFiles(
  { files, reader }: VerifiedLake,
  { files: known }: CheckpointContent,
): Promise<{ readonly findings: readonly Finding[]; readonly leftoverCount: number }> {
  const names = new Set(known.flatMap(({ finalPath, stagedPath }) => [finalPath, stagedPath]));
  const paths = [
    ...await listParquet(files),
    ...(await listStaged(files)).map(({ path }) => path),
  ].filter((path) => !names.has(path));
  if (paths.length === 0) return { findings: [], leftoverCount: 0 };
  // A writer beside us may have gone on: what the checkpoint knows by now, or is just being staged, is fine.
  const now = await reader.content();
  const knownNow = new Set(
    now.files.flatMap(({ finalPath, stagedPath }) => [finalPath, stagedPath]),
  );
  // A start removes what a crash has left of those that were merged.
  const replaced = new Set(await reader.unremovedReplaced());
  const findings: Finding[] = [];
  let leftoverCount = 0;
  for (const path of paths) {
    const parsed = parsePath(path);
    const isOwn = parsed !== null && now.instanceIds.includes(parsed.instanceId);
    if (knownNow.has(path) || replaced.has(path) || !await files.exists(path)) continue;
    if (isOwn && path.startsWith(`${STAGING_FOLDER}/`)) {
      if (!await reader.isWriting()) leftoverCount++;
      continue;
    }
    const detail = isOwn
      ? "the checkpoint does not know it: it is an older copy, or was restored"
      : parsed === null
      ? "orilla does not give such names, but readers of the lake will read it"
      : `another checkpoint (instance ${parsed.instanceId}) wrote it`;
    findings.push({ kind: "unknown_file", subject: path, detail });
  }
  return { findings, leftoverCount };
}

/** Second pass over the files, only where hashes of ids repeat. */
async function eventsTwice(
  { files, ttlMs }: { readonly files: LakeFiles; readonly ttlMs: number },
  { files: known }: CheckpointContent,
  suspects: Suspects,
): Promise<Finding[]> {
  if (suspects.isEmpty) return [];
  const places = new Map<string, Place[]>();
  for (const { kind, finalPath: path } of known) {
    if (kind !== "events" || !await files.exists(path)) continue;
    await scanFile(files, { kind, ...namedBy(path), path }, ({ eventIds, stagedAtMs }) => {
      eventIds.forEach((id, row) => {
        if (id === null || !suspects.has(id)) return;
        const place = { path, stagedAtMs: stagedAtMs[row] ?? 0 };
        places.set(id, [...places.get(id) ?? [], place]);
      });
    }).catch(() => {});
  }
  return [...places].filter(([, found]) => isTooEarly(found, ttlMs)).map(([id, found]) => ({
    kind: "event_twice",
    subject: found.map(({ path }) => path).join(", "),
    detail: `event_id ${JSON.stringify(id)} is in the lake ${found.length} times`,
  }));
}

/** Where a row lies, and when it was staged. */
interface Place {
  readonly path: string;
  readonly stagedAtMs: number;
}

/** Whether one of several rows with the same id was staged within the time to live of another one. */
function isTooEarly(places: readonly Place[], ttlMs: number): boolean {
  const times = places.map(({ stagedAtMs }) => stagedAtMs).sort((a, b) => a - b);
  return times.some((time, i) => i > 0 && (ttlMs === 0 || time - (times[i - 1] ?? 0) < ttlMs));
}

/** What the name of a committed file says of it. */
function namedBy(path: string) {
  const parsed = parsePath(path);
  const unknown = { instanceId: "", sequence: 0, stagedAtMs: 0, isMerged: false };
  return parsed ?? unknown;
}
