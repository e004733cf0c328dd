import { type Histogram, histogram } from "./histogram.ts";
import { GONE, REASON_CODES, type Trigger, TRIGGERS } from "./outcome.ts";

/** The operations that are tried again when they fail. */
export const RETRIED_OPERATIONS = [
  "checkpoint_server",
  "commit",
  "confirm_assignment",
  "connect",
  "dead_letter_topic",
  "fetch",
  "group_offset_commit",
  "object_store",
  "positions",
  "produce",
  "publish",
  "stage",
  "table",
] as const;
export type RetriedOperation = (typeof RETRIED_OPERATIONS)[number];

/**
 * Everything that is counted and continues over restarts: it is part of each commit.
 * received = published + duplicate + rejected, at every commit.
 */
export interface Counters {
  received: number;
  published: number;
  duplicate: number;
  /** By reason. */
  readonly rejected: Record<string, number>;
  /** By trigger. */
  readonly files: Record<Trigger, number>;
  publishedBytes: number;
  readonly retries: Record<RetriedOperation, number>;
  rebalances: number;
  /** From the start of staging to the last publish. */
  readonly commitDuration: Histogram;
  /** From a record's timestamp to its publish, accepted events only. */
  readonly eventAge: Histogram;
}

const COMMIT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const AGE_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400];

/** Counters that stand at zero. */
export function zeroCounters(): Counters {
  return {
    received: 0,
    published: 0,
    duplicate: 0,
    rejected: zeros(REASON_CODES),
    files: zeros(TRIGGERS),
    publishedBytes: 0,
    retries: zeros(RETRIED_OPERATIONS),
    rebalances: 0,
    commitDuration: histogram(COMMIT_SECONDS),
    eventAge: histogram(AGE_SECONDS),
  };
}

function zeros<T extends string>(names: readonly T[]): Record<T, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<T, number>;
}

/**
 * Counters for the commit after one. What is counted and observed while a commit is under way, the one before too, is
 * the same object's.
 */
export function nextCounters(counters: Counters): Counters {
  const { retries, eventAge, commitDuration } = counters;
  return { ...structuredClone(counters), retries, eventAge, commitDuration };
}

/** The sum of a counter's values over its label. */
export function totalOf(byLabel: Readonly<Record<string, number>>): number {
  return Object.values(byLabel).reduce((sum, count) => sum + count, 0);
}

/** The values of a counter's label that were counted at all, the most frequent first. */
export function mostFrequent(
  byLabel: Readonly<Record<string, number>>,
): [label: string, count: number][] {
  return Object.entries(byLabel).filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
}

/** A counter's value in the checkpoint: its name, its label's value ("" where there is none). */
export type CounterRow = readonly [name: string, label: string, value: number];

/** The counters as rows, for the checkpoint. */
export function counterRows(counters: Readonly<Counters>): CounterRow[] {
  const single = ["received", "published", "duplicate", "publishedBytes", "rebalances"] as const;
  const labelled = ["rejected", "files", "retries"] as const;
  return [
    ...single.map((name): CounterRow => [name, "", counters[name]]),
    ...labelled.flatMap((name) =>
      Object.entries(counters[name]).map(([label, value]): CounterRow => [name, label, value])
    ),
    ...HISTOGRAMS.flatMap((name) => histogramRows(name, counters[name])),
  ];
}

const HISTOGRAMS = ["commitDuration", "eventAge"] as const;

function histogramRows(name: string, { bounds, counts, sum }: Histogram): CounterRow[] {
  const buckets = counts.map((count, i): CounterRow => [name, String(bounds[i] ?? "+Inf"), count]);
  return [...buckets, [name, "sum", sum]];
}

/** The counters that rows of the checkpoint hold; what an older version did not know stands at zero. */
export function countersOf(rows: Iterable<CounterRow>): Counters {
  const stored = new Map<string, number>();
  const counters = zeroCounters();
  for (const [name, label, value] of rows) {
    stored.set(`${name} ${label}`, value);
    if (name === "rejected" && label === GONE) counters.rejected[GONE] = value;
  }
  const get = (name: string, label = "") => stored.get(`${name} ${label}`) ?? 0;
  const fill = (name: string, byLabel: Record<string, number>) => {
    for (const label of Object.keys(byLabel)) byLabel[label] = get(name, label);
  };
  counters.received = get("received");
  counters.published = get("published");
  counters.duplicate = get("duplicate");
  counters.publishedBytes = get("publishedBytes");
  counters.rebalances = get("rebalances");
  fill("rejected", counters.rejected);
  fill("files", counters.files);
  fill("retries", counters.retries);
  for (const name of HISTOGRAMS) {
    const { bounds, counts } = counters[name];
    counts.forEach((_, i) => counts[i] = get(name, String(bounds[i] ?? "+Inf")));
    counters[name].sum = get(name, "sum");
  }
  return counters;
}
