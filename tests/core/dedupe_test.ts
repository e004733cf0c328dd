import assert from "node:assert/strict";
import fc from "fast-check";
import { dedupe } from "../../src/core/dedupe.ts";
import { hashesOf } from "../checkpoint/commits.ts";
import { checkProperty } from "../property_seed.ts";

/** Dedupes a batch with these ids, of which some were seen before. */
function dedupeIds(ids: readonly string[], seenBefore: readonly string[] = []) {
  const distinct = hashesOf(ids);
  const isSeen = Uint8Array.from(
    distinct.rows,
    (row) => Number(seenBefore.includes(ids[row] ?? "")),
  );
  const { fresh, duplicates, freshHashes } = dedupe(ids.length, distinct, isSeen);
  return { fresh: [...fresh], duplicates: [...duplicates], freshHashes };
}

Deno.test("dedupe() keeps the first of equal ids in a batch", () => {
  const { fresh, duplicates, freshHashes } = dedupeIds(["a", "b", "a", "c", "b", "a"]);
  assert.deepEqual(fresh, [0, 1, 3]);
  assert.deepEqual(duplicates, [2, 4, 5]);
  assert.deepEqual(freshHashes, hashesOf(["a", "b", "c"]).hashes);
});

Deno.test("dedupe() takes all rows of an id that was seen before for duplicates", () => {
  const { fresh, duplicates, freshHashes } = dedupeIds(["a", "b", "a", "c"], ["a", "c"]);
  assert.deepEqual(fresh, [1]);
  assert.deepEqual(duplicates, [0, 2, 3]);
  assert.deepEqual(freshHashes, hashesOf(["b"]).hashes);
});

Deno.test("dedupe() tells ids apart that look alike", () => {
  const composed = "\u00f1", decomposed = "n\u0303";
  const { fresh } = dedupeIds(["a", "A", "a ", "a\0", composed, decomposed]);
  assert.equal(fresh.length, 6);
});

Deno.test("dedupe() answers nothing for an empty batch", () => {
  const { fresh, duplicates, freshHashes } = dedupeIds([]);
  assert.deepEqual([fresh.length, duplicates.length, freshHashes.length], [0, 0, 0]);
});

Deno.test("dedupe() refuses an answer that is not for the ids of the batch", () => {
  const distinct = hashesOf(["a", "b", "a"]);
  assert.throws(() => dedupe(3, distinct, new Uint8Array(1)), /Assertion failed/);
  assert.throws(() => dedupe(3, distinct, new Uint8Array(3)), /Assertion failed/);
});

Deno.test("dedupe() gives each row of any batch one outcome, as a set of ids does", () => {
  const anySeen = fc.uniqueArray(fc.constantFrom<string>("a", "b", "c"));
  const anyIds = fc.array(
    fc.oneof(
      fc.constantFrom<string>("a", "b", "c", "d", "ñ"),
      fc.string({ maxLength: 40, unit: "grapheme" }),
    ),
    { maxLength: 30 },
  );
  checkProperty(
    fc.property(anyIds, anySeen, (ids, seenBefore) => {
      const { fresh, duplicates, freshHashes } = dedupeIds(ids, seenBefore);
      const known = new Set(seenBefore);
      const expectedFresh: number[] = [], expectedDuplicates: number[] = [];
      ids.forEach((id, row) => {
        (known.has(id) ? expectedDuplicates : expectedFresh).push(row);
        known.add(id);
      });
      assert.deepEqual(fresh, expectedFresh);
      assert.deepEqual(duplicates, expectedDuplicates);
      assert.deepEqual(freshHashes, hashesOf(fresh.map((row) => ids[row] ?? "")).hashes);
    }),
    { runs: 500 },
  );
});
