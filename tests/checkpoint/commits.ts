import { Checkpoint, type CheckpointOptions } from "../../src/checkpoint/checkpoint.ts";
import type { Commit, ManifestFile, OffsetRange } from "../../src/core/commit.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { type DistinctHashes, distinctHashes } from "../../src/core/hash_order.ts";
import { hashTexts } from "../../src/core/id_hash.ts";
import { TextColumn } from "../../src/core/text_column.ts";

/** The key of the checkpoints that these tests make. */
const ID_KEY = Uint32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39);

/** Opens the checkpoint of a folder; ids count as seen for ever where nothing else is said. */
export function openCheckpoint(
  outDir: string,
  options: Partial<CheckpointOptions> = {},
): Checkpoint {
  return new Checkpoint({
    outDir,
    ttlMs: 0,
    duplicateTtlMs: 0,
    newInstanceId: "3f9c1a0b77d2",
    newIdKey: ID_KEY,
    ...options,
  });
}

/** The hashes of ids, as the checkpoints of these tests have them. */
export function hashesOf(ids: Iterable<string>, key: Uint32Array = ID_KEY): DistinctHashes {
  const column = new TextColumn();
  for (const id of ids) column.push(id);
  return distinctHashes(hashTexts(column, key));
}

/** The places in `ids`, which are different, of those that a checkpoint knows as seen. */
export function seenAmong(checkpoint: Checkpoint, ids: readonly string[], nowMs: number): number[] {
  const { hashes, rows } = hashesOf(ids, checkpoint.idKey);
  const isSeen = checkpoint.seenAmong(hashes, nowMs);
  return [...rows].filter((_, place) => isSeen[place] === 1).sort((a, b) => a - b);
}

/** A commit that handled nothing but accepted some ids, with the given parts replaced. */
export function commitOf(
  sequence: number,
  { freshIds = [], ...parts }: Partial<Commit> & { readonly freshIds?: readonly string[] } = {},
): Commit {
  return {
    sequence,
    committedAtMs: 1_000 * sequence,
    trigger: "events",
    files: [],
    ranges: [],
    freshHashes: hashesOf(freshIds).hashes,
    traces: { filters: [], duplicates: null },
    replays: [],
    counters: zeroCounters(),
    ...parts,
  };
}

/** The offsets from `first` up to `next` of a partition, a published event at each. */
export function rangeOf(
  first: bigint,
  next: bigint,
  parts: Partial<OffsetRange> = {},
): OffsetRange {
  return {
    topic: "events",
    partition: 0,
    firstOffset: first,
    nextOffset: next,
    publishedCount: Number(next - first),
    duplicateCount: 0,
    rejectedCount: 0,
    ...parts,
  };
}

/** A manifest row with a name of its own. */
export function manifestFile(name: string, parts: Partial<ManifestFile> = {}): ManifestFile {
  return {
    kind: "events",
    stagedPath: `_staging/${name}`,
    finalPath: `date=2026-11-24/${name}`,
    rowCount: 3,
    bytes: 100,
    checksum: "ab".repeat(32),
    minTsMicroseconds: -62_167_219_200_000_000n,
    maxTsMicroseconds: 253_402_300_799_999_999n,
    ...parts,
  };
}
