import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, hashesOf, openCheckpoint, seenAmong } from "./commits.ts";
import { assertCounts, capacities, expireAll, idsFrom } from "./seen_id_sets.ts";

const TTL_MS = 8_000;
const SEEN_AT_MS = 16_000;
const PLACES_A_RUN = 4_194_304;
const CHUNKS_A_GROUP = 32;
const BLOCKS_A_CHUNK = 84;

/** A run as the tables have had it from the first orilla with sorted runs on. */
interface StoredRun {
  readonly run: number;
  readonly capacity: number;
  /** Chunks of 940 hashes on average. */
  readonly chunks: number;
  readonly groupsWritten: number;
  readonly mergesInto: number | null;
  /** Four words a hash, in their order: what is there of the run. */
  readonly hashes: readonly (readonly number[])[];
}

/** Writes a run, its chunks and the filters of the groups of chunks that are there. */
function store(database: DatabaseSync, stored: StoredRun): void {
  const { run, capacity, chunks, groupsWritten, mergesInto, hashes } = stored;
  database.prepare("INSERT INTO seen_runs VALUES (?, ?, ?, ?, ?, ?, ?)")
    .run(run, SEEN_AT_MS, capacity, chunks, BLOCKS_A_CHUNK, groupsWritten, mergesInto);
  const blockOf = ([word = 0]: readonly number[]) =>
    Math.floor(word * (chunks * BLOCKS_A_CHUNK / 2 ** 32));
  const chunkOf = (hash: readonly number[]) => Math.floor(blockOf(hash) / BLOCKS_A_CHUNK);
  for (const [chunk, held] of Map.groupBy(hashes, chunkOf)) {
    database.prepare("INSERT INTO seen_chunks VALUES (?, ?)")
      .run(run * PLACES_A_RUN + chunk, new Uint8Array(Uint32Array.from(held.flat()).buffer));
  }
  for (let group = 0; group < groupsWritten; group++) {
    const first = group * CHUNKS_A_GROUP, end = Math.min(first + CHUNKS_A_GROUP, chunks);
    const words = new Uint32Array((end - first) * BLOCKS_A_CHUNK * 8);
    for (const hash of hashes.filter((hash) => chunkOf(hash) >= first && chunkOf(hash) < end)) {
      const at = (blockOf(hash) - first * BLOCKS_A_CHUNK) * 8;
      const [, a = 0, b = 0] = hash;
      for (let word = 0; word < 8; word++) {
        const bit = (word < 6 ? a >>> (5 * word) : b >>> (5 * (word - 6))) & 31;
        words[at + word] = (words[at + word] ?? 0) | (1 << bit);
      }
    }
    database.prepare("INSERT INTO seen_filters VALUES (?, ?)")
      .run(run * PLACES_A_RUN + group, new Uint8Array(words.buffer));
  }
}

function rowsOf(ids: readonly string[]): number[][] {
  const { hashes } = hashesOf(ids);
  return Array.from({ length: ids.length }, (_, row) => [...hashes.subarray(4 * row, 4 * row + 4)]);
}

/** Two runs of 20,000 ids that are merged to one: its first group of chunks is written, and taken from them. */
function storeMerge(outDir: string, ids: readonly string[]): void {
  openCheckpoint(outDir, { ttlMs: TTL_MS })[Symbol.dispose]();
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`);
  const output = { run: 3, capacity: 40_000, chunks: 43, groupsWritten: 1, mergesInto: null };
  const input = { capacity: 20_000, chunks: 22, groupsWritten: 1, mergesInto: 3 };
  const isMoved = ([word = 0]: readonly number[]) =>
    Math.floor(word * (output.chunks * BLOCKS_A_CHUNK / 2 ** 32)) < CHUNKS_A_GROUP * BLOCKS_A_CHUNK;
  const moved = rowsOf(ids).filter(isMoved);
  const isLeft = (hash: readonly number[]) => !isMoved(hash);
  store(database, { ...output, hashes: moved });
  store(database, { ...input, run: 1, hashes: rowsOf(ids.slice(0, 20_000)).filter(isLeft) });
  store(database, { ...input, run: 2, hashes: rowsOf(ids.slice(20_000)).filter(isLeft) });
  database.prepare("INSERT OR REPLACE INTO counters VALUES ('seenIds', '', ?)").run(ids.length);
}

Deno.test("seen ids stored by an earlier orilla, in the middle of a merge, are seen, merged and expired", async () => {
  await using folder = await temporaryFolder();
  const ids = idsFrom(0, 40_000), places = ids.map((_, place) => place);
  const others = idsFrom(100_000, 40_000);
  storeMerge(folder.path, ids);
  {
    using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
    assertCounts(checkpoint, folder.path);
    assert.deepEqual(seenAmong(checkpoint, ids, SEEN_AT_MS), places);
    assert.deepEqual(seenAmong(checkpoint, others, SEEN_AT_MS), []);
    checkpoint.mergeSteps(SEEN_AT_MS, 40_000);
    assert.deepEqual(capacities(folder.path), [40_000]);
    assertCounts(checkpoint, folder.path);
    checkpoint.commit(commitOf(1, { freshIds: others, committedAtMs: SEEN_AT_MS + 1_000 }));
  }
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  assert.deepEqual(seenAmong(checkpoint, ids, SEEN_AT_MS), places);
  assert.equal(expireAll(checkpoint, SEEN_AT_MS + TTL_MS, 7_000), ids.length);
  assert.deepEqual(seenAmong(checkpoint, others, SEEN_AT_MS + TTL_MS), places);
  assertCounts(checkpoint, folder.path);
});
