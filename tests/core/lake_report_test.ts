import assert from "node:assert/strict";
import fc from "fast-check";
import { type CommitOutcome, commitsOverTime, fileSizesOf } from "../../src/core/lake_report.ts";
import { bucketWidthMs } from "../../src/core/time_buckets.ts";
import { checkProperty } from "../property_seed.ts";

const START_MS = Date.parse("2026-11-24T10:15:00Z");

function commit(committedAtMs: number, published: number): CommitOutcome {
  return { sequence: 1, committedAtMs, published, duplicate: 2, rejected: 3 };
}

Deno.test("commitsOverTime() adds commits up by time, with empty stretches in between", () => {
  const { widthMs, buckets } = commitsOverTime([
    commit(START_MS, 10),
    commit(START_MS + 999, 5),
    commit(START_MS + 3_000, 1),
  ]);
  assert.equal(widthMs, 1_000);
  assert.deepEqual(buckets.map(({ fromMs }) => fromMs - START_MS), [0, 1_000, 2_000, 3_000]);
  assert.deepEqual(buckets.map(({ commits, published }) => [commits, published]), [
    [2, 15],
    [0, 0],
    [0, 0],
    [1, 1],
  ]);
  assert.deepEqual([buckets[0]?.duplicate, buckets[0]?.rejected], [4, 6]);
});

Deno.test("commitsOverTime() of no commits has no buckets", () => {
  assert.deepEqual(commitsOverTime([]).buckets, []);
});

const anyTime = fc.integer({ min: 0, max: 4e12 });

Deno.test("commitsOverTime() loses no commit, whatever its time, and shows sixty buckets at most", () => {
  checkProperty(
    fc.property(fc.array(anyTime, { minLength: 1 }), (times) => {
      const { buckets } = commitsOverTime(times.map((ms) => commit(ms, 1)));
      assert.ok(buckets.length <= 60, `${buckets.length} buckets`);
      assert.equal(buckets.reduce((sum, { commits }) => sum + commits, 0), times.length);
    }),
  );
});

Deno.test("bucketWidthMs() takes the narrowest width that is enough", () => {
  const widthOf = (spanMs: number) => bucketWidthMs({ fromMs: 0, toMs: spanMs }, 60);
  assert.deepEqual([0, 59_999, 60_000, 86_400_000, 3_600_000 * 59].map(widthOf), [
    1_000,
    1_000,
    10_000,
    3_600_000,
    3_600_000,
  ]);
});

Deno.test("fileSizesOf() counts files by size, and knows the smallest, the median and the largest", () => {
  const { buckets, smallest, median, largest } = fileSizesOf([5_000, 4_096, 300, 2 ** 40]);
  assert.deepEqual([smallest, median, largest], [300, 5_000, 2 ** 40]);
  assert.deepEqual(buckets.slice(0, 2), [{ upTo: 4_096, count: 2 }, { upTo: 16_384, count: 1 }]);
  assert.deepEqual(buckets.at(-1), { upTo: null, count: 1 });
  assert.deepEqual(fileSizesOf([]).median, 0);
});
