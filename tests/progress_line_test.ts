import assert from "node:assert/strict";
import fc from "fast-check";
import { duration, fittedProgress } from "../src/progress_line.ts";
import type { Progress } from "../src/runtime/reporting.ts";
import { checkProperty } from "./property_seed.ts";

const HALF: Progress = { unit: "events", done: 500, total: 1000, ratePerSecond: 100, note: "" };

/** A line as it is shown without colours. */
function line(progress: Progress, columns: number, isUnicode = false): string {
  const { bar, text } = fittedProgress(progress, columns, { isUnicode });
  return bar === null ? text : `[${bar.filled}${bar.empty}] ${text}`;
}

Deno.test("fittedProgress() shows a bar, the share, the counts, the rate, the time left and a note", () => {
  const quarter = {
    ...HALF,
    done: 250_000,
    total: 1_000_000,
    ratePerSecond: 50_000,
    note: "lag 3",
  };
  assert.equal(
    line(quarter, 120),
    "[#######.......................]  25%  250,000 of 1,000,000 events  50,000/s  15 s left  lag 3",
  );
  assert.equal(
    line({ ...HALF, unit: "files", done: 0, ratePerSecond: null }, 100),
    "[..............................]   0%  0 of 1,000 files",
  );
  assert.equal(
    line({ ...HALF, done: 1000 }, 100),
    "[##############################] 100%  1,000 of 1,000 events  100/s",
  );
});

Deno.test("fittedProgress() fills the bar by eighths where block elements can be shown", () => {
  const bars = [0, 1, 4, 8, 239, 240].map((done) =>
    line({ ...HALF, done, total: 240 }, 100, true).slice(0, 32)
  );
  assert.deepEqual(bars, [
    `[${"░".repeat(30)}]`,
    `[▏${"░".repeat(29)}]`,
    `[▌${"░".repeat(29)}]`,
    `[█${"░".repeat(29)}]`,
    `[${"█".repeat(29)}▉]`,
    `[${"█".repeat(30)}]`,
  ]);
});

Deno.test("fittedProgress() says a count, a rate and a note where there is no end", () => {
  const endless = { ...HALF, done: 1_234, total: null, ratePerSecond: 99.6, note: "lag 7" };
  assert.equal(line(endless, 80), "1,234 events  100/s  lag 7");
  assert.equal(line({ ...endless, total: 0, note: "" }, 80), "1,234 events  100/s");
  assert.equal(line(endless, 21), "1,234 events  lag 7", "the lag matters more than the rate");
});

Deno.test("fittedProgress() does not say 100% before the end, and no negative time after it", () => {
  assert.match(line({ ...HALF, done: 999_999, total: 1_000_000 }, 100), / 99% /);
  assert.doesNotMatch(line({ ...HALF, done: 1_500 }, 100), /left/);
});

Deno.test("fittedProgress() leaves out what matters least where the terminal is narrow", () => {
  const shown = [60, 55, 45, 35, 20, 10, 3].map((columns) =>
    line({ ...HALF, note: "lag 7" }, columns)
  );
  assert.deepEqual(shown, [
    "[####....]  50%  500 of 1,000 events  100/s  5 s left  lag 7",
    " 50%  500 of 1,000 events  100/s  5 s left  lag 7",
    " 50%  500 of 1,000 events  100/s  5 s left",
    " 50%  500 of 1,000 events  5 s left",
    " 50%  5 s left",
    " 50%",
    " 50",
  ]);
});

const anyProgress: fc.Arbitrary<Progress> = fc.record({
  unit: fc.constantFrom("events", "files", "dead letters"),
  done: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  total: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER })),
  ratePerSecond: fc.double({ min: 0, max: 1e7, noNaN: true }),
  note: fc.string({ maxLength: 20 }),
});

Deno.test("fittedProgress() is never wider than the terminal", () => {
  checkProperty(
    fc.property(
      anyProgress,
      fc.integer({ min: 0, max: 200 }),
      fc.boolean(),
      (progress, columns, isUnicode) => {
        const shown = line(progress, columns, isUnicode);
        assert.ok([...shown].length <= columns, `${shown.length} of ${columns}: ${shown}`);
      },
    ),
    { runs: 500 },
  );
});

Deno.test("duration() says seconds in two units at most, rounded up", () => {
  const said = [0.2, 59, 59.1, 61, 200, 3_600, 7_500, 90_061, 1e12].map(duration);
  assert.deepEqual(said, [
    ...["1 s", "59 s", "1 min", "1 min 1 s", "3 min 20 s", "1 h", "2 h 5 min", "1 d 1 h"],
    "more than 999 d",
  ]);
});
