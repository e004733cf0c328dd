import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";

/** Ids that text handling gets wrong first. */
export const STRANGE_IDS = [
  "\0",
  "\0\0",
  "a",
  "a\0",
  "a\0b",
  "A",
  "a ",
  "ñ",
  "n\u0303",
  "日本",
  "🌊",
  "\u{10FFFF}",
  "\ufeff",
  "'",
  '"',
  "\\",
  "\n",
  "1",
  "1.0",
  "null",
  "x".repeat(5_000),
];

/** Names of as many ids as are asked for. */
export function idsFrom(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${first + i}`);
}

/** Deletes expired ids until there are none; returns how many there were. */
export function expireAll(checkpoint: Checkpoint, nowMs: number, limit: number): number {
  let deleted = 0;
  for (let before = -1; before !== checkpoint.seenIdCount;) {
    before = checkpoint.seenIdCount;
    deleted += checkpoint.expireStep(nowMs, limit);
  }
  return deleted;
}

/** Asserts that the ids that are there are as many as were counted. */
export function assertCounts(checkpoint: Checkpoint, outDir: string): void {
  const { seenIdCount, seenIdCounter } = inspectCheckpoint(outDir);
  assert.equal(checkpoint.seenIdCount, seenIdCounter);
  assert.equal(seenIdCount, seenIdCounter);
}

/** The runs that a checkpoint holds, by how many hashes they were laid out for. */
export function capacities(outDir: string): number[] {
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`, { readOnly: true });
  return database.prepare("SELECT capacity FROM seen_runs ORDER BY run").all()
    .map(({ capacity }) => Number(capacity));
}
