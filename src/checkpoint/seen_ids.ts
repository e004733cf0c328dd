import type { DatabaseSync } from "node:sqlite";
import { countBelow } from "../core/hash_order.ts";
import { HASH_WORDS } from "../core/id_hash.ts";
import { GROUP_CHUNKS, RunLayout } from "./seen_filter.ts";
import {
  beginMerge,
  capacityOf,
  currentMerges,
  mergeGroups,
  MergeSpace,
  movesAnId,
  plannedMerges,
} from "./seen_merging.ts";
import { type Run, RunStore } from "./seen_runs.ts";

/** A time to live has so many time buckets; runs of the same one are merged. */
const BUCKETS_A_TTL = 4;

export interface SeenIdsOptions {
  /** Time to live in milliseconds, 0 for ever. */
  readonly ttlMs: number;
  /** Bytes of filters in memory; beyond that those of the largest runs are read at each look-up. */
  readonly memoryBytes?: number;
}

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
  readonly #memoryBytes: number;
  readonly #mergeSpace = new MergeSpace();
  /** The newest last; null where it has to be read, since a transaction failed. */
  #runs: readonly Run[] | null = null;

  constructor(database: DatabaseSync, { ttlMs, memoryBytes = Infinity }: SeenIdsOptions) {
    this.#store = new RunStore(database);
    this.#ttlMs = ttlMs;
    this.#memoryBytes = memoryBytes;
    this.#runs = this.#store.readRuns(memoryBytes);
  }

  /** Bytes of filters in memory. */
  get filterBytes(): number {
    return this.#readRuns().reduce((sum, { filter }) => sum + filter.byteLength, 0);
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
    const runs = this.#unexpired(nowMs).toReversed();
    this.#store.reading(() => {
      for (const run of runs) {
        const count = run.filter.find(hashes, isSeen, hits);
        for (const place of hits.subarray(0, count)) {
          const hash = hashes.subarray(place * HASH_WORDS, (place + 1) * HASH_WORDS);
          if (this.#store.holds(run, hash)) isSeen[place] = 1;
        }
      }
    });
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
    const number = this.#nextRun(), filter = this.#store.newFilter(number, layout);
    const run = {
      run: number,
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
      const next = countBelow(hashes, layout.groupStart(group + 1)) * HASH_WORDS;
      filter.setGroup(group, this.#store.writeGroup(run, group, hashes.subarray(first, next)));
      first = next;
    }
    return { idCount: capacity, apply: () => this.#keep([...runs, run]) };
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

  /** How many ids to move in merges for each one that is added. */
  get movesAnId(): number {
    return movesAnId(this.#readRuns().length);
  }

  /** Whether there are runs to merge. */
  hasMerges(nowMs: number): boolean {
    const runs = this.#unexpired(nowMs);
    return currentMerges(runs).length > 0 || this.#plans(runs, nowMs).length > 0;
  }

  /** Moves some tens of thousands of hashes a group, inside the caller's transaction: the smallest merge goes on. */
  mergeStep(
    nowMs: number,
    groupLimit: number,
  ): SeenIdsChange & { readonly movedCount: number } {
    const runs = this.#unexpired(nowMs);
    const [current] = currentMerges(runs).sort((a, b) => a.output.capacity - b.output.capacity);
    const [plan] = this.#plans(runs, nowMs);
    const isNew = plan !== undefined &&
      (current === undefined || capacityOf(plan) < current.output.capacity);
    const merge = isNew ? beginMerge(this.#store, plan, this.#nextRun()) : current;
    if (merge === undefined) return { idCount: 0, movedCount: 0, apply: () => {} };
    const step = mergeGroups(this.#store, merge, { space: this.#mergeSpace, groupLimit });
    const { output, inputs } = step.merge;
    const changed = new Map([output, ...inputs].map((run) => [run.run, run]));
    const gone = new Set(step.isDone ? inputs.map(({ run }) => run) : []);
    const apply = () => {
      step.apply();
      const all = isNew ? [...this.#readRuns(), output] : this.#readRuns();
      this.#keep(all.filter(({ run }) => !gone.has(run)).map((run) => changed.get(run.run) ?? run));
    };
    return { idCount: -step.repeatedCount, movedCount: step.movedCount, apply };
  }

  /** Takes runs as those that there are; filters that have no room in memory leave it, the largest first. */
  #keep(runs: readonly Run[]): void {
    this.#runs = runs;
    const filters = runs.map(({ filter }) => filter);
    while (this.filterBytes > this.#memoryBytes) {
      filters.sort((a, b) => a.byteLength - b.byteLength).pop()?.release();
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
    return this.#runs ??= this.#store.readRuns(this.#memoryBytes);
  }
}
