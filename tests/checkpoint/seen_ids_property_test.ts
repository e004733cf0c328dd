import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, openCheckpoint, seenAmong } from "./commits.ts";
import { assertCounts, capacities, expireAll, idsFrom, STRANGE_IDS } from "./seen_id_sets.ts";

const TTL_MS = 1_000;
/** How much later than its time to live an id of a merged run may expire. */
const BUCKET_MS = TTL_MS / 4;

type Step =
  | { readonly kind: "commit"; readonly ids: readonly string[] }
  | { readonly kind: "look"; readonly ids: readonly string[] }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "expire"; readonly limit: number }
  | { readonly kind: "merge"; readonly addedCount: number }
  | { readonly kind: "reopen" };

/** Ids of few, so that they come again; any others; and now and then more than a chunk holds. */
const anyIds: fc.Arbitrary<readonly string[]> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.uniqueArray(
      fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...STRANGE_IDS) },
        { weight: 2, arbitrary: fc.nat(60).map((i) => `n${i}`) },
        { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1 }) },
      ),
      { maxLength: 12, selector: (id) => id.toWellFormed() },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 2_000 }))
      .map(([first, count]) => idsFrom(first, count)),
  },
);

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 14, arbitrary: fc.record({ kind: fc.constant("commit" as const), ids: anyIds }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("look" as const), ids: anyIds }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: TTL_MS })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("expire" as const),
      limit: fc.integer({ min: 1, max: 900 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("merge" as const), addedCount: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

const anySteps = fc.array(anyStep, { maxLength: 90, size: "max" });

/** Room for all filters, for those of some small runs, or for none. */
const anyMemory = fc.constantFrom(Infinity, 12_000, 0);

/** The seen ids as a plain map, and the checkpoint that must answer like it. */
class Model {
  readonly #outDir: string;
  readonly #ttlMs: number;
  readonly #seenMemoryBytes: number;
  readonly #seenAt = new Map<string, number>();
  #checkpoint: Checkpoint;
  #nowMs = 10_000;
  #sequence = 0;
  isMerged = false;

  constructor(
    outDir: string,
    { ttlMs, seenMemoryBytes }: { readonly ttlMs: number; readonly seenMemoryBytes: number },
  ) {
    this.#outDir = outDir;
    this.#ttlMs = ttlMs;
    this.#seenMemoryBytes = seenMemoryBytes;
    this.#checkpoint = this.#open();
  }

  #open(): Checkpoint {
    const seenMemoryBytes = this.#seenMemoryBytes;
    return openCheckpoint(this.#outDir, { ttlMs: this.#ttlMs, seenMemoryBytes });
  }

  /** Does a step to both, and asserts that they agree. */
  run(step: Step): void {
    switch (step.kind) {
      case "commit": {
        const seen = new Set(this.#look(step.ids));
        const freshIds = step.ids.filter((_, place) => !seen.has(place));
        const committedAtMs = this.#nowMs;
        this.#checkpoint.commit(commitOf(++this.#sequence, { freshIds, committedAtMs }));
        for (const id of freshIds) this.#seenAt.set(id, committedAtMs);
        return;
      }
      case "look":
        this.#look(step.ids);
        return;
      case "wait":
        this.#nowMs += step.ms;
        return;
      case "expire":
        this.#checkpoint.expireStep(this.#nowMs, step.limit);
        return;
      case "merge": {
        const before = capacities(this.#outDir);
        this.#checkpoint.mergeSteps(this.#nowMs, step.addedCount);
        this.isMerged ||= before.length !== capacities(this.#outDir).length;
        return;
      }
      case "reopen":
        this.#checkpoint[Symbol.dispose]();
        this.#checkpoint = this.#open();
        return;
      default:
        step satisfies never;
    }
  }

  /** Asserts that the counts agree: that of the runs, and after all is expired that of nothing. */
  finish(): void {
    this.#look([...this.#seenAt.keys()]);
    assertCounts(this.#checkpoint, this.#outDir);
    if (this.#ttlMs === 0) assert.equal(this.#checkpoint.seenIdCount, this.#seenAt.size);
    expireAll(this.#checkpoint, this.#nowMs, 1);
    assertCounts(this.#checkpoint, this.#outDir);
    this.#look([...this.#seenAt.keys()]);
    if (this.#ttlMs === 0) return;
    expireAll(this.#checkpoint, this.#nowMs + 2 * TTL_MS, 500);
    assert.equal(this.#checkpoint.seenIdCount, 0);
    assertCounts(this.#checkpoint, this.#outDir);
    assert.deepEqual(capacities(this.#outDir), []);
  }

  [Symbol.dispose](): void {
    this.#checkpoint[Symbol.dispose]();
  }

  /** The places of the seen ones, which must be those of the map; either is right for a merged run's last while. */
  #look(ids: readonly string[]): readonly number[] {
    const places = seenAmong(this.#checkpoint, ids, this.#nowMs);
    const seen = new Set(places);
    ids.forEach((id, place) => {
      const seenAtMs = this.#seenAt.get(id);
      const ageMs = seenAtMs === undefined ? Infinity : this.#nowMs - seenAtMs;
      const isYoung = this.#ttlMs === 0 ? seenAtMs !== undefined : ageMs < this.#ttlMs;
      if (isYoung) assert.ok(seen.has(place), `${JSON.stringify(id)} is seen after ${ageMs} ms`);
      else if (ageMs >= this.#ttlMs + BUCKET_MS || this.#ttlMs === 0) {
        assert.ok(!seen.has(place), `${JSON.stringify(id)} is not seen after ${ageMs} ms`);
      }
    });
    return places;
  }
}

for (const [what, ttlMs] of [["live for ever", 0], ["have a time to live", TTL_MS]] as const) {
  Deno.test(`seen ids that ${what} behave like a map over any commits, merges and restarts`, async () => {
    let mergedCount = 0;
    await checkAsyncProperty(
      fc.asyncProperty(anyMemory, anySteps, async (seenMemoryBytes, steps) => {
        await using folder = await temporaryFolder();
        using model = new Model(folder.path, { ttlMs, seenMemoryBytes });
        for (const step of steps) model.run(step);
        model.finish();
        if (model.isMerged) mergedCount++;
      }),
      { runs: 90 },
    );
    assert.ok(mergedCount > 10, `runs were merged in ${mergedCount} cases`);
  });
}
