import assert from "node:assert/strict";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { commitOf, hashesOf, openCheckpoint } from "../checkpoint/commits.ts";
import { idsFrom } from "../checkpoint/seen_id_sets.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { scratchFolder } from "./lake_run.ts";

const TTL_MS = 8_000;
const COMMITS = 32;

/** When a commit is made: sixteen in one time bucket, the others by twos and threes, over more than a time to live. */
function timeOf(sequence: number): number {
  return sequence <= 16 ? 80_000 + sequence : 80_000 + 700 * (sequence - 16);
}

/** What each commit accepts, by sequence: the first eight make a run of more than one group of chunks. */
const HASHES = Array.from(
  { length: COMMITS + 1 },
  (_, sequence) => hashesOf(idsFrom(10_000 * sequence, sequence <= 8 ? 4_000 : 200)).hashes,
);

function hashesOfCommit(sequence: number): Uint32Array {
  return HASHES[sequence] ?? new Uint32Array();
}

/** Goes on from the last commit: commits, merges and expires by turns. Says which operations were begun. */
function run(outDir: string, point: CrashPoint | null): CrashHooks {
  const hooks = new CrashHooks(point);
  try {
    using checkpoint = openCheckpoint(outDir, { ttlMs: TTL_MS, hooks });
    const { sequence } = checkpoint.read();
    for (let next = sequence + 1; next <= COMMITS; next++) {
      const nowMs = timeOf(next);
      const freshHashes = hashesOfCommit(next);
      checkpoint.commit(commitOf(next, { freshHashes, committedAtMs: nowMs }));
      // By turns a step of one group of chunks, as when nothing comes in, and larger ones.
      checkpoint.mergeSteps(nowMs, next % 2 === 0 ? 0 : 100);
      checkpoint.expireStep(nowMs, 8_000);
    }
    while (checkpoint.expireStep(timeOf(COMMITS), 5_000) > 0);
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** Asserts that the ids of the commits that were made are seen, for their time, and no others, each held once. */
function assertExact(outDir: string, where: string): void {
  for (const seenMemoryBytes of [Infinity, 0]) {
    using checkpoint = openCheckpoint(outDir, { ttlMs: TTL_MS, seenMemoryBytes });
    assertSeen(checkpoint, `${where}, ${seenMemoryBytes} bytes of filters`);
    const { seenIdCount, seenIdCounter } = inspectCheckpoint(outDir);
    assert.equal(seenIdCount, seenIdCounter, where);
    assert.equal(checkpoint.seenIdCount, seenIdCounter, where);
  }
}

function assertSeen(checkpoint: Checkpoint, where: string): void {
  const { sequence } = checkpoint.read();
  const nowMs = timeOf(Math.max(1, sequence));
  for (let of = 1; of <= COMMITS; of++) {
    const hashes = hashesOfCommit(of), ageMs = nowMs - timeOf(of);
    const isSeen = checkpoint.seenAmong(hashes, nowMs);
    const found = isSeen.reduce((sum, is) => sum + is, 0);
    const expected = of <= sequence && ageMs < TTL_MS ? isSeen.length : 0;
    const isEither = ageMs >= TTL_MS && ageMs < TTL_MS + TTL_MS / 4;
    if (!isEither) assert.equal(found, expected, `ids of commit ${of} of ${sequence}, ${where}`);
  }
}

async function withScratch(action: (outDir: string) => void): Promise<void> {
  const outDir = await scratchFolder();
  try {
    action(outDir);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

Deno.test("a crash before and after every operation of commits, merges and expiry leaves exact seen ids", async () => {
  let operations: readonly string[] = [];
  let heldCount = 0;
  await withScratch((outDir) => {
    operations = run(outDir, null).operations;
    assertExact(outDir, "without a crash");
    heldCount = inspectCheckpoint(outDir).seenIdCount;
  });
  for (const label of ["merge:end", "expire:end"]) {
    const count = operations.filter((operation) => operation.startsWith(label)).length;
    assert.ok(count >= 4, `${label} happens ${count} times`);
  }
  for (const index of operations.keys()) {
    for (const side of ["before", "after"] as const) {
      await withScratch((outDir) => {
        const where = `crash ${side} ${operations[index]} (number ${index})`;
        assert.ok(run(outDir, { index, side }).hasCrashed, where);
        assertExact(outDir, where);
        run(outDir, null);
        assertExact(outDir, `${where}, then the rest`);
        assert.equal(inspectCheckpoint(outDir).seenIdCount, heldCount, where);
      });
    }
  }
});
