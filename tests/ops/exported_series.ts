import { zeroCounters } from "../../src/core/counters.ts";
import { metricFamilies, type MetricFamily } from "../../src/core/metrics.ts";

/** All families of a consumer that has something in each. */
export function exportedFamilies(): MetricFamily[] {
  return metricFamilies({
    version: "1.2.3",
    counters: { ...zeroCounters(), received: 10, published: 10 },
    bufferedEvents: 0,
    bufferedBytes: 0,
    isPaused: false,
    seenIds: 10,
    lastPublishMs: 1_764_000_000_000,
    partitions: [{ topic: "pi2_events", partition: 0, lag: 5, unpublished: 0 }],
    disk: { freeBytes: 400, totalBytes: 1_000 },
    process: { cpuSeconds: 1, residentBytes: 1_000, startTimeSeconds: 1_764_000_000 },
  });
}

/** The series that orilla exports, by name, each with its labels and those that Prometheus adds. */
export function exportedSeries(): ReadonlyMap<string, ReadonlySet<string>> {
  const added = ["job", "instance"];
  const series = new Map<string, Set<string>>([["up", new Set(added)]]);
  for (const { name, samples } of exportedFamilies()) {
    for (const sample of samples) {
      const labels = series.get(sample.name ?? name) ?? new Set(added);
      for (const label of Object.keys(sample.labels)) labels.add(label);
      series.set(sample.name ?? name, labels);
    }
  }
  return series;
}
