import assert from "node:assert/strict";
import fc from "fast-check";
import type { Progress } from "../src/runtime/reporting.ts";
import { progressLine, StatusLine } from "../src/terminal.ts";
import { checkProperty } from "./property_seed.ts";

const HALF: Progress = { done: 500, total: 1000, ratePerSecond: 100, note: "" };
const CLEAR_LINE = "\r\x1b[K";

function screen(isTerminal: boolean) {
  const written: string[] = [];
  const line = new StatusLine({
    isTerminal,
    columns: () => 80,
    write: (text) => written.push(text),
  });
  return { line, written };
}

Deno.test("StatusLine writes log lines alone where there is no terminal", () => {
  const { line, written } = screen(false);
  line.log("one");
  line.progress(HALF);
  line.log("two");
  line.clear();
  assert.deepEqual(written, ["one\n", "two\n"]);
});

Deno.test("StatusLine keeps the progress below log lines", () => {
  const { line, written } = screen(true);
  line.log("one");
  line.progress(HALF);
  line.log("two");
  const progress = progressLine(HALF, 79);
  assert.deepEqual(written, [
    "one\n",
    `${CLEAR_LINE}${progress}`,
    `${CLEAR_LINE}two\n${progress}`,
  ]);
});

Deno.test("StatusLine writes the same progress once", () => {
  const { line, written } = screen(true);
  line.progress(HALF);
  line.progress(HALF);
  assert.equal(written.length, 1);
  line.progress({ ...HALF, done: 600 });
  assert.equal(written.length, 2);
});

Deno.test("StatusLine.clear() takes the progress away once, and it can come again", () => {
  const { line, written } = screen(true);
  line.clear();
  line.progress(HALF);
  line.clear();
  line.clear();
  line.log("done");
  assert.deepEqual(written.slice(1), [CLEAR_LINE, "done\n"]);
  line.progress(HALF);
  assert.equal(written.length, 4);
});

Deno.test("progressLine() shows a bar, the share, the counts, the rate and the time left", () => {
  const line = progressLine(
    { done: 250_000, total: 1_000_000, ratePerSecond: 50_000, note: "" },
    100,
  );
  assert.equal(
    line,
    "[########......................]  25%  250,000 of 1,000,000  50,000/s  15 s left",
  );
  assert.match(
    progressLine({ ...HALF, done: 0, ratePerSecond: 0 }, 100),
    /^\[\.{30}\] {3}0% {2}0 of 1,000 {2}0\/s$/,
  );
  assert.match(progressLine({ ...HALF, done: 1000 }, 100), /^\[#{30}\] 100% {2}1,000 of 1,000 /);
});

Deno.test("progressLine() says a count, a rate and a note where there is no end", () => {
  const endless = { done: 1_234, total: null, ratePerSecond: 99.6, note: "lag 7" };
  assert.equal(progressLine(endless, 80), "1,234  events  100/s  lag 7");
  assert.equal(progressLine({ ...endless, total: 0, note: "" }, 80), "1,234  events  100/s");
});

Deno.test("progressLine() does not say 100% before the end", () => {
  assert.match(progressLine({ ...HALF, done: 999_999, total: 1_000_000 }, 100), / 99% /);
});

Deno.test("progressLine() leaves the bar out, then cuts, where the terminal is narrow", () => {
  assert.doesNotMatch(progressLine(HALF, 40), /\[/);
  assert.equal(progressLine(HALF, 10).length, 10);
});

const anyProgress: fc.Arbitrary<Progress> = fc.record({
  done: fc.nat(),
  total: fc.option(fc.nat()),
  ratePerSecond: fc.double({ min: 0, max: 1e7, noNaN: true }),
  note: fc.string({ maxLength: 20 }),
});

Deno.test("progressLine() is never wider than the terminal", () => {
  checkProperty(
    fc.property(anyProgress, fc.integer({ min: 0, max: 200 }), (progress, columns) => {
      const line = progressLine(progress, columns);
      assert.ok(line.length <= columns, `${line.length} of ${columns}: ${line}`);
    }),
    { runs: 500 },
  );
});

Deno.test(
  "progressLine() has no negative time left once more is done than was announced",
  () => {
    assert.doesNotMatch(progressLine({ ...HALF, done: 1_500 }, 100), /-\d+ s left/);
  },
);
