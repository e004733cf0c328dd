import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, openCheckpoint } from "./commits.ts";

const TTL_MS = 1_000;

/** Ids that text handling gets wrong first. */
const STRANGE_IDS = [
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

Deno.test("Checkpoint tells ids apart that look alike, NUL and non-ASCII ones too", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  STRANGE_IDS.forEach((id, i) => {
    assert.deepEqual(checkpoint.seenAmong([id], 0), [], JSON.stringify(id));
    checkpoint.commit(commitOf(i + 1, { freshIds: [id] }));
    assert.deepEqual(checkpoint.seenAmong([id], 0), [0], JSON.stringify(id));
  });
  const places = STRANGE_IDS.map((_, place) => place);
  assert.deepEqual(checkpoint.seenAmong(STRANGE_IDS, 0).toSorted((a, b) => a - b), places);
  assert.equal(checkpoint.seenIdCount, STRANGE_IDS.length);
});

Deno.test("Checkpoint knows no ids of an empty list", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  assert.deepEqual(checkpoint.seenAmong([], 0), []);
});

Deno.test("an id counts as seen until its time to live is over, to the millisecond", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  checkpoint.commit(commitOf(1, { freshIds: ["a"], committedAtMs: 5_000 }));
  assert.deepEqual(checkpoint.seenAmong(["a"], 5_000), [0]);
  assert.deepEqual(checkpoint.seenAmong(["a"], 5_999), [0]);
  assert.deepEqual(checkpoint.seenAmong(["a"], 6_000), []);
});

Deno.test("an id that comes again after its time to live counts from then", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  checkpoint.commit(commitOf(1, { freshIds: ["a", "b"], committedAtMs: 5_000 }));
  checkpoint.commit(commitOf(2, { freshIds: ["a", "c"], committedAtMs: 6_500 }));
  assert.deepEqual(checkpoint.seenAmong(["a", "b", "c"], 7_000), [0, 2]);
  assert.equal(checkpoint.seenIdCount, 3);
});

Deno.test("a time to live of zero is for ever", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: 0 });
  checkpoint.commit(commitOf(1, { freshIds: ["a"], committedAtMs: 0 }));
  assert.equal(checkpoint.expireStep(Number.MAX_SAFE_INTEGER, 100), 0);
  assert.deepEqual(checkpoint.seenAmong(["a"], Number.MAX_SAFE_INTEGER), [0]);
});

/** Sweeps until every id was looked at, from wherever the last sweep ended. */
function sweepAll(checkpoint: Checkpoint, nowMs: number, limit: number): number {
  let deleted = 0;
  const steps = 2 * Math.ceil(checkpoint.seenIdCount / limit) + 3;
  for (let step = 0; step < steps; step++) {
    const count = checkpoint.expireStep(nowMs, limit);
    assert.ok(count <= limit, `${count} deleted in a step of ${limit}`);
    deleted += count;
  }
  return deleted;
}

Deno.test("expireStep() deletes all expired ids and no others, few at a time", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  const strange = STRANGE_IDS.filter((id) => !id.includes("\0"));
  const old = [...Array.from({ length: 50 }, (_, i) => `id${i}`), ...strange];
  const young = ["id7a", "!", "zz"];
  checkpoint.commit(commitOf(1, { freshIds: old, committedAtMs: 1_000 }));
  checkpoint.commit(commitOf(2, { freshIds: young, committedAtMs: 2_000 }));
  assert.equal(sweepAll(checkpoint, 1_999, 7), 0);
  assert.equal(sweepAll(checkpoint, 2_500, 7), old.length);
  assert.equal(checkpoint.seenIdCount, 3);
  assert.equal(inspectCheckpoint(folder.path).seenIdCount, 3);
  assert.deepEqual(checkpoint.seenAmong(young, 2_500), [0, 1, 2]);
});

Deno.test(
  "expireStep() gets past ids that hold NUL",
  async () => {
    await using folder = await temporaryFolder();
    using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
    const ids = ["a", "a\0", "a\0a", "a\0b", "a\0\0", "b"];
    checkpoint.commit(commitOf(1, { freshIds: ids, committedAtMs: 1_000 }));
    assert.equal(sweepAll(checkpoint, 2_000, 1), ids.length);
  },
);

Deno.test("expireStep() that fails deletes nothing, and the ids go later", async () => {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS, hooks });
  checkpoint.commit(commitOf(1, { freshIds: ["a", "b"], committedAtMs: 1_000 }));
  hooks.failBefore = "expire:end";
  assert.throws(() => checkpoint.expireStep(5_000, 10), InjectedFailure);
  assert.equal(checkpoint.seenIdCount, 2);
  assert.equal(inspectCheckpoint(folder.path).seenIdCount, 2);
  assert.equal(sweepAll(checkpoint, 5_000, 10), 2);
});

type Step =
  | { readonly kind: "commit"; readonly ids: readonly string[] }
  | { readonly kind: "look"; readonly ids: readonly string[] }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "expire"; readonly limit: number }
  | { readonly kind: "reopen" };

/** Steps with few ids, so that they come again, and with any others; `accepts` says which ids there may be. */
function anySteps(accepts: (id: string) => boolean): fc.Arbitrary<Step[]> {
  const anyIds = fc.uniqueArray(
    fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...STRANGE_IDS.filter(accepts)) },
      { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1 }).filter(accepts) },
    ),
    { maxLength: 12 },
  );
  const anyStep: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant("commit" as const), ids: anyIds }),
    fc.record({ kind: fc.constant("look" as const), ids: anyIds }),
    fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: TTL_MS }) }),
    fc.record({ kind: fc.constant("expire" as const), limit: fc.integer({ min: 1, max: 8 }) }),
    fc.constant({ kind: "reopen" as const }),
  );
  return fc.array(anyStep, { maxLength: 40 });
}

/** The seen ids as a plain map, and the checkpoint that must answer like it. */
class Model {
  readonly #outDir: string;
  readonly #ttlMs: number;
  readonly #seenAt = new Map<string, number>();
  #checkpoint: Checkpoint;
  #nowMs = 10_000;
  #sequence = 0;

  constructor(outDir: string, ttlMs: number) {
    this.#outDir = outDir;
    this.#ttlMs = ttlMs;
    this.#checkpoint = openCheckpoint(outDir, { ttlMs });
  }

  /** Does a step to both, and asserts that they agree. */
  run(step: Step): void {
    switch (step.kind) {
      case "commit": {
        const freshIds = step.ids.filter((id) => !this.#isSeen(id));
        this.#look(step.ids);
        const committedAtMs = this.#nowMs;
        this.#checkpoint.commit(commitOf(++this.#sequence, { freshIds, committedAtMs }));
        for (const id of freshIds) this.#seenAt.set(id, committedAtMs);
        return;
      }
      case "look":
        return this.#look(step.ids);
      case "wait":
        this.#nowMs += step.ms;
        return;
      case "expire":
        this.#checkpoint.expireStep(this.#nowMs, step.limit);
        return;
      case "reopen":
        this.#checkpoint[Symbol.dispose]();
        this.#checkpoint = openCheckpoint(this.#outDir, { ttlMs: this.#ttlMs });
        return;
      default:
        step satisfies never;
    }
  }

  /** Asserts that the counts agree: that of the table, and after a sweep that of the map. */
  finish(): void {
    this.#look([...this.#seenAt.keys()]);
    assert.equal(inspectCheckpoint(this.#outDir).seenIdCount, this.#checkpoint.seenIdCount);
    sweepAll(this.#checkpoint, this.#nowMs, 1);
    const live = [...this.#seenAt.keys()].filter((id) => this.#isSeen(id));
    assert.equal(this.#checkpoint.seenIdCount, live.length);
    assert.equal(inspectCheckpoint(this.#outDir).seenIdCount, live.length);
    this.#look(live);
  }

  [Symbol.dispose](): void {
    this.#checkpoint[Symbol.dispose]();
  }

  #isSeen(id: string): boolean {
    const seenAtMs = this.#seenAt.get(id);
    return seenAtMs !== undefined && (this.#ttlMs === 0 || this.#nowMs - seenAtMs < this.#ttlMs);
  }

  #look(ids: readonly string[]): void {
    const places = this.#checkpoint.seenAmong(ids, this.#nowMs);
    const expected = ids.flatMap((id, place) => this.#isSeen(id) ? [place] : []);
    assert.deepEqual(places.toSorted((a, b) => a - b), expected);
  }
}

/** Asserts that a checkpoint answers like the model over any steps. */
async function checkModel(ttlMs: number, accepts: (id: string) => boolean): Promise<void> {
  await checkAsyncProperty(
    fc.asyncProperty(anySteps(accepts), async (steps) => {
      await using folder = await temporaryFolder();
      using model = new Model(folder.path, ttlMs);
      for (const step of steps) model.run(step);
      model.finish();
    }),
    { runs: 40 },
  );
}

Deno.test("seen ids behave like a map where they live for ever", () => checkModel(0, () => true));

Deno.test("seen ids behave like a map with a time to live", () => {
  return checkModel(TTL_MS, (id) => !id.includes("\0"));
});

Deno.test(
  "seen ids that hold NUL behave like a map with a time to live",
  () => {
    return checkModel(TTL_MS, () => true);
  },
);
