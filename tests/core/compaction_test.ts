import assert from "node:assert/strict";
import fc from "fast-check";
import {
  dayOfFolder,
  isOfCommit,
  isOver,
  MAX_SOURCES,
  mergeGroups,
  replacedPaths,
  smallBelow,
  type SourceFile,
} from "../../src/core/compaction.ts";
import { countUpTo, mergedOrder } from "../../src/core/sorted_runs.ts";
import { checkProperty } from "../property_seed.ts";

function fileOf(minTs: number, bytes: number): SourceFile {
  return {
    kind: "events",
    sequence: 1,
    stagedPath: "",
    finalPath: `date=2026-11-24/${minTs}.parquet`,
    rowCount: 1,
    bytes,
    checksum: "",
    minTsMicroseconds: BigInt(minTs),
    maxTsMicroseconds: BigInt(minTs),
  };
}

Deno.test("mergeGroups() makes groups of neighbours in time, none above the target, none of one file", () => {
  const files = fc.array(
    fc.record({ minTs: fc.nat(1_000), bytes: fc.integer({ min: 1, max: 49 }) }),
  );
  checkProperty(fc.property(files, (planned) => {
    const small = planned.map(({ minTs, bytes }) => fileOf(minTs, bytes));
    const groups = mergeGroups(20_000, { small, targetBytes: 100 });
    const sums = groups.map(({ sources }) => sources.reduce((sum, { bytes }) => sum + bytes, 0));
    assert.ok(sums.every((sum) => sum <= 100), "at most the target");
    assert.ok(
      sums.slice(0, -1).every((sum) => sum > 50),
      "all but the last are not small any more",
    );
    assert.ok(groups.every(({ sources }) => sources.length >= 2));
    const times = groups.flatMap(({ sources }) => sources.map((file) => file.minTsMicroseconds));
    assert.deepEqual(times, times.toSorted((a, b) => Number(a - b)));
    const grouped = groups.reduce((count, { sources }) => count + sources.length, 0);
    assert.ok(small.length - grouped <= 1, "one file may be left alone");
  }));
});

Deno.test("mergeGroups() takes no more files at a time than a merge can", () => {
  const small = Array.from({ length: MAX_SOURCES + 5 }, (_, i) => fileOf(i, 1));
  const groups = mergeGroups(20_000, { small, targetBytes: 1 << 30 });
  assert.deepEqual(groups.map(({ sources }) => sources.length), [MAX_SOURCES, 5]);
});

Deno.test("a date is over once its last moment is so long ago", () => {
  const midnight = Date.parse("2026-11-25T00:00:00Z");
  const day = dayOfFolder("date=2026-11-24") ?? 0;
  const afterMs = 3_600_000;
  assert.equal(isOver(day, { nowMs: midnight + afterMs - 1, afterMs }), false);
  assert.equal(isOver(day, { nowMs: midnight + afterMs, afterMs }), true);
  assert.equal(dayOfFolder("date=2026-13-24"), null);
  assert.equal(dayOfFolder("_staging"), null);
  assert.equal(smallBelow(101), 51);
});

Deno.test("a row is of the commit that was staged when it was, and handled or replayed its position", () => {
  const range = { topic: "t", partition: 1, firstOffset: 5n, nextOffset: 9n };
  const counts = { publishedCount: 4, duplicateCount: 0, rejectedCount: 0 };
  const letter = { topic: "u", partition: 2, offset: 70n, attempts: 1 };
  const commit = {
    stagedAtMs: 1_000,
    ranges: [{ ...range, ...counts }],
    replays: [
      { letter, outcome: "published" as const, detail: null },
      { letter: { ...letter, offset: 71n }, outcome: "rejected" as const, detail: null },
    ],
  };
  const isOf = (partition: number, offset: bigint, stagedAtMs = 1_000) =>
    isOfCommit({ partition, offset, stagedAtMs }, commit);
  assert.deepEqual([isOf(1, 4n), isOf(1, 5n), isOf(1, 8n), isOf(1, 9n)], [
    false,
    true,
    true,
    false,
  ]);
  assert.deepEqual([isOf(2, 70n), isOf(2, 71n), isOf(1, 5n, 1_001)], [true, false, false]);
});

Deno.test("replacedPaths() names the files of all commits, and the merged files on the way", () => {
  const at = { instanceId: "0123456789ab", sequence: 7, stagedAtMs: 0 };
  const commit = { ...at, rowCount: 1, ranges: [], replays: [] };
  assert.deepEqual(replacedPaths(0, { commits: [commit], merged: [{ ...at, sequence: 8 }] }), [
    "date=1970-01-01/events_19700101T000000000Z_0123456789ab_0000000007.parquet",
    "date=1970-01-01/events_19700101T000000000Z_0123456789ab_0000000008_merged.parquet",
  ]);
});

Deno.test("mergedOrder() is the stable order of sorted runs, however many there are", () => {
  const runs = fc.array(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 12 }), {
    maxLength: 9,
  });
  checkProperty(fc.property(runs, (unsorted) => {
    const sorted = unsorted.map((run) => run.toSorted((a, b) => a - b));
    const values = Float64Array.from(sorted.flat());
    let end = 0;
    const ends = sorted.map((run) => end += run.length);
    const expected = Array.from(values.keys()).toSorted((a, b) =>
      (values[a] ?? 0) - (values[b] ?? 0) || a - b
    );
    assert.deepEqual([...mergedOrder(values, ends)], expected);
  }));
});

Deno.test("countUpTo() counts the numbers that are not above a bound", () => {
  const values = Float64Array.of(1, 2, 2, 5);
  assert.deepEqual([0, 1, 2, 4, 5, 9].map((bound) => countUpTo(values, { start: 0, bound })), [
    ...[0, 1, 3, 3, 4, 4],
  ]);
  assert.equal(countUpTo(values, { start: 2, bound: 2 }), 1);
});
