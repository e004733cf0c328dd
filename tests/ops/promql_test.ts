import assert from "node:assert/strict";
import { promqlNames } from "./promql.ts";

Deno.test("promqlNames() reads the series and labels of an expression", () => {
  const cases: readonly (readonly [string, string[], string[]])[] = [
    ["up", ["up"], []],
    ['sum by (reason) (rate(a_total{instance=~"$i", job!="x{y}"}[5m])) > 0', ["a_total"], [
      "instance",
      "job",
      "reason",
    ]],
    ["time() - max(a_seconds > 0)", ["a_seconds"], []],
    ["a:b:sum > 1e3 and on (job) b == 0 unless c offset 5m", ["a:b:sum", "b", "c"], ["job"]],
    ["histogram_quantile(0.99, sum by (le) (rate(h_bucket[$__rate_interval])))", ["h_bucket"], [
      "le",
    ]],
    ["predict_linear(free[1h], 4 * 3600) < 0", ["free"], []],
    ["(a + b) / ignoring (x) group_left () c", ["a", "b", "c"], ["x"]],
  ];
  for (const [expression, series, labels] of cases) {
    const names = promqlNames(expression);
    assert.deepEqual([...names.series].sort(), series, expression);
    assert.deepEqual([...names.labels].sort(), labels, expression);
  }
});
