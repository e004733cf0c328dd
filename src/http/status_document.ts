import { mostFrequent, totalOf } from "../core/counters.ts";
import type { MetricsSnapshot, PartitionMetrics } from "../core/metrics.ts";
import { isReason, REASONS } from "../core/outcome.ts";
import type { TotalsByDate } from "./date_totals.ts";
import type { RecentCommit } from "./recent_commits.ts";
import { UNREADY_REASONS, type UnreadyReason } from "./readiness.ts";

/** What a status document is made of. */
export interface StatusParts {
  readonly identity: RunIdentity;
  readonly snapshot: MetricsSnapshot;
  readonly unready: readonly UnreadyReason[];
  readonly nowMs: number;
  /** The last one first. */
  readonly commits: readonly RecentCommit[];
  readonly byDate: TotalsByDate;
}

/** Which run it is; none of it is secret. */
export interface RunIdentity {
  readonly mode: "simulate" | "consumer";
  /** null where records are generated. */
  readonly topic: string | null;
  readonly groupId: string | null;
  readonly instanceId: string;
}

/** Partitions and dates that are listed one by one. */
const MAX_PARTITIONS = 200;
const MAX_DATES = 31;

/** The state of a run for people and programs: figures, codes, names of topics and dates, nothing of an event. */
export function statusDocument(parts: StatusParts) {
  const { identity, snapshot, unready, nowMs, commits, byDate } = parts;
  const { counters } = snapshot;
  const { dates, others } = byDate.latest(MAX_DATES);
  return {
    version: snapshot.version,
    ...identity,
    now: isoTime(nowMs),
    startedAt: isoTime(snapshot.process.startTimeSeconds * 1000),
    ...readinessDocument(unready),
    totals: {
      received: counters.received + snapshot.bufferedEvents,
      published: counters.published,
      duplicate: counters.duplicate,
      rejected: totalOf(counters.rejected),
      files: totalOf(counters.files),
      publishedBytes: counters.publishedBytes,
      retries: totalOf(counters.retries),
      rebalances: counters.rebalances,
      seenIds: snapshot.seenIds,
    },
    buffer: {
      events: snapshot.bufferedEvents,
      bytes: snapshot.bufferedBytes,
      isPaused: snapshot.isPaused,
    },
    lag: lagDocument(snapshot.partitions),
    lastPublishAt: snapshot.lastPublishMs === null ? null : isoTime(snapshot.lastPublishMs),
    commits: commits.map(({ atMs, ...commit }) => ({ ...commit, at: isoTime(atMs) })),
    dates,
    otherDates: others,
    deadLetters: mostFrequent(counters.rejected)
      .map(([reason, count]) => ({ reason, count, meaning: meaningOf(reason) })),
    process: {
      cpuSeconds: snapshot.process.cpuSeconds,
      residentBytes: snapshot.process.residentBytes,
    },
  };
}

/** The state of a run that has not opened its lake yet. */
export function readinessDocument(unready: readonly UnreadyReason[]) {
  const reasons = unready.map((code) => ({ code, meaning: UNREADY_REASONS[code] }));
  return { isReady: unready.length === 0, reasons };
}

/** Lag in sum and at most, null while that of no partition is known; the partitions that are furthest behind. */
export function lagDocument(partitions: readonly PartitionMetrics[]) {
  const lags = partitions.flatMap(({ lag }) => lag === null ? [] : [lag]);
  const isKnown = lags.length > 0;
  const furthestFirst = partitions.toSorted((one, other) => (other.lag ?? 0) - (one.lag ?? 0));
  return {
    total: isKnown ? lags.reduce((sum, lag) => sum + lag, 0) : null,
    largest: isKnown ? lags.reduce((largest, lag) => Math.max(largest, lag), 0) : null,
    partitionCount: partitions.length,
    partitions: furthestFirst.slice(0, MAX_PARTITIONS),
  };
}

function meaningOf(reason: string): string {
  return isReason(reason) ? REASONS[reason] : "not known any more";
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
