import { DatabaseSync } from "node:sqlite";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { RunLayout } from "../../src/checkpoint/seen_filter.ts";
import { RunStore } from "../../src/checkpoint/seen_runs.ts";
import { distinctHashes } from "../../src/core/hash_order.ts";
import { HASH_WORDS } from "../../src/core/id_hash.ts";

/** Opens a checkpoint of a benchmark; a new one is made. */
export function openCheckpoint(outDir: string, ttlMs: number): Checkpoint {
  return new Checkpoint({ outDir, ttlMs, duplicateTtlMs: 0, newInstanceId: "0123456789ab" });
}

/** How many ids were seen, and when. */
export interface SeenBefore {
  readonly idCount: number;
  /** 0 for ids that never expire. */
  readonly ttlMs: number;
  /** When the first of them came; the last came three quarters of the time to live later. */
  readonly firstMs: number;
}

/** What is over of time buckets is one run each; what is left is runs of 50,000 · 8^n ids, 7 of a size at most. */
function runSizes({ idCount, ttlMs }: SeenBefore): { size: number; bucket: number }[] {
  const runs: { size: number; bucket: number }[] = [];
  const closed = ttlMs === 0 ? 0 : Math.floor(idCount / 4);
  for (let bucket = 0; bucket < 3 && closed > 0; bucket++) runs.push({ size: closed, bucket });
  let left = idCount - 3 * closed;
  for (let size = 50_000 * 8 ** 4; left >= 50_000; size /= 8) {
    for (; left >= size; left -= size) runs.push({ size, bucket: 3 });
  }
  return runs;
}

/**
 * Makes a checkpoint that has seen ids, as the runs that their merges would have left. They are random hashes: the
 * keyed hashes of any ids look like them.
 */
export function preloadIds(outDir: string, before: SeenBefore): void {
  openCheckpoint(outDir, before.ttlMs)[Symbol.dispose]();
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`);
  database.exec("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 20000");
  const store = new RunStore(database);
  let count = 0;
  runSizes(before).forEach(({ size, bucket }, i) => {
    const layout = RunLayout.for(size);
    const newestMs = before.firstMs + bucket * before.ttlMs / 4;
    const groupsWritten = layout.groupCount;
    const run = { run: i + 1, newestMs, capacity: size, layout, groupsWritten, mergesInto: null };
    const filter = store.newFilter(i + 1, layout);
    for (let group = 0; group < layout.groupCount; group++) {
      if (group % 32 === 0) database.exec("BEGIN");
      const hashes = randomHashes(layout, group, size);
      store.writeGroup({ ...run, filter }, group, hashes);
      count += hashes.length / HASH_WORDS;
      if (group % 32 === 31 || group === layout.groupCount - 1) database.exec("COMMIT");
    }
    store.putRun({ ...run, filter });
  });
  database.prepare("INSERT OR REPLACE INTO counters VALUES ('seenIds', '', ?)").run(count);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  // What is left to write would be written, and counted, with the first of the ids that are measured.
  using file = Deno.openSync(`${outDir}/${CHECKPOINT_FILE}`);
  file.syncSync();
}

/** As many random hashes as a group has on average. */
function randomHashes(layout: RunLayout, group: number, size: number): Uint32Array {
  const range = { first: layout.groupStart(group), beyond: layout.groupStart(group + 1) };
  const width = range.beyond - range.first;
  const words = new Uint32Array(Math.floor(size * width / 2 ** 32) * HASH_WORDS);
  for (let at = 0; at < words.length; at += 16_384) {
    crypto.getRandomValues(words.subarray(at, at + 16_384));
  }
  for (let i = 0; i < words.length; i += HASH_WORDS) {
    words[i] = range.first + Math.floor((words[i] ?? 0) / 2 ** 32 * width);
  }
  return distinctHashes(words, range).hashes;
}
