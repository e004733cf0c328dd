import { Checkpoint, type CheckpointOptions } from "../../src/checkpoint/checkpoint.ts";
import type { Commit, ManifestFile, OffsetRange } from "../../src/core/commit.ts";
import { zeroCounters } from "../../src/core/counters.ts";

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
    ...options,
  });
}

/** A commit that handled nothing, with the given parts replaced. */
export function commitOf(sequence: number, parts: Partial<Commit> = {}): Commit {
  return {
    sequence,
    committedAtMs: 1_000 * sequence,
    trigger: "events",
    files: [],
    ranges: [],
    freshIds: [],
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
