import assert from "node:assert/strict";
import type { CheckpointReader } from "../../src/checkpoint/checkpoint_reader.ts";
import type { CommitStore, StoreOptions } from "../../src/checkpoint/commit_store.ts";
import type { Commit } from "../../src/core/commit.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { duplicatesOf } from "../../src/core/duplicates.ts";
import { idFilterOfAll } from "../../src/core/id_filter.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { batchOfEvents } from "../core/samples.ts";
import { commitOf, hashesOf, manifestFile, rangeOf } from "./commits.ts";

/** A lake that has a commit store and nothing else, for one test. */
export interface StoreLake extends AsyncDisposable {
  /** Opens the store; ids and duplicates are kept for ever where nothing else is said. */
  open(options?: Partial<StoreOptions>): Promise<CommitStore>;
  reader(): Promise<CheckpointReader>;
}

/** A kind of store that the contract is held against. */
export interface StoreKind {
  readonly name: string;
  newLake(): Promise<StoreLake>;
}

export const AT = { topic: "events", partition: 0 } as const;
export const NOW_MS = 1_764_000_000_123;

/** The parts of a commit that a test says something about. */
export type CommitParts = Parameters<typeof commitOf>[1];

/** A commit with the next number of a store, made at `NOW_MS`. */
export async function nextCommit(
  store: CommitStore,
  { freshIds = [], ...parts }: CommitParts = {},
): Promise<Commit> {
  const freshHashes = hashesOf(freshIds, store.idKey).hashes;
  const sequence = await store.reserve();
  return commitOf(sequence, { committedAtMs: NOW_MS, freshHashes, ...parts });
}

/** Claims the partitions of a commit, and makes it. */
export async function claimAndCommit(store: CommitStore, commit: Commit): Promise<void> {
  assert.notEqual(await store.claim(commit.ranges, null), null);
  assert.equal(await store.commit(commit), "committed");
}

/** Which of some different ids a store knows as seen. */
export async function seenOf(
  store: CommitStore,
  ids: readonly string[],
  nowMs = NOW_MS,
): Promise<string[]> {
  const { hashes, rows } = hashesOf(ids, store.idKey);
  const isSeen = await store.seenAmong(hashes, nowMs);
  return [...rows].filter((_, place) => isSeen[place] === 1).map((row) => ids[row] ?? "").sort();
}

function filterOf(ids: readonly string[]): Uint8Array {
  const column = new TextColumn();
  for (const id of ids) column.push(id);
  return idFilterOfAll(column);
}

/** A commit with something in every part of it. */
export async function fullCommit(store: CommitStore): Promise<Commit> {
  const counters = { ...zeroCounters(), received: 10, published: 7, duplicate: 2 };
  counters.rejected["not_json"] = 1;
  counters.eventAge.counts[2] = 3;
  counters.eventAge.sum = 1.5;
  const batch = batchOfEvents([{ event_id: "a" }, { event_id: "ñ\0" }]);
  return await nextCommit(store, {
    trigger: "latency",
    files: [
      manifestFile("a", { kind: "dead_letters", finalPath: "_dead_letters/date=2026-11-25/a" }),
      manifestFile("b", { minTsMicroseconds: -1n, rowCount: 7 }),
    ],
    ranges: [
      rangeOf(0n, 4n, { topic: "ñ", partition: 7 }),
      rangeOf(2n ** 60n, 2n ** 60n + 6n, {
        publishedCount: 3,
        duplicateCount: 2,
        rejectedCount: 1,
      }),
    ],
    freshIds: ["a", "b", "c"],
    counters,
    traces: {
      filters: [{ finalPath: "date=2026-11-24/b", filter: filterOf(["a", "b", "c"]) }],
      duplicates: duplicatesOf(batch, Int32Array.of(0, 1)),
    },
    replays: [{
      letter: { ...AT, offset: 2n ** 61n, attempts: 1 },
      outcome: "rejected",
      detail: "x",
    }],
  });
}

/** Everything that is known of a lake, the counters of its processes added up. */
export async function contentOf(lake: StoreLake) {
  await using reader = await lake.reader();
  return await reader.content();
}
