import assert from "node:assert/strict";
import fc from "fast-check";
import {
  counterRows,
  type Counters,
  countersOf,
  RETRIED_OPERATIONS,
  totalOf,
  zeroCounters,
} from "../../src/core/counters.ts";
import { observe } from "../../src/core/histogram.ts";
import { REASON_CODES, TRIGGERS } from "../../src/core/outcome.ts";
import { checkProperty } from "../property_seed.ts";

/** Counters with a different number in every place. */
function numbered(first: number): Counters {
  let next = first;
  const counters = zeroCounters();
  const fill = (byLabel: Record<string, number>) => {
    for (const label of Object.keys(byLabel)) byLabel[label] = next++;
  };
  counters.received = next++;
  counters.published = next++;
  counters.duplicate = next++;
  counters.publishedBytes = next++;
  counters.rebalances = next++;
  fill(counters.rejected);
  fill(counters.files);
  fill(counters.retries);
  for (const histogram of [counters.commitDuration, counters.eventAge]) {
    histogram.counts.forEach((_, i) => histogram.counts[i] = next++);
    histogram.sum = next++ + 0.25;
  }
  return counters;
}

Deno.test("zeroCounters() has every reason, trigger and operation at zero", () => {
  const counters = zeroCounters();
  assert.deepEqual(Object.keys(counters.rejected), REASON_CODES);
  assert.deepEqual(Object.keys(counters.files), [...TRIGGERS]);
  assert.deepEqual(Object.keys(counters.retries), [...RETRIED_OPERATIONS]);
  assert.ok(counterRows(counters).every(([, , value]) => value === 0));
});

Deno.test("zeroCounters() gives counters that share nothing", () => {
  const counters = zeroCounters();
  counters.rejected["no_value"] = 1;
  observe(counters.eventAge, 1);
  assert.deepEqual(zeroCounters(), countersOf([]));
  assert.notDeepEqual(counters, zeroCounters());
});

Deno.test("countersOf() reads back what counterRows() wrote", () => {
  checkProperty(
    fc.property(fc.nat(), fc.integer(), (first, seed) => {
      const counters = numbered(first);
      const rows = counterRows(counters);
      assert.deepEqual(countersOf(rows), counters);
      const turn = Math.abs(seed) % rows.length;
      assert.deepEqual(countersOf([...rows.slice(turn), ...rows.slice(0, turn)]), counters);
    }),
  );
});

Deno.test("counterRows() names each row once", () => {
  const names = counterRows(numbered(1)).map(([name, label]) => `${name} ${label}`);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("countersOf() puts what an older version did not know at zero, and leaves out strangers", () => {
  const rows = counterRows(numbered(1)).filter(([name]) => name !== "rebalances");
  const counters = countersOf([...rows, ["stranger", "", 5], ["rejected", "stranger", 5]]);
  assert.deepEqual(counters, { ...numbered(1), rebalances: 0 });
});

Deno.test("totalOf() adds a counter's values up", () => {
  assert.equal(totalOf({}), 0);
  assert.equal(totalOf({ a: 1, b: 2, c: 0 }), 3);
});
