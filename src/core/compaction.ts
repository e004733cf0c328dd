import type { ManifestFile, OffsetRange } from "./commit.ts";
import { type FileIdentity, finalPath } from "./lake_path.ts";
import type { Replay } from "./replay.ts";
import { MICROSECONDS_A_DAY, parseIso8601 } from "./timestamp.ts";

/** A file of the manifest, with the commit that it is of. */
export type SourceFile = ManifestFile & { readonly sequence: number };

/** Files of one lake partition that become one. */
export interface MergeGroup {
  /** Days since 1970-01-01 UTC. */
  readonly day: number;
  /** In the order of their times; at least two. */
  readonly sources: readonly SourceFile[];
}

/** How many files one merge takes in: it bounds memory, the merged file's metadata, and the removals at its end. */
export const MAX_SOURCES = 1_000;

/** Files below this size are merged, those from it on stay as they are. */
export function smallBelow(targetBytes: number): number {
  return Math.ceil(targetBytes / 2);
}

/**
 * Divides the small files of a date into groups that become one file of at most about `targetBytes` each. Two
 * neighbours of a group are neighbours in time, so merged files overlap as little as their sources did.
 */
export function mergeGroups(
  day: number,
  { small, targetBytes }: { readonly small: readonly SourceFile[]; readonly targetBytes: number },
): readonly MergeGroup[] {
  return groupsOf(small.toSorted(byTime), targetBytes).map((sources) => ({ day, sources }));
}

function groupsOf(sorted: readonly SourceFile[], targetBytes: number): SourceFile[][] {
  const groups: SourceFile[][] = [];
  let open: SourceFile[] = [], bytes = 0;
  for (const file of sorted) {
    if (open.length === MAX_SOURCES || bytes + file.bytes > targetBytes) {
      groups.push(open);
      [open, bytes] = [[], 0];
    }
    open.push(file);
    bytes += file.bytes;
  }
  return [...groups, open].filter(({ length }) => length >= 2);
}

function byTime(one: SourceFile, other: SourceFile): number {
  const difference = one.minTsMicroseconds - other.minTsMicroseconds;
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return one.finalPath < other.finalPath ? -1 : 1;
}

/** The day of a lake partition's folder, `date=2026-11-24`; null for others. */
export function dayOfFolder(folder: string): number | null {
  const date = /^date=(\d{4}-\d\d-\d\d)$/.exec(folder)?.[1];
  return date === undefined ? null : parseIso8601(date)?.day ?? null;
}

/** Whether a day ended, in UTC, at least so many milliseconds before a time. */
export function isOver(
  day: number,
  { nowMs, afterMs }: { readonly nowMs: number; readonly afterMs: number },
): boolean {
  return (day + 1) * (MICROSECONDS_A_DAY / 1000) + afterMs <= nowMs;
}

/** A commit of which a merged file took a file in. */
export interface MergedCommit {
  readonly instanceId: string;
  readonly sequence: number;
  /** When it was staged, milliseconds since 1970-01-01 UTC: the `processing_ts` of its rows. */
  readonly stagedAtMs: number;
  /** Its rows in the merged file. */
  readonly rowCount: number;
  /** What the whole commit handled. */
  readonly ranges: readonly OffsetRange[];
  /** What the whole commit replayed. */
  readonly replays: readonly Replay[];
}

/** Where a row of a file of events comes from, as its columns tell it. */
export interface RowOrigin {
  readonly partition: number;
  readonly offset: bigint;
  readonly stagedAtMs: number;
}

/** Whether a row is one of a commit's. Rows have no topic: one commit has it, or replayed a dead letter that had. */
export function isOfCommit(
  { partition, offset, stagedAtMs }: RowOrigin,
  commit: Pick<MergedCommit, "stagedAtMs" | "ranges" | "replays">,
): boolean {
  if (stagedAtMs !== commit.stagedAtMs) return false;
  const isInRange = commit.ranges.some((range) =>
    range.partition === partition && range.firstOffset <= offset && offset < range.nextOffset
  );
  return isInRange ||
    commit.replays.some(({ letter, outcome }) =>
      outcome === "published" && letter.partition === partition && letter.offset === offset
    );
}

/** What a merged file says of itself: enough to know the commits of its rows without the checkpoint. */
export interface MergedOrigin {
  readonly commits: readonly MergedCommit[];
  /** The merged files that it took in; the commits of their rows are among `commits`. */
  readonly merged: readonly Pick<FileIdentity, "instanceId" | "sequence" | "stagedAtMs">[];
}

/** The paths of all files whose rows are in a merged file of that day, whether they are still there or not. */
export function replacedPaths(day: number, { commits, merged }: MergedOrigin): readonly string[] {
  const identity = { kind: "events", day } as const;
  return [
    ...commits.map((commit) => finalPath({ ...identity, ...commit })),
    ...merged.map((file) => finalPath({ ...identity, ...file, isMerged: true })),
  ];
}
