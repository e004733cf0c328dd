import { assert } from "../core/errors.ts";
import { distinctHashes } from "../core/hash_order.ts";
import { HASH_WORDS } from "../core/id_hash.ts";
import { RunFilter, RunLayout } from "./seen_filter.ts";
import type { Run, RunStore } from "./seen_runs.ts";

/** So many runs of about the same size become one. */
const MERGED_RUNS = 8;
/** An id is moved so many times in its life at most; merging so many for each one added keeps up. */
export const MOVES_AN_ID = 4;
/** Larger ones are not made: their chunks would have no numbers. */
const MOST_HASHES = 500_000_000;

/** A merge: the hashes of some runs are moved to a new one, in the order of hashes, some at a time. */
export interface Merge {
  readonly output: Run;
  readonly inputs: readonly Run[];
}

/** The merges that are under way. */
export function currentMerges(runs: readonly Run[]): Merge[] {
  return runs.filter(({ layout, groupsWritten }) => groupsWritten < layout.groupCount)
    .map((output) => ({
      output,
      inputs: runs.filter(({ mergesInto }) => mergesInto === output.run),
    }));
}

/** The power of MERGED_RUNS that a run has reached: those with the same one are merged. */
function tierOf({ capacity }: Run): number {
  return Math.floor(Math.log2(capacity) / Math.log2(MERGED_RUNS));
}

/**
 * Chooses what to merge next: MERGED_RUNS runs of the same tier and time bucket, or all runs of a bucket that
 * gets no more of them. Runs that a merge reads or writes are left alone.
 *
 * @param bucketOf the time bucket of a run
 * @param currentBucket the one of now
 * @returns lists of runs, each to become one run; those with few hashes come first
 */
export function plannedMerges(
  runs: readonly Run[],
  { bucketOf, currentBucket }: {
    readonly bucketOf: (run: Run) => number;
    readonly currentBucket: number;
  },
): readonly (readonly Run[])[] {
  const plans: Run[][] = [];
  for (const [bucket, ofBucket] of Map.groupBy(runs, bucketOf)) {
    const idle = ofBucket.filter(({ mergesInto, groupsWritten, layout }) =>
      mergesInto === null && groupsWritten === layout.groupCount
    );
    const full = [...Map.groupBy(idle, tierOf).values()].filter(({ length }) =>
      length >= MERGED_RUNS
    );
    const isClosed = bucket < currentBucket && idle.length === ofBucket.length;
    if (full.length > 0) plans.push(...full);
    else if (isClosed && idle.length > 1) plans.push(idle);
  }
  return plans.filter((plan) => capacityOf(plan) <= MOST_HASHES)
    .sort((a, b) => capacityOf(a) - capacityOf(b));
}

export function capacityOf(runs: readonly Run[]): number {
  return runs.reduce((sum, { capacity }) => sum + capacity, 0);
}

/** Begins a merge, inside a transaction. All its runs count as seen from the time of the newest. */
export function beginMerge(store: RunStore, runs: readonly Run[], run: number): Merge {
  const capacity = capacityOf(runs);
  const newestMs = Math.max(...runs.map((input) => input.newestMs));
  const layout = RunLayout.for(capacity);
  const filter = new RunFilter(layout);
  const output = { run, newestMs, capacity, layout, filter, groupsWritten: 0, mergesInto: null };
  const inputs = runs.map((input) => ({ ...input, newestMs, mergesInto: run }));
  for (const each of [output, ...inputs]) store.putRun(each);
  return { output, inputs };
}

/** What a step of a merge did. */
export interface MergeStep {
  readonly merge: Merge;
  readonly isDone: boolean;
  readonly movedCount: number;
  /** Hashes that were in several of the runs, and now are in one. */
  readonly repeatedCount: number;
  /** Brings the filters in memory to what the step stored; called once it is durable. */
  readonly apply: () => void;
}

/** Moves the hashes of the next group of the new run, inside a transaction. */
export function mergeGroup(store: RunStore, { output, inputs }: Merge): MergeStep {
  const { layout, groupsWritten: group } = output;
  const range = { first: layout.groupStart(group), beyond: layout.groupStart(group + 1) };
  const parts = inputs.map((input) => takeBelow(store, input, range.beyond));
  const isInRange = parts.every(([word = range.first]) => word >= range.first);
  assert(isInRange, "a merge moved all hashes of the groups before");
  const moved = concatenated(parts);
  const { hashes } = distinctHashes(moved, range);
  const words = store.writeGroup(output, group, hashes);
  const written = { ...output, groupsWritten: group + 1 };
  const isDone = written.groupsWritten === layout.groupCount;
  store.putRun(written);
  if (isDone) { for (const input of inputs) store.deleteRun(input); }
  return {
    merge: { output: written, inputs },
    isDone,
    movedCount: moved.length / HASH_WORDS,
    repeatedCount: (moved.length - hashes.length) / HASH_WORDS,
    apply: () => {
      output.filter.setGroup(group, words);
      const { beyond } = range;
      for (const { filter, layout } of inputs) filter.dropBefore(layout.groupOf(beyond - 1));
    },
  };
}

/** Takes the hashes with a smaller first word out of a run, and gives them. */
function takeBelow(store: RunStore, input: Run, beyond: number): Uint32Array {
  const lastChunk = input.layout.chunkOf(beyond - 1);
  const chunks = store.readChunks(input, { lastChunk });
  const last = chunks.at(-1);
  if (last === undefined) return new Uint32Array();
  const parts = chunks.map(({ hashes }) => hashes);
  let cut = last.hashes.length;
  while (cut > 0 && (last.hashes[cut - HASH_WORDS] ?? 0) >= beyond) cut -= HASH_WORDS;
  const rest = last.hashes.subarray(cut);
  assert(
    cut === last.hashes.length || last.chunk === lastChunk,
    "chunks hold what their place says",
  );
  parts[parts.length - 1] = last.hashes.subarray(0, cut);
  store.deleteChunks(input, lastChunk, rest);
  return concatenated(parts);
}

function concatenated(parts: readonly Uint32Array[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
