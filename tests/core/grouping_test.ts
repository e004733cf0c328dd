import assert from "node:assert/strict";
import fc from "fast-check";
import type { Batch } from "../../src/core/batch.ts";
import { groupByDay } from "../../src/core/grouping.ts";
import { checkProperty } from "../property_seed.ts";
import { batchOfEvents } from "./samples.ts";

function batchOfTimes(times: readonly string[]): Batch {
  return batchOfEvents(times.map((ts) => ({ ts })));
}

function grouped(batch: Batch, rows: readonly number[]) {
  return groupByDay(batch, Int32Array.from(rows)).map(({ day, rows }) => [day, [...rows]]);
}

Deno.test("groupByDay() puts the earliest date first, and each date's rows in the order of time", () => {
  const batch = batchOfTimes([
    "1970-01-03T10:00:00Z",
    "1969-12-31T23:00:00Z",
    "1970-01-03T09:00:00Z",
    "1970-01-03",
    "1970-01-01T00:00:00.000001Z",
    "1969-12-31",
  ]);
  assert.deepEqual(grouped(batch, [0, 1, 2, 3, 4, 5]), [[-1, [5, 1]], [0, [4]], [2, [3, 2, 0]]]);
});

Deno.test("groupByDay() takes only the given rows", () => {
  const batch = batchOfTimes(["1970-01-02", "1970-01-01", "1970-01-02"]);
  assert.deepEqual(grouped(batch, [2, 0]), [[1, [0, 2]]]);
  assert.deepEqual(grouped(batch, []), []);
});

Deno.test("groupByDay() keeps the batch's order of equal times", () => {
  const batch = batchOfTimes(Array.from({ length: 300 }, () => "1970-01-01T12:00:00Z"));
  const rows = Array.from({ length: 300 }, (_, i) => i);
  assert.deepEqual(grouped(batch, rows), [[0, rows]]);
});

Deno.test("groupByDay() sorts by the microsecond over a whole day", () => {
  const batch = batchOfTimes([
    "1970-01-01T23:59:59.999999Z",
    "1970-01-01T23:59:59.999998Z",
    "1970-01-01T00:00:00.004096Z",
    "1970-01-01T00:00:00.004095Z",
    "1970-01-01T12:00:00.000001Z",
    "1970-01-01T12:00:00.000000Z",
    "1970-01-01T00:00:00.000000Z",
  ]);
  assert.deepEqual(grouped(batch, [0, 1, 2, 3, 4, 5, 6]), [[0, [6, 3, 2, 5, 4, 1, 0]]]);
});

Deno.test("groupByDay() refuses more rows than its keys have room for", () => {
  const batch = batchOfTimes(["1970-01-01"]);
  batch.length = 2 ** 20 + 1;
  assert.throws(() => groupByDay(batch, Int32Array.of(0)), /Assertion failed/);
});

/** Times of few dates and few microseconds, so that many are equal. */
const anyTime = fc.tuple(
  fc.integer({ min: -2, max: 2 }),
  fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 86_399_999 })),
).map(([day, ms]) => new Date(day * 86_400_000 + ms).toISOString());

Deno.test("groupByDay() gives a permutation of any rows, sorted and stable", () => {
  checkProperty(
    fc.property(fc.array(anyTime, { maxLength: 100 }), fc.func(fc.boolean()), (times, isFresh) => {
      const batch = batchOfTimes(times);
      const rows = times.map((_, row) => row).filter((row) => isFresh(row));
      const expected = new Map<number, number[]>();
      const byTime = (a: number, b: number) =>
        Date.parse(times[a] ?? "") - Date.parse(times[b] ?? "") || a - b;
      for (const row of rows.toSorted(byTime)) {
        const day = batch.days[row] ?? NaN;
        expected.set(day, [...expected.get(day) ?? [], row]);
      }
      assert.deepEqual(grouped(batch, rows), [...expected]);
    }),
    { runs: 300 },
  );
});
