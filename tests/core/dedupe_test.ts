import assert from "node:assert/strict";
import fc from "fast-check";
import { dedupe, distinctIds } from "../../src/core/dedupe.ts";
import { checkProperty } from "../property_seed.ts";
import { batchOfEvents } from "./samples.ts";

function batchOfIds(ids: readonly string[]) {
  return batchOfEvents(ids.map((event_id) => ({ event_id })));
}

Deno.test("distinctIds() finds each id once, with the first row that has it", () => {
  const { ids, rows } = distinctIds(batchOfIds(["b", "a", "b", "c", "a"]));
  assert.deepEqual(ids, ["b", "a", "c"]);
  assert.deepEqual([...rows], [0, 1, 3]);
});

Deno.test("distinctIds() tells ids apart that look alike", () => {
  const composed = "\u00f1", decomposed = "n\u0303";
  const { ids } = distinctIds(batchOfIds(["a", "A", "a ", "a\0", composed, decomposed]));
  assert.equal(ids.length, 6);
});

Deno.test("dedupe() keeps the first of equal ids in a batch", () => {
  const batch = batchOfIds(["a", "b", "a", "c", "b", "a"]);
  const { fresh, duplicates } = dedupe(batch, distinctIds(batch), []);
  assert.deepEqual([...fresh], [0, 1, 3]);
  assert.deepEqual([...duplicates], [2, 4, 5]);
});

Deno.test("dedupe() takes all rows of an id that was seen before for duplicates", () => {
  const batch = batchOfIds(["a", "b", "a", "c"]);
  const distinct = distinctIds(batch);
  const { fresh, duplicates } = dedupe(batch, distinct, [0, 2]);
  assert.deepEqual([...fresh], [1]);
  assert.deepEqual([...duplicates], [0, 2, 3]);
});

Deno.test("dedupe() answers nothing for an empty batch", () => {
  const batch = batchOfIds([]);
  const { fresh, duplicates } = dedupe(batch, distinctIds(batch), []);
  assert.deepEqual([fresh.length, duplicates.length], [0, 0]);
});

Deno.test("dedupe() refuses a seen id that is not of the batch, or is named twice", () => {
  const batch = batchOfIds(["a", "b", "a"]);
  const distinct = distinctIds(batch);
  assert.throws(() => dedupe(batch, distinct, [2]), /Assertion failed/);
  assert.throws(() => dedupe(batch, distinct, [0, 0]), /Assertion failed/);
});

Deno.test("dedupe() gives each row of any batch one outcome, as a set of ids does", () => {
  const anySeen = fc.uniqueArray(fc.constantFrom<string>("a", "b", "c"));
  const anyIds = fc.array(fc.constantFrom<string>("a", "b", "c", "d", "ñ"), { maxLength: 30 });
  checkProperty(
    fc.property(anyIds, anySeen, (ids, seenBefore) => {
      const batch = batchOfIds(ids);
      const distinct = distinctIds(batch);
      const places = distinct.ids.flatMap((id, place) => seenBefore.includes(id) ? [place] : []);
      const { fresh, duplicates } = dedupe(batch, distinct, places);
      const known = new Set(seenBefore);
      const expectedFresh: number[] = [], expectedDuplicates: number[] = [];
      ids.forEach((id, row) => {
        (known.has(id) ? expectedDuplicates : expectedFresh).push(row);
        known.add(id);
      });
      assert.deepEqual([...fresh], expectedFresh);
      assert.deepEqual([...duplicates], expectedDuplicates);
    }),
    { runs: 500 },
  );
});
