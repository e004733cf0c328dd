import type { Commit } from "../../core/commit.ts";
import { counterRows } from "../../core/counters.ts";
import { compressed } from "../duplicates.ts";
import type { Argument } from "./connection.ts";
import { idBlock } from "./id_blocks.ts";
import { commitText, counterField, letterField, markText, partitionField } from "./records.ts";

/** A time to live has so many time buckets: an id goes with the newest one of its bucket. */
const BUCKETS_A_TTL = 4;
/**
 * Redis drops by itself what is expired, later than orilla counts it as such: its clock is another one, and
 * what is dropped early would be lost.
 */
export const GRACE_MS = 600_000;

export interface CommitContext {
  /** A rehearsal writes nothing; what is adopted is checked against nothing. */
  readonly mode: "commit" | "rehearse" | "adopt";
  readonly instanceId: string;
  /** The last commit of this instance, 0 where there is none. */
  readonly lastSequence: number;
  readonly ttlMs: number;
  readonly duplicateTtlMs: number;
  /** How often ids had been added when these were found to be fresh; empty where that is not known. */
  readonly knownFresh: string;
}

/** What the commit script takes, in its order. */
export function commitArguments(commit: Commit, context: CommitContext): readonly Argument[] {
  const { mode, instanceId, lastSequence, ttlMs, duplicateTtlMs, knownFresh } = context;
  const { sequence, committedAtMs, files, ranges, freshHashes, replays, counters, traces } = commit;
  const bucket = bucketOf(committedAtMs, ttlMs);
  return [
    ...[mode, instanceId, String(sequence), String(lastSequence), String(committedAtMs)],
    ...[commitText(commit, instanceId), files.length === 0 ? "1" : "0"],
    ...rangeArguments(ranges),
    ...[idBlock(freshHashes), bucket.name, String(ttlMs), String(bucket.leftMs), knownFresh],
    ...replayArguments(replays, { sequence, committedAtMs }),
    String(traceMsOf(duplicateTtlMs)),
    ...traceArguments(traces),
    ...counterArguments(counters),
  ];
}

/** The ranges of a commit, as the scripts take them. */
export function rangeArguments(ranges: Commit["ranges"]): readonly Argument[] {
  const ofRanges = ranges.flatMap((range) => [
    ...[partitionField(range), String(range.firstOffset), String(range.nextOffset)],
    ...[range.publishedCount, range.duplicateCount, range.rejectedCount].map(String),
  ]);
  return [String(ranges.length), ...ofRanges];
}

/** The replays of a commit, as the scripts take them. */
export function replayArguments(
  replays: Commit["replays"],
  { sequence, committedAtMs: replayedAtMs }: Pick<Commit, "sequence" | "committedAtMs">,
): readonly Argument[] {
  const ofReplays = replays.flatMap(({ letter, outcome, detail }) => [
    letterField(letter),
    markText({ outcome, detail, sequence, replayedAtMs }),
  ]);
  return [String(replays.length), ...ofReplays];
}

/** Which bucket ids of a commit join, and how long Redis keeps it from then on at least; 0 for ever. */
export function bucketOf(committedAtMs: number, ttlMs: number): { name: string; leftMs: number } {
  if (ttlMs === 0) return { name: "0", leftMs: 0 };
  const widthMs = Math.ceil(ttlMs / BUCKETS_A_TTL);
  return { name: String(Math.floor(committedAtMs / widthMs) * widthMs), leftMs: ttlMs + GRACE_MS };
}

/** How long Redis keeps what a trace goes by, milliseconds; 0 is for ever. */
export function traceMsOf(duplicateTtlMs: number): number {
  return duplicateTtlMs === 0 ? 0 : duplicateTtlMs + GRACE_MS;
}

/** The filters of files, as `add_filters` takes them. */
export function filterArguments(filters: Commit["traces"]["filters"]): readonly Argument[] {
  const ofFiles = filters.flatMap(({ finalPath, filter }) => [finalPath, filter]);
  return [String(filters.length), ...ofFiles];
}

function traceArguments({ filters, duplicates }: Commit["traces"]): readonly Argument[] {
  const all = filterArguments(filters);
  if (duplicates === null) return [...all, "0"];
  const { count, partitions, filter, records } = duplicates;
  return [...all, String(count), JSON.stringify(partitions), compressed(records), filter];
}

/** Counters, as `write_counters` takes them. */
export function counterArguments(counters: Commit["counters"]): readonly Argument[] {
  const rows = counterRows(counters).filter(([, , value]) => value !== 0);
  const fields = rows.flatMap(([name, label, value]) => [counterField(name, label), String(value)]);
  return [String(rows.length), ...fields];
}
