import assert from "node:assert/strict";
import { observe } from "../../src/core/histogram.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { emptySnapshot, metricFamilies, type MetricFamily } from "../../src/core/metrics.ts";
import { processStats, prometheusText } from "../../src/runtime/prometheus.ts";
import { runProgram, testWith } from "../programs.ts";

/** A snapshot with something in every family, and names that need escaping. */
function fullSnapshot(): MetricFamily[] {
  const counters = { ...zeroCounters(), received: 10, published: 6, duplicate: 2 };
  counters.rejected["not_json"] = 2;
  counters.files.events = 3;
  counters.retries.commit = 1;
  observe(counters.commitDuration, 0.02);
  observe(counters.eventAge, 1e9, 6);
  return metricFamilies({
    version: '1.0 "quoted" \\ back\nslash',
    counters,
    bufferedEvents: 4,
    bufferedBytes: 1_000,
    isPaused: true,
    seenIds: 6,
    lastPublishMs: 1_764_000_000_123,
    partitions: [{ topic: "pi2_events", partition: 0, lag: 5, unpublished: 4 }],
    disk: { freeBytes: 4_096, totalBytes: 8_192 },
    process: processStats(),
  });
}

Deno.test("prometheusText() escapes backslashes, quotes and line ends in label values", async () => {
  const text = await prometheusText(fullSnapshot());
  assert.ok(text.includes('orilla_build_info{version="1.0 \\"quoted\\" \\\\ back\\nslash"} 1\n'));
});

Deno.test("prometheusText() escapes backslashes and line ends in help texts", async () => {
  const family: MetricFamily = {
    name: "a",
    help: 'one\\two\nthree "four"',
    type: "gauge",
    samples: [{ labels: {}, value: 1 }],
  };
  const text = await prometheusText([family]);
  assert.equal(text, '# HELP a one\\\\two\\nthree "four"\n# TYPE a gauge\na 1\n');
});

Deno.test("prometheusText() begins with the three series of the original system", async () => {
  const lines = (await prometheusText(fullSnapshot())).split("\n");
  const values = lines.filter((line) => line !== "" && !line.startsWith("#"));
  assert.deepEqual(values.slice(0, 3), ["total 14", "validos 8", "invalidos 2"]);
});

Deno.test("prometheusText() writes HELP and TYPE once a family, and every sample", async () => {
  const families = fullSnapshot();
  const text = await prometheusText(families);
  for (const { name, type, samples } of families) {
    assert.equal(text.split(`# HELP ${name} `).length, 2, name);
    assert.equal(text.split(`# TYPE ${name} ${type}\n`).length, 2, name);
    for (const sample of samples) {
      const line = text.split("\n").find((line) => line.startsWith(sample.name ?? name));
      assert.ok(line !== undefined, name);
    }
  }
  assert.ok(text.includes('orilla_events_rejected_total{reason="not_json"} 2\n'));
  assert.ok(text.includes('orilla_consumer_lag{topic="pi2_events",partition="0"} 5\n'));
  assert.ok(text.includes('orilla_commit_duration_seconds_bucket{le="+Inf"} 1\n'));
  assert.ok(text.includes("orilla_event_age_at_publish_seconds_count 6\n"));
  assert.ok(text.includes("orilla_last_publish_timestamp_seconds 1764000000.123\n"));
  assert.ok(text.endsWith("\n"));
});

Deno.test("prometheusText() writes the same families in the same way", async () => {
  const families = fullSnapshot();
  assert.equal(await prometheusText(families), await prometheusText(families));
});

Deno.test("processStats() has the process's own figures", () => {
  const { cpuSeconds, residentBytes, startTimeSeconds } = processStats();
  assert.ok(cpuSeconds > 0 && cpuSeconds < 100_000);
  assert.ok(residentBytes > 10_000_000);
  const ageSeconds = Date.now() / 1000 - startTimeSeconds;
  assert.ok(ageSeconds > 0 && ageSeconds < 100_000, `${ageSeconds} s`);
  assert.equal(processStats().startTimeSeconds, startTimeSeconds);
});

testWith("promtool", "promtool check metrics finds nothing wrong", async () => {
  for (
    const families of [
      fullSnapshot(),
      metricFamilies({ ...emptySnapshot(), version: "0.1.0", process: processStats() }),
    ]
  ) {
    const { code, output } = await promtoolCheck(await prometheusText(families));
    assert.deepEqual([code, output], [0, ""]);
  }
  const { code } = await promtoolCheck("# TYPE a counter\na{ 1\n");
  assert.notEqual(code, 0);
});

function promtoolCheck(text: string) {
  return runProgram("promtool", ["check", "metrics"], { input: text });
}
