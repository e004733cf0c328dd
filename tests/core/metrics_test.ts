import assert from "node:assert/strict";
import fc from "fast-check";
import { RETRIED_OPERATIONS, zeroCounters } from "../../src/core/counters.ts";
import { observe } from "../../src/core/histogram.ts";
import {
  emptySnapshot,
  metricFamilies,
  type MetricFamily,
  type MetricsSnapshot,
} from "../../src/core/metrics.ts";
import { REASON_CODES, TRIGGERS } from "../../src/core/outcome.ts";
import { checkProperty } from "../property_seed.ts";

const EMPTY: MetricsSnapshot = {
  ...emptySnapshot(),
  version: "1.2.3",
  process: { cpuSeconds: 1.5, residentBytes: 1_000, startTimeSeconds: 1_764_000_000 },
};

/** The names that DESIGN, section 9 lists, in the order of the file. */
const NAMES = [
  "total",
  "validos",
  "invalidos",
  "orilla_events_received_total",
  "orilla_events_published_total",
  "orilla_events_duplicate_total",
  "orilla_events_rejected_total",
  "orilla_dead_letters_total",
  "orilla_files_published_total",
  "orilla_published_bytes_total",
  "orilla_retries_total",
  "orilla_rebalances_total",
  "orilla_consumer_lag",
  "orilla_unpublished_records",
  "orilla_buffered_events",
  "orilla_buffered_bytes",
  "orilla_paused",
  "orilla_seen_ids",
  "orilla_last_publish_timestamp_seconds",
  "orilla_commit_duration_seconds",
  "orilla_event_age_at_publish_seconds",
  "orilla_disk_free_bytes",
  "orilla_disk_size_bytes",
  "orilla_build_info",
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
];

function familyOf(families: readonly MetricFamily[], name: string): MetricFamily {
  const found = families.find((family) => family.name === name);
  assert.ok(found !== undefined, `there is a family ${name}`);
  return found;
}

/** The sum of a family's samples. */
function sumOf(families: readonly MetricFamily[], name: string): number {
  return familyOf(families, name).samples.reduce((sum, { value }) => sum + value, 0);
}

Deno.test("metricFamilies() has the families of the design, those of the original system first", () => {
  const names = metricFamilies(EMPTY).map(({ name }) => name);
  assert.deepEqual(names.filter((name) => NAMES.includes(name)), NAMES);
  assert.equal(new Set(names).size, names.length);
  for (const name of names.slice(3)) assert.match(name, /^(orilla|process)_[a-z_]+$/);
});

Deno.test("metricFamilies() says of each family what it is, counters by their suffix", () => {
  for (const { name, help, type } of metricFamilies(EMPTY)) {
    assert.match(help, /^[A-Z0-9].*\.$/, name);
    assert.equal(type === "counter", name.endsWith("_total"), name);
  }
});

Deno.test("metricFamilies() enumerates the values of its labels", () => {
  const families = metricFamilies(EMPTY);
  const labelled = {
    orilla_events_rejected_total: ["reason", REASON_CODES],
    orilla_dead_letters_total: ["reason", REASON_CODES],
    orilla_files_published_total: ["trigger", TRIGGERS],
    orilla_retries_total: ["operation", RETRIED_OPERATIONS],
  } as const;
  for (const [name, [label, values]] of Object.entries(labelled)) {
    const { samples } = familyOf(families, name);
    assert.deepEqual(
      samples.map(({ labels }) => labels),
      values.map((value) => ({ [label]: value })),
    );
  }
});

const anyCount = fc.integer({ min: 0, max: 1_000_000 });

Deno.test("metricFamilies() closes: received = published + duplicate + rejected + buffered", () => {
  const anyRejected = fc.array(anyCount, { minLength: REASON_CODES.length });
  checkProperty(
    fc.property(
      anyCount,
      anyCount,
      anyRejected,
      anyCount,
      (published, duplicate, counts, buffered) => {
        const counters = { ...zeroCounters(), published, duplicate };
        REASON_CODES.forEach((reason, i) => counters.rejected[reason] = counts[i] ?? 0);
        const rejected = Object.values(counters.rejected).reduce((sum, count) => sum + count);
        counters.received = published + duplicate + rejected;
        const families = metricFamilies({ ...EMPTY, counters, bufferedEvents: buffered });
        const sum = (name: string) => sumOf(families, name);
        const outcomes = ["published", "duplicate", "rejected"]
          .map((outcome) => sum(`orilla_events_${outcome}_total`));
        const total = outcomes.reduce((a, b) => a + b) + sum("orilla_buffered_events");
        assert.equal(sum("orilla_events_received_total"), total);
        assert.equal(sum("total"), sum("validos") + sum("invalidos") + buffered);
        assert.equal(sum("validos"), published + duplicate);
        assert.equal(sum("invalidos"), rejected);
        assert.equal(sum("orilla_dead_letters_total"), rejected);
      },
    ),
  );
});

Deno.test("metricFamilies() makes histograms cumulative", () => {
  const counters = zeroCounters();
  for (const seconds of [0.01, 0.02, 0.5, 100]) observe(counters.commitDuration, seconds);
  const { type, samples } = familyOf(
    metricFamilies({ ...EMPTY, counters }),
    "orilla_commit_duration_seconds",
  );
  assert.equal(type, "histogram");
  const bucket = (le: string) => samples.find(({ labels }) => labels["le"] === le)?.value;
  assert.deepEqual(["0.01", "0.025", "0.25", "0.5", "30", "+Inf"].map(bucket), [1, 2, 2, 3, 3, 4]);
  const plain = samples.filter(({ labels }) => labels["le"] === undefined);
  assert.deepEqual(plain.map(({ name, value }) => [name, value]), [
    ["orilla_commit_duration_seconds_sum", 100.53],
    ["orilla_commit_duration_seconds_count", 4],
  ]);
});

Deno.test("metricFamilies() has a line a partition, and no lag where it is not known", () => {
  const families = metricFamilies({
    ...EMPTY,
    partitions: [
      { topic: "a", partition: 0, lag: 7, unpublished: 2 },
      { topic: "a", partition: 1, lag: null, unpublished: 0 },
    ],
  });
  const labels = (partition: string) => ({ topic: "a", partition });
  assert.deepEqual(familyOf(families, "orilla_consumer_lag").samples, [
    { labels: labels("0"), value: 7 },
  ]);
  assert.deepEqual(familyOf(families, "orilla_unpublished_records").samples, [
    { labels: labels("0"), value: 2 },
    { labels: labels("1"), value: 0 },
  ]);
});

Deno.test("metricFamilies() has base units: seconds, bytes, and 0 or 1 for yes and no", () => {
  const single = (snapshot: MetricsSnapshot, name: string) => sumOf(metricFamilies(snapshot), name);
  const busy = { ...EMPTY, isPaused: true, lastPublishMs: 1_764_000_000_500, seenIds: 3 };
  assert.equal(single(EMPTY, "orilla_paused"), 0);
  assert.equal(single(busy, "orilla_paused"), 1);
  assert.equal(single(EMPTY, "orilla_last_publish_timestamp_seconds"), 0);
  assert.equal(single(busy, "orilla_last_publish_timestamp_seconds"), 1_764_000_000.5);
  assert.equal(single(busy, "orilla_seen_ids"), 3);
  assert.equal(single({ ...EMPTY, bufferedBytes: 12 }, "orilla_buffered_bytes"), 12);
  assert.equal(single(EMPTY, "process_cpu_seconds_total"), 1.5);
  assert.equal(single(EMPTY, "process_resident_memory_bytes"), 1_000);
  assert.equal(single(EMPTY, "process_start_time_seconds"), 1_764_000_000);
});

Deno.test("metricFamilies() says how full the disk is, and nothing where that is not known", () => {
  const samples = (disk: MetricsSnapshot["disk"]) =>
    ["orilla_disk_free_bytes", "orilla_disk_size_bytes"]
      .map((name) => familyOf(metricFamilies({ ...EMPTY, disk }), name).samples);
  assert.deepEqual(samples(null), [[], []]);
  assert.deepEqual(samples({ freeBytes: 4_096, totalBytes: 8_192 }), [
    [{ labels: {}, value: 4_096 }],
    [{ labels: {}, value: 8_192 }],
  ]);
});

Deno.test("metricFamilies() says which version runs", () => {
  assert.deepEqual(familyOf(metricFamilies(EMPTY), "orilla_build_info").samples, [
    { labels: { version: "1.2.3" }, value: 1 },
  ]);
});
