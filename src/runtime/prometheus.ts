import process from "node:process";
import type { Registry } from "prom-client";
import type { MetricFamily, ProcessStats } from "../core/metrics.ts";

/** The formats that metrics can be written in, by the content type that stands for each. */
export const METRICS_CONTENT_TYPES = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;
export type MetricsFormat = keyof typeof METRICS_CONTENT_TYPES;

/** The text of metric families in Prometheus's exposition format, version 0.0.4, or as OpenMetrics 1.0.0. */
export async function prometheusText(
  families: readonly MetricFamily[],
  format: MetricsFormat = "prometheus",
): Promise<string> {
  // Loaded at the first use: a start does without its 30 ms. By its default, which is all that a bundle of a CommonJS
  // module has.
  const { default: { Registry } } = await import("prom-client");
  const registry = new Registry<MetricsContentType>();
  registry.setContentType(METRICS_CONTENT_TYPES[format]);
  for (const family of families) registry.registerMetric(asMetric(family));
  return await registry.metrics();
}

type RegisteredMetric = Parameters<Registry["registerMetric"]>[0];
type MetricsContentType = (typeof METRICS_CONTENT_TYPES)[MetricsFormat];

// prom-client formats whatever answers `get` like its own metrics do; the values are ours, since they are
// part of each commit and go on over restarts.
function asMetric({ name, help, type, samples }: MetricFamily): RegisteredMetric {
  const values = samples.map((sample) => ({
    labels: sample.labels,
    value: sample.value,
    ...(sample.name === undefined ? {} : { metricName: sample.name }),
  }));
  const metric = { name, help, type, aggregator: "sum", values, get: () => ({ ...metric }) };
  return metric as object as RegisteredMetric;
}

const startTimeSeconds = Date.now() / 1000 - performance.now() / 1000;

/** The process's own figures. */
export function processStats(): ProcessStats {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1_000_000,
    residentBytes: Deno.memoryUsage().rss,
    startTimeSeconds,
  };
}
