import assert from "node:assert/strict";
import { mapAtOnce } from "../../src/runtime/at_once.ts";

Deno.test("mapAtOnce() keeps the order of results, and to the number at a time", async () => {
  for (const atOnce of [1, 3, 100]) {
    let running = 0, most = 0;
    const results = await mapAtOnce([5, 1, 4, 2, 3], atOnce, async (n) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, n));
      running--;
      return n * 10;
    });
    assert.deepEqual(results, [50, 10, 40, 20, 30]);
    assert.equal(most, Math.min(atOnce, 5));
  }
  assert.deepEqual(await mapAtOnce([], 8, () => Promise.reject(new Error("never"))), []);
});

Deno.test("mapAtOnce() begins nothing after a failure, and waits for what was begun", async () => {
  const begun: number[] = [], done: number[] = [];
  const work = mapAtOnce([1, 2, 3, 4], 2, async (n) => {
    begun.push(n);
    if (n === 1) throw new Error("first");
    await new Promise((resolve) => setTimeout(resolve, 5));
    done.push(n);
  });
  await assert.rejects(work, /first/);
  assert.deepEqual([begun, done], [[1, 2], [2]]);
});
