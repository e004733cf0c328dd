import assert from "node:assert/strict";
import { readBenchOptions } from "./bench_options.ts";

Deno.test("readBenchOptions() reads lists, numbers with underscores, and orilla's own flags", () => {
  const { freshnessRates, growthAxes, recordCount, runs, orillaFlags } = readBenchOptions(
    "--freshness 1000,50_000 --growth dates,invalid --records 20_000 -- --log-level debug".split(
      " ",
    ),
  );
  assert.deepEqual(freshnessRates, [1_000, 50_000]);
  assert.deepEqual(growthAxes, ["dates", "invalid"]);
  assert.deepEqual([recordCount, runs], [20_000, 3]);
  assert.deepEqual(orillaFlags, ["--log-level", "debug"]);
});

Deno.test("readBenchOptions() says what it cannot read", () => {
  const refused = (text: string, expected: RegExp) =>
    assert.throws(() => readBenchOptions(text.split(" ")), {
      name: "UsageError",
      message: expected,
    });
  refused("--runs 0", /^Cannot read --runs: expected an integer from 1, got "0"$/);
  refused("--growth time", /^Cannot read --growth: expected dates, .*, got "time"$/);
  refused("--startup no/such/file", /^Cannot read --startup: there is no no\/such\/file$/);
  refused("--quick", /Unknown option '--quick'/);
});
