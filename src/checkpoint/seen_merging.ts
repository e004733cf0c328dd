import { assert } from "../core/errors.ts";
import { countBelow, distinctHashes, SortingSpace } from "../core/hash_order.ts";
import { HASH_WORDS } from "../core/id_hash.ts";
import { RunLayout } from "./seen_filter.ts";
import type { Run, RunStore } from "./seen_runs.ts";

/** So many runs of about the same size become one. */
const MERGED_RUNS = 8;
/** Moves for each id added: an id is moved three times in its life where batches and time to live are usual. */
const LEAST_MOVES = 3;
/** More runs than this times LEAST_MOVES are a sign that more have to be made. */
const RUNS_A_MOVE = 8;
/** Groups of the new run that a step writes, some 100,000 hashes: small steps read and write more for each hash. */
export const GROUPS_A_STEP = 4;
/** Larger ones are not made: their chunks would have no numbers. */
const MOST_HASHES = 500_000_000;

/** How many ids to move for each one that is added, so that merges keep up and no batch does the work of many. */
export function movesAnId(runCount: number): number {
  return Math.max(LEAST_MOVES, runCount / RUNS_A_MOVE);
}

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
  const filter = store.newFilter(run, layout);
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

/** Moves the hashes of the next groups of the new run, inside a transaction. */
export function mergeGroups(
  store: RunStore,
  { output, inputs }: Merge,
  { space, groupLimit }: { readonly space: MergeSpace; readonly groupLimit: number },
): MergeStep {
  const { layout, groupsWritten: firstGroup } = output;
  const endGroup = Math.min(firstGroup + groupLimit, layout.groupCount);
  const beyond = layout.groupStart(endGroup);
  const parts = inputs.map((input) => takeBelow(store, input, beyond));
  const filters: Uint32Array[] = [];
  let movedCount = 0, heldCount = 0;
  for (let group = firstGroup; group < endGroup; group++) {
    const range = { first: layout.groupStart(group), beyond: layout.groupStart(group + 1) };
    const moved = space.gather(parts, range.beyond);
    const { hashes } = distinctHashes(moved, range, space.sorting);
    filters.push(store.writeGroup(output, group, hashes));
    movedCount += moved.length / HASH_WORDS;
    heldCount += hashes.length / HASH_WORDS;
  }
  const written = { ...output, groupsWritten: endGroup };
  const isDone = endGroup === layout.groupCount;
  store.putRun(written);
  if (isDone) { for (const input of inputs) store.deleteRun(input); }
  return {
    merge: { output: written, inputs },
    isDone,
    movedCount,
    repeatedCount: movedCount - heldCount,
    apply: () => {
      filters.forEach((words, i) => output.filter.setGroup(firstGroup + i, words));
      for (const { filter, layout } of inputs) filter.dropBefore(layout.groupOf(beyond - 1));
    },
  };
}

/** Takes the hashes with a smaller first word out of a run, and gives them. */
function takeBelow(store: RunStore, input: Run, beyond: number): RunPart {
  const lastChunk = input.layout.chunkOf(beyond - 1);
  const chunks = store.readChunks(input, { lastChunk });
  const last = chunks.at(-1);
  if (last === undefined) return new RunPart([]);
  const cut = endBelow(last.hashes, beyond);
  assert(
    cut === last.hashes.length || last.chunk === lastChunk,
    "chunks hold what their place says",
  );
  const parts = chunks.map(({ hashes }) => hashes);
  parts[parts.length - 1] = last.hashes.subarray(0, cut);
  store.deleteChunks(input, lastChunk, last.hashes.subarray(cut));
  return new RunPart(parts);
}

/** Hashes that were taken out of a run, those that are left of them first to last. */
class RunPart {
  readonly #chunks: readonly Uint32Array[];
  #chunk = 0;
  #start = 0;

  constructor(chunks: readonly Uint32Array[]) {
    this.#chunks = chunks;
  }

  /** Takes those with a smaller first word, in pieces. */
  *takeBelow(beyond: number): Generator<Uint32Array> {
    for (; this.#chunk < this.#chunks.length; this.#chunk++, this.#start = 0) {
      const rest = (this.#chunks[this.#chunk] ?? new Uint32Array()).subarray(this.#start);
      const end = endBelow(rest, beyond);
      yield rest.subarray(0, end);
      this.#start += end;
      if (end < rest.length) return;
    }
  }
}

/** Where the sorted hashes with a first word below one end, in words. */
function endBelow(hashes: Uint32Array, beyond: number): number {
  if ((hashes.at(-HASH_WORDS) ?? 0) < beyond) return hashes.length;
  return countBelow(hashes, beyond) * HASH_WORDS;
}

/** Memory that merges work in, the same for all their steps: fresh memory costs as much as the work. */
export class MergeSpace {
  readonly sorting = new SortingSpace();
  #moved = new Uint32Array();

  /** The hashes of some parts with a smaller first word, part by part; there until the next call. */
  gather(parts: readonly RunPart[], beyond: number): Uint32Array {
    const pieces = parts.flatMap((part) => [...part.takeBelow(beyond)]);
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#moved.length < length) this.#moved = new Uint32Array(Math.ceil(1.1 * length));
    let at = 0;
    for (const piece of pieces) {
      this.#moved.set(piece, at);
      at += piece.length;
    }
    return this.#moved.subarray(0, length);
  }
}
