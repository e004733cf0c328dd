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
  meter.update(0, 100, () => "lag 1");
  for (let i = 1; i <= 100; i++) {
    pass(10);
    meter.update(i, 100);
  }
  assert.equal(shown.length, 11);
  assert.deepEqual(shown[0], {
    unit: "events",
    done: 0,
    total: 100,
    ratePerSecond: null,
    note: "lag 1",
  });
  assert.equal(shown.at(-1)?.done, 100);
});

Deno.test("ProgressMeter measures the rate of the last seconds", () => {
  const { meter, shown, pass } = meterAt();
  const rate = () => Math.round(shown.at(-1)?.ratePerSecond ?? NaN);
  const work = (seconds: number, perSecond: number) => {
    for (let i = 0; i < seconds * 10; i++) {
      pass(100);
      meter.update(done += perSecond / 10, null);
    }
  };
  let done = 0;
  meter.update(done, null);
  work(0.1, 100);
  assert.equal(rate(), 100, "at once, without a slow rise");
  work(60, 100);
  assert.equal(rate(), 100);
  work(5, 1_000);
  assert.ok(rate() > 600 && rate() < 700, `${rate()}: two thirds of the way after 5 s`);
  work(60, 0);
  assert.equal(rate(), 0, "also where nothing happens");
});

Deno.test("ProgressMeter takes no rate below zero from a buffer that was dropped", () => {
  const { meter, shown, pass } = meterAt();
  meter.update(1_000, null);
  pass(1_000);
  meter.update(10, null);
  assert.equal(shown.at(-1)?.ratePerSecond, 0);
});

Deno.test("systemClock tells the time, and its other clock does not go back", () => {
  const before = Date.now();
  const nowMs = systemClock.nowMs();
  assert.ok(nowMs >= before && nowMs <= Date.now());
  const first = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= first);
});
