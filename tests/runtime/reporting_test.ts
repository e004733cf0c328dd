import assert from "node:assert/strict";
import { type Progress, ProgressMeter } from "../../src/runtime/reporting.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** A meter with a clock of its own. */
function meterAt() {
  const shown: Progress[] = [];
  let nowMs = 0;
  const reporter = { print: () => {}, progress: (progress: Progress) => shown.push(progress) };
  const meter = new ProgressMeter(reporter, () => nowMs);
  return { meter, shown, pass: (ms: number) => nowMs += ms };
}

Deno.test("ProgressMeter passes progress on ten times a second at most", () => {
  const { meter, shown, pass } = meterAt();
  meter.update(0, 100, "lag 1");
  for (let i = 1; i <= 100; i++) {
    pass(10);
    meter.update(i, 100);
  }
  assert.equal(shown.length, 11);
  assert.deepEqual(shown[0], { done: 0, total: 100, ratePerSecond: 0, note: "lag 1" });
  assert.equal(shown.at(-1)?.done, 100);
});

Deno.test("ProgressMeter measures the rate, and smooths it", () => {
  const { meter, shown, pass } = meterAt();
  meter.update(0, null);
  pass(1_000);
  meter.update(100, null);
  pass(1_000);
  meter.update(300, null);
  assert.deepEqual(shown.map(({ ratePerSecond }) => ratePerSecond), [0, 100, 120]);
});

Deno.test("systemClock tells the time, and its other clock does not go back", () => {
  const before = Date.now();
  const nowMs = systemClock.nowMs();
  assert.ok(nowMs >= before && nowMs <= Date.now());
  const first = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= first);
});
