import type { DatabaseSync } from "node:sqlite";
import { HASH_WORDS } from "../core/id_hash.ts";
import { GROUP_CHUNKS, RunFilter, RunLayout } from "./seen_filter.ts";
import {
  beginMerge,
  capacityOf,
  currentMerges,
  mergeGroup,
  plannedMerges,
} from "./seen_merging.ts";
import { type Run, RunStore } from "./seen_runs.ts";

/** A time to live has so many time buckets; runs of the same one are merged. */
const BUCKETS_A_TTL = 4;

/** A change that was written inside a transaction. */
export interface SeenIdsChange {
  /** By how many ids there are more; negative for fewer. */
  readonly idCount: number;
  /** Brings what is in memory to it; called once it is durable. */
  readonly apply: () => void;
}

/**
 * The event ids that were accepted within the time to live, as keyed hashes. Two operations matter: which of
 * these are seen, and add these in the commit's transaction.
 *
 * Each commit appends its hashes, sorted, as one run: no page is touched but new ones. A filter in memory
 * answers for nearly all ids that no run holds; for the others the one chunk that may hold them is read, so
 * the filter alone never makes a duplicate. Runs of the same time bucket are merged step by step, so that few
 * filters are asked. A step moves hashes from runs to a run in one transaction: at every moment each hash is
 * in exactly one of them, and a merge goes on after a restart.
 *
 * A run has the time of its newest ids. So an id of a merged run expires with the newest one of its bucket:
 * never before its time to live is over, and after it by a quarter of it at most.
 */
export class SeenIds {
  readonly #store: RunStore;
  readonly #ttlMs: number;
  /** The newest last; null where it has to be read, since a transaction failed. */
  #runs: readonly Run[] | null = null;

  /** @param ttlMs time to live in milliseconds, 0 for ever */
  constructor(database: DatabaseSync, ttlMs: number) {
    this.#store = new RunStore(database);
    this.#ttlMs = ttlMs;
    this.#runs = this.#store.readRuns();
  }

  /** Forgets what is in memory: the next operation reads what the database holds. */
  forget(): void {
    this.#runs = null;
  }

  /**
   * Says for each hash whether its id was accepted within the time to live: 1 or 0.
   *
   * @param hashes in their order, each once
   */
  seenAmong(hashes: Uint32Array, nowMs: number): Uint8Array {
    const isSeen = new Uint8Array(hashes.length / HASH_WORDS);
    const hits = new Int32Array(isSeen.length);
    for (const run of this.#readRuns().toReversed()) {
      if (this.#isExpired(run, nowMs)) continue;
      const count = run.filter.find(hashes, isSeen, hits);
      this.#lookUp(run, hashes, { places: hits.subarray(0, count), isSeen });
    }
    return isSeen;
  }

  /**
   * Adds ids, inside the caller's transaction.
   *
   * @param hashes in their order, each once
   */
  add(hashes: Uint32Array, seenAtMs: number): SeenIdsChange {
    const capacity = hashes.length / HASH_WORDS;
    if (capacity === 0) return { idCount: 0, apply: () => {} };
    const runs = this.#readRuns();
    const layout = RunLayout.for(capacity);
    const filter = new RunFilter(layout);
    const run = {
      run: this.#nextRun(),
      newestMs: seenAtMs,
      capacity,
      layout,
      filter,
      groupsWritten: layout.groupCount,
      mergesInto: null,
    };
    this.#store.putRun(run);
    let first = 0;
    for (let group = 0; group < layout.groupCount; group++) {
      const beyond = layout.groupStart(group + 1);
      let next = first;
      while (next < hashes.length && (hashes[next] ?? 0) < beyond) next += HASH_WORDS;
      filter.setGroup(group, this.#store.writeGroup(run, group, hashes.subarray(first, next)));
      first = next;
    }
    return { idCount: capacity, apply: () => this.#runs = [...runs, run] };
  }

  /** Whether there are expired ids. */
  hasExpired(nowMs: number): boolean {
    return this.#readRuns().some((run) => this.#isExpired(run, nowMs));
  }

  /** Deletes about `limit` expired ids, inside the caller's transaction. */
  expireStep(nowMs: number, limit: number): SeenIdsChange {
    const runs = this.#readRuns();
    const run = runs.find((run) => this.#isExpired(run, nowMs));
    if (run === undefined) return { idCount: 0, apply: () => {} };
    const chunkLimit = Math.max(1, Math.floor(limit * run.layout.chunkCount / run.capacity));
    const next = this.#store.readChunks(run, { limit: chunkLimit + 1 });
    const chunks = next.slice(0, chunkLimit);
    const idCount = -chunks.reduce((sum, { hashes }) => sum + hashes.length / HASH_WORDS, 0);
    const last = chunks.at(-1);
    if (last === undefined || next.length === chunks.length) {
      this.#store.deleteRun(run);
      return { idCount, apply: () => this.#runs = runs.filter((other) => other !== run) };
    }
    this.#store.deleteChunks(run, last.chunk);
    const group = Math.floor(last.chunk / GROUP_CHUNKS);
    return { idCount, apply: () => run.filter.dropBefore(group) };
  }

  /** Whether there are runs to merge. */
  hasMerges(nowMs: number): boolean {
    const runs = this.#unexpired(nowMs);
    return currentMerges(runs).length > 0 || this.#plans(runs, nowMs).length > 0;
  }

  /** Moves some tens of thousands of hashes, inside the caller's transaction: the smallest merge goes on. */
  mergeStep(nowMs: number): SeenIdsChange & { readonly movedCount: number } {
    const runs = this.#unexpired(nowMs);
    const [current] = currentMerges(runs).sort((a, b) => a.output.capacity - b.output.capacity);
    const [plan] = this.#plans(runs, nowMs);
    const isNew = plan !== undefined &&
      (current === undefined || capacityOf(plan) < current.output.capacity);
    const merge = isNew ? beginMerge(this.#store, plan, this.#nextRun()) : current;
    if (merge === undefined) return { idCount: 0, movedCount: 0, apply: () => {} };
    const step = mergeGroup(this.#store, merge);
    const { output, inputs } = step.merge;
    const changed = new Map([output, ...inputs].map((run) => [run.run, run]));
    const gone = new Set(step.isDone ? inputs.map(({ run }) => run) : []);
    const apply = () => {
      step.apply();
      const all = isNew ? [...this.#readRuns(), output] : this.#readRuns();
      this.#runs = all.filter(({ run }) => !gone.has(run)).map((run) =>
        changed.get(run.run) ?? run
      );
    };
    return { idCount: -step.repeatedCount, movedCount: step.movedCount, apply };
  }

  /** Looks the filter's hits up in the run. */
  #lookUp(run: Run, hashes: Uint32Array, { places, isSeen }: {
    readonly places: Int32Array;
    readonly isSeen: Uint8Array;
  }): void {
    let chunk = -1, held: Uint32Array = new Uint32Array();
    for (const place of places) {
      const hash = hashes.subarray(place * HASH_WORDS, (place + 1) * HASH_WORDS);
      const own = run.layout.chunkOf(hash[0] ?? 0);
      // Hits come in the order of hashes, so those of one chunk follow each other.
      if (own !== chunk) held = this.#store.readChunk(run, chunk = own);
      if (holds(held, hash)) isSeen[place] = 1;
    }
  }

  #plans(runs: readonly Run[], nowMs: number): readonly (readonly Run[])[] {
    const bucketOf = ({ newestMs }: Run) => this.#bucketOf(newestMs);
    return plannedMerges(runs, { bucketOf, currentBucket: this.#bucketOf(nowMs) });
  }

  #bucketOf(ms: number): number {
    return this.#ttlMs === 0 ? 0 : Math.floor(ms / Math.ceil(this.#ttlMs / BUCKETS_A_TTL));
  }

  #unexpired(nowMs: number): readonly Run[] {
    return this.#readRuns().filter((run) => !this.#isExpired(run, nowMs));
  }

  #isExpired({ newestMs }: Run, nowMs: number): boolean {
    return this.#ttlMs !== 0 && newestMs <= nowMs - this.#ttlMs;
  }

  #nextRun(): number {
    return this.#readRuns().reduce((last, { run }) => Math.max(last, run), 0) + 1;
  }

  #readRuns(): readonly Run[] {
    return this.#runs ??= this.#store.readRuns();
  }
}

/** Whether sorted hashes hold one. */
function holds(hashes: Uint32Array, hash: Uint32Array): boolean {
  const [w0 = 0, w1, w2, w3] = hash;
  let low = 0, high = hashes.length / HASH_WORDS;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle * HASH_WORDS] ?? 0) < w0) low = middle + 1;
    else high = middle;
  }
  for (let i = low * HASH_WORDS; hashes[i] === w0; i += HASH_WORDS) {
    if (hashes[i + 1] === w1 && hashes[i + 2] === w2 && hashes[i + 3] === w3) return true;
  }
  return false;
}
