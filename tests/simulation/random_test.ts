import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../src/simulation/random.ts";
import { checkProperty } from "../property_seed.ts";

function draw(seed: number, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
}

const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });

Deno.test("seededRandom() gives the same numbers for the same seed, all in [0, 1)", () => {
  checkProperty(
    fc.property(anySeed, (seed) => {
      const numbers = draw(seed, 50);
      assert.deepEqual(draw(seed, 50), numbers);
      for (const number of numbers) assert.ok(number >= 0 && number < 1);
    }),
  );
});

Deno.test("seededRandom() gives other numbers for other seeds, neighbours too", () => {
  const first = new Set(Array.from({ length: 1_000 }, (_, seed) => draw(seed, 1)[0]));
  assert.equal(first.size, 1_000);
});

Deno.test("seededRandom() is spread evenly, within a seed and over neighbouring seeds", () => {
  const within = draw(1, 10_000);
  const over = Array.from({ length: 10_000 }, (_, seed) => draw(seed, 1)[0] ?? NaN);
  for (const numbers of [within, over]) {
    const counts = new Array<number>(10).fill(0);
    for (const number of numbers) {
      const tenth = Math.floor(number * 10);
      counts[tenth] = (counts[tenth] ?? 0) + 1;
    }
    // 1,000 are expected in each tenth, with a standard deviation of 30.
    for (const count of counts) assert.ok(count > 850 && count < 1_150, counts.join(" "));
  }
});
