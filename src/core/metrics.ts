import { type Counters, totalOf, zeroCounters } from "./counters.ts";
import type { Histogram } from "./histogram.ts";

/** One line of a family: the labels' values and the value. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it is not the family's own name (histograms). */
  readonly name?: string;
}

/** A metric family as Prometheus has it. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

/** What a partition looks like from outside. */
export interface PartitionMetrics {
  readonly topic: string;
  readonly partition: number;
  /** Records in the log that were not fetched yet; null while unknown. */
  readonly lag: number | null;
  /** Records fetched but not committed. */
  readonly unpublished: number;
}

/** Everything metrics.txt is made of. */
export interface MetricsSnapshot {
  readonly version: string;
  readonly counters: Readonly<Counters>;
  readonly bufferedEvents: number;
  readonly bufferedBytes: number;
  readonly isPaused: boolean;
  readonly seenIds: number;
  /** Milliseconds since 1970-01-01 UTC; null before the first publish of this checkpoint. */
  readonly lastPublishMs: number | null;
  readonly partitions: readonly PartitionMetrics[];
  /** The disk that OUT_DIR lies on; null while unknown. */
  readonly disk: DiskSpace | null;
  readonly process: ProcessStats;
}

/** The snapshot of a process that has done nothing yet. */
export function emptySnapshot(): MetricsSnapshot {
  return {
    version: "",
    counters: zeroCounters(),
    bufferedEvents: 0,
    bufferedBytes: 0,
    isPaused: false,
    seenIds: 0,
    lastPublishMs: null,
    partitions: [],
    disk: null,
    process: { cpuSeconds: 0, residentBytes: 0, startTimeSeconds: 0 },
  };
}

/** What a disk holds, in bytes. */
export interface DiskSpace {
  /** What can still be written without being root. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The process's own figures, for the standard process_ families. */
export interface ProcessStats {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Seconds since 1970-01-01 UTC. */
  readonly startTimeSeconds: number;
}

/** All families of metrics.txt in their order: first the three series of the original system. */
export function metricFamilies(s: MetricsSnapshot): MetricFamily[] {
  const { counters } = s;
  const received = counters.received + s.bufferedEvents;
  const rejected = totalOf(counters.rejected);
  return [
    gauge("total", "Records received (series of the original system).", received),
    gauge(
      "validos",
      "Valid events, duplicates among them (series of the original system).",
      counters.published + counters.duplicate,
    ),
    gauge("invalidos", "Rejected records (series of the original system).", rejected),
    ...outcomeFamilies(counters, received),
    ...partitionFamilies(s.partitions),
    gauge("orilla_buffered_events", "Records fetched and not yet committed.", s.bufferedEvents),
    gauge(
      "orilla_buffered_bytes",
      "Bytes of the records fetched and not yet committed.",
      s.bufferedBytes,
    ),
    gauge(
      "orilla_paused",
      "1 while nothing is fetched because a commit is under way or waits.",
      +s.isPaused,
    ),
    gauge("orilla_seen_ids", "Event ids that duplicates are found by, not yet expired.", s.seenIds),
    gauge(
      "orilla_last_publish_timestamp_seconds",
      "When a commit was last published, 0 before the first.",
      (s.lastPublishMs ?? 0) / 1000,
    ),
    distribution(
      "orilla_commit_duration_seconds",
      "Time from the start of staging to the last publish.",
      counters.commitDuration,
    ),
    distribution(
      "orilla_event_age_at_publish_seconds",
      "Time from an accepted event's record timestamp to its publish.",
      counters.eventAge,
    ),
    ...diskFamilies(s.disk),
    family("gauge", "orilla_build_info", "Always 1; the label says which version runs.", [
      { labels: { version: s.version }, value: 1 },
    ]),
    ...processFamilies(s.process),
  ];
}

function outcomeFamilies(counters: Readonly<Counters>, received: number): MetricFamily[] {
  return [
    counter(
      "orilla_events_received_total",
      "Records received: published + duplicate + rejected + buffered. Falls back by what was buffered after a crash.",
      received,
    ),
    counter(
      "orilla_events_published_total",
      "Events that became a row of the lake.",
      counters.published,
    ),
    counter(
      "orilla_events_duplicate_total",
      "Events whose event_id had been accepted before.",
      counters.duplicate,
    ),
    byLabel(
      "orilla_events_rejected_total",
      "Records that do not satisfy the schema.",
      "reason",
      counters.rejected,
    ),
    byLabel("orilla_dead_letters_total", "Dead letters written.", "reason", counters.rejected),
    byLabel(
      "orilla_files_published_total",
      "Parquet files published, by what ended their batch.",
      "trigger",
      counters.files,
    ),
    counter(
      "orilla_published_bytes_total",
      "Bytes of the Parquet files published.",
      counters.publishedBytes,
    ),
    byLabel(
      "orilla_retries_total",
      "Operations that failed and were tried again.",
      "operation",
      counters.retries,
    ),
    counter(
      "orilla_rebalances_total",
      "Assignments received from the group coordinator.",
      counters.rebalances,
    ),
  ];
}

function partitionFamilies(partitions: readonly PartitionMetrics[]): MetricFamily[] {
  const labels = (p: PartitionMetrics) => ({ topic: p.topic, partition: String(p.partition) });
  return [
    family(
      "gauge",
      "orilla_consumer_lag",
      "Records in the log beyond the last one fetched.",
      partitions.flatMap((p) => p.lag === null ? [] : [{ labels: labels(p), value: p.lag }]),
    ),
    family(
      "gauge",
      "orilla_unpublished_records",
      "Records fetched and not yet committed.",
      partitions.map((p) => ({ labels: labels(p), value: p.unpublished })),
    ),
  ];
}

function diskFamilies(disk: DiskSpace | null): MetricFamily[] {
  const samples = (value: number | undefined) => value === undefined ? [] : [{ labels: {}, value }];
  return [
    family(
      "gauge",
      "orilla_disk_free_bytes",
      "Bytes that can still be written to the disk of OUT_DIR.",
      samples(disk?.freeBytes),
    ),
    family(
      "gauge",
      "orilla_disk_size_bytes",
      "Bytes of the disk of OUT_DIR in all.",
      samples(disk?.totalBytes),
    ),
  ];
}

function processFamilies(stats: ProcessStats): MetricFamily[] {
  return [
    counter(
      "process_cpu_seconds_total",
      "Total user and system CPU time spent in seconds.",
      stats.cpuSeconds,
    ),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", stats.residentBytes),
    gauge(
      "process_start_time_seconds",
      "Start time of the process since unix epoch in seconds.",
      stats.startTimeSeconds,
    ),
  ];
}

function family(
  type: MetricFamily["type"],
  name: string,
  help: string,
  samples: readonly Sample[],
) {
  return { name, help, type, samples };
}

function counter(name: string, help: string, value: number): MetricFamily {
  return family("counter", name, help, [{ labels: {}, value }]);
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return family("gauge", name, help, [{ labels: {}, value }]);
}

function byLabel(
  name: string,
  help: string,
  label: string,
  values: Readonly<Record<string, number>>,
): MetricFamily {
  return family(
    "counter",
    name,
    help,
    Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value })),
  );
}

function distribution(
  name: string,
  help: string,
  { bounds, counts, sum }: Histogram,
): MetricFamily {
  let cumulative = 0;
  const samples: Sample[] = counts.map((count, i) => {
    cumulative += count;
    return {
      name: `${name}_bucket`,
      labels: { le: String(bounds[i] ?? "+Inf") },
      value: cumulative,
    };
  });
  samples.push({ name: `${name}_sum`, labels: {}, value: sum });
  samples.push({ name: `${name}_count`, labels: {}, value: cumulative });
  return family("histogram", name, help, samples);
}
