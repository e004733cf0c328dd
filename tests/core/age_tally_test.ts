import assert from "node:assert/strict";
import fc from "fast-check";
import { AGE_BOUNDS_SECONDS, AgeTally } from "../../src/core/age_tally.ts";
import { checkProperty } from "../property_seed.ts";

function tallyOf(seconds: readonly number[]): AgeTally {
  const tally = new AgeTally();
  for (const age of seconds) tally.add(Math.round(age * 1e6));
  return tally;
}

Deno.test("AgeTally counts ages by bucket, a bound in the bucket below it", () => {
  const tally = tallyOf([0, 0.1, 0.100001, 60, 2_592_001, 1e9]);
  assert.equal(tally.counts.length, AGE_BOUNDS_SECONDS.length + 1);
  const at = (seconds: (typeof AGE_BOUNDS_SECONDS)[number]) =>
    tally.counts[AGE_BOUNDS_SECONDS.indexOf(seconds)];
  assert.deepEqual([at(0.1), at(0.5), at(60), tally.counts.at(-1)], [2, 1, 1, 2]);
  assert.deepEqual([tally.totalCount, tally.futureCount], [6, 0]);
});

Deno.test("AgeTally counts the future apart", () => {
  const tally = tallyOf([-5, -0.000001, 1]);
  assert.deepEqual([tally.futureCount, tally.totalCount], [2, 3]);
  assert.equal(tally.counts.reduce((sum, count) => sum + count), 1);
  assert.equal(tally.quantile(0.5), 0);
});

Deno.test("AgeTally.quantile() is null without events", () => {
  assert.equal(new AgeTally().quantile(0.5), null);
});

Deno.test("AgeTally.quantile() is the age of that rank, or up to 4.5 % above", () => {
  const ages = fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  checkProperty(
    fc.property(ages, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (seconds, share) => {
      const sorted = seconds.map((age) => Math.round(age * 1e6) / 1e6).toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
      const found = tallyOf(seconds).quantile(share) ?? NaN;
      assert.ok(found >= exact - 1e-6 && found <= exact * 1.045 + 1e-6, `${found} for ${exact}`);
    }),
    { runs: 500 },
  );
});
