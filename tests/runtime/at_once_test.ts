import assert from "node:assert/strict";
import { mapAtOnce } from "../../src/runtime/at_once.ts";

Deno.test("mapAtOnce() gives each result in its item's place, and never has more under way than its limit", async () => {
  let underWay = 0, most = 0;
  const waits = [5, 1, 4, 2, 3, 1];
  const results = await mapAtOnce(waits, 2, async (wait) => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setTimeout(resolve, wait));
    underWay--;
    return 10 * wait;
  });
  assert.deepEqual(results, waits.map((wait) => 10 * wait));
  assert.equal(most, 2);
});

Deno.test("mapAtOnce() begins nothing after a failure, and throws it when nothing is under way any more", async () => {
  const slow = Promise.withResolvers<void>();
  const begun: number[] = [];
  let isSlowDone = false;
  const all = mapAtOnce([0, 1, 2, 3], 2, async (item) => {
    begun.push(item);
    if (item === 1) {
      setTimeout(slow.resolve, 5);
      throw new Error("the test's failure");
    }
    await slow.promise;
    isSlowDone = true;
  });
  await assert.rejects(all, /the test's failure/);
  assert.deepEqual([begun, isSlowDone], [[0, 1], true]);
});

Deno.test("mapAtOnce() has nothing to do without items", async () => {
  assert.deepEqual(await mapAtOnce([], 3, () => Promise.reject(new Error("not asked"))), []);
});
