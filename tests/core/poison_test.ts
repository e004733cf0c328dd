import assert from "node:assert/strict";
import fc from "fast-check";
import { failingAlone, soundBatch } from "../../src/core/poison.ts";
import { checkAsyncProperty } from "../property_seed.ts";

Deno.test("failingAlone() finds exactly the rows that fail, in about k · log2(n) questions", async () => {
  const anyRows = fc.uniqueArray(fc.nat(1_000_000), { maxLength: 300 });
  const anyPoison = fc.array(fc.boolean(), { minLength: 300, maxLength: 300 });
  await checkAsyncProperty(
    fc.asyncProperty(anyRows, anyPoison, fc.nat(20), async (ids, isPoison, sparsity) => {
      const rows = Int32Array.from(ids);
      const poison = new Set(ids.filter((_, i) => isPoison[i] && i % (sparsity + 1) === 0));
      let questions = 0;
      const found = await failingAlone(rows, (some) => {
        questions++;
        return Promise.resolve(some.some((row) => poison.has(row)));
      });
      assert.deepEqual([...found].sort((a, b) => a - b), [...poison].sort((a, b) => a - b));
      const depth = Math.ceil(Math.log2(rows.length + 1)) + 1;
      assert.ok(questions <= 1 + 2 * poison.size * depth, `${questions} for ${poison.size}`);
    }),
  );
});

Deno.test("failingAlone() finds nothing where rows fail by their number alone", async () => {
  const rows = Int32Array.from({ length: 1_000 }, (_, row) => row);
  assert.deepEqual(await failingAlone(rows, (some) => Promise.resolve(some.length > 100)), []);
});

Deno.test("soundBatch() is one event of one partition", () => {
  const { length, receivedCount, rejected, partitions, eventIds } = soundBatch();
  assert.deepEqual([length, receivedCount, rejected.length, partitions.length], [1, 1, 0, 1]);
  assert.deepEqual([...eventIds], ["sound"]);
});
