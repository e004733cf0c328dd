import assert from "node:assert/strict";
import fc from "fast-check";
import { histogram, observe } from "../../src/core/histogram.ts";
import { checkProperty } from "../property_seed.ts";

Deno.test("observe() counts a value in the first bucket whose bound is not below it", () => {
  const ages = histogram([1, 5]);
  observe(ages, 0);
  observe(ages, 1);
  observe(ages, 1.001);
  observe(ages, 5);
  observe(ages, 5.001);
  observe(ages, Infinity);
  assert.deepEqual(ages.counts, [2, 2, 2]);
});

Deno.test("observe() counts many observations of one value at once", () => {
  const ages = histogram([1, 5]);
  observe(ages, 2, 10);
  observe(ages, 0.5, 4);
  observe(ages, 9, 0);
  assert.deepEqual(ages, { bounds: [1, 5], counts: [4, 10, 0], sum: 22 });
});

Deno.test("observe() counts every observation once, and adds all of them up", () => {
  const anySeconds = fc.array(fc.double({ min: 0, max: 100, noNaN: true }));
  checkProperty(
    fc.property(anySeconds, (seconds) => {
      const ages = histogram([0.1, 1, 10]);
      for (const value of seconds) observe(ages, value);
      assert.equal(ages.counts.reduce((sum, count) => sum + count, 0), seconds.length);
      assert.equal(ages.counts[0], seconds.filter((value) => value <= 0.1).length);
      assert.equal(ages.counts[3], seconds.filter((value) => value > 10).length);
      assert.equal(ages.sum, seconds.reduce((sum, value) => sum + value, 0));
    }),
  );
});
