import type { AgeTally } from "./age_tally.ts";
import { AGE_BOUNDS_SECONDS } from "./age_tally.ts";
import type { Accion } from "./event_fields.ts";
import { bucketWidthMs } from "./time_buckets.ts";

/** What `accion` can say in a report: one of the schema's words, none, or (in a file that somebody changed) another. */
export type AccionKey = Accion | "none" | "other";

/** Events by `accion`. */
export type AccionCounts = Record<AccionKey, number>;

/** No events. */
export function noAcciones(): AccionCounts {
  return { click: 0, view: 0, purchase: 0, none: 0, other: 0 };
}

/** What lies in a lake partition. */
export interface DateReport {
  /** 2026-11-24 */
  readonly date: string;
  events: number;
  files: number;
  bytes: number;
  readonly acciones: AccionCounts;
}

/** A commit, as a report needs it. */
export interface CommitOutcome {
  readonly sequence: number;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly committedAtMs: number;
  readonly published: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** What was committed within a stretch of time. */
export interface CommitBucket {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly fromMs: number;
  commits: number;
  published: number;
  duplicate: number;
  rejected: number;
}

/** How many lie in a bucket; `upTo` is null above the last bound. */
export interface Bucket {
  readonly upTo: number | null;
  readonly count: number;
}

/** How old events were when their batch was staged: processing_ts − ts. */
export interface Freshness {
  /** Seconds. */
  readonly buckets: readonly Bucket[];
  /** Events whose ts lay after that. */
  readonly future: number;
  /** Seconds; at most 4.5 % too large; null where there are no events. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** The sizes of the files of events. */
export interface FileSizes {
  /** Bytes. */
  readonly buckets: readonly Bucket[];
  readonly smallest: number;
  readonly median: number;
  readonly largest: number;
}

/** What is in a lake: numbers alone, nothing of an event's content but how often each `accion` occurs. */
export interface LakeReport {
  readonly version: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly madeAtMs: number;
  readonly outcomes: {
    readonly received: number;
    readonly published: number;
    readonly duplicate: number;
    readonly rejected: number;
  };
  readonly commits: number;
  readonly files: number;
  readonly bytes: number;
  readonly deadLetterFiles: number;
  readonly deadLetterBytes: number;
  readonly seenIds: number;
  /** In their order. */
  readonly dates: readonly DateReport[];
  readonly acciones: AccionCounts;
  /** The most frequent first. */
  readonly rejectedByReason: readonly (readonly [reason: string, count: number])[];
  readonly freshness: Freshness;
  readonly fileSizes: FileSizes;
  readonly commitsOverTime: { readonly widthMs: number; readonly buckets: readonly CommitBucket[] };
  /** Files that could not be read: their events are counted by date, but not by `accion` or age. */
  readonly unreadable: readonly string[];
}

/** The most buckets of time that a report shows. */
const MAX_TIME_BUCKETS = 60;

/** Commits by time; stretches without any have a bucket too. */
export function commitsOverTime(commits: readonly CommitOutcome[]): LakeReport["commitsOverTime"] {
  if (commits.length === 0) return { widthMs: 0, buckets: [] };
  let fromMs = Infinity, toMs = -Infinity;
  for (const { committedAtMs } of commits) {
    fromMs = Math.min(fromMs, committedAtMs);
    toMs = Math.max(toMs, committedAtMs);
  }
  const widthMs = bucketWidthMs({ fromMs, toMs }, MAX_TIME_BUCKETS);
  const first = Math.floor(fromMs / widthMs);
  const buckets = Array.from(
    { length: Math.floor(toMs / widthMs) - first + 1 },
    (_, i): CommitBucket => ({
      fromMs: (first + i) * widthMs,
      commits: 0,
      published: 0,
      duplicate: 0,
      rejected: 0,
    }),
  );
  for (const { committedAtMs, published, duplicate, rejected } of commits) {
    const bucket = buckets[Math.floor(committedAtMs / widthMs) - first];
    if (bucket === undefined) continue;
    bucket.commits++;
    bucket.published += published;
    bucket.duplicate += duplicate;
    bucket.rejected += rejected;
  }
  return { widthMs, buckets };
}

/** The tally's ages as they are reported. */
export function freshnessOf(ages: AgeTally): Freshness {
  return {
    buckets: Array.from(
      ages.counts,
      (count, i) => ({ upTo: AGE_BOUNDS_SECONDS[i] ?? null, count }),
    ),
    future: ages.futureCount,
    p50: ages.quantile(0.5),
    p90: ages.quantile(0.9),
    p99: ages.quantile(0.99),
  };
}

const SIZE_BOUNDS = [4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144]
  .map((kibibytes) => kibibytes * 1024);

/** How large files are, from their bytes. */
export function fileSizesOf(bytes: readonly number[]): FileSizes {
  const sorted = bytes.toSorted((a, b) => a - b);
  const counts = new Array<number>(SIZE_BOUNDS.length + 1).fill(0);
  for (const size of sorted) {
    const found = SIZE_BOUNDS.findIndex((bound) => size <= bound);
    const bucket = found < 0 ? SIZE_BOUNDS.length : found;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return {
    buckets: counts.map((count, i) => ({ upTo: SIZE_BOUNDS[i] ?? null, count })),
    smallest: sorted[0] ?? 0,
    median: sorted[sorted.length >> 1] ?? 0,
    largest: sorted.at(-1) ?? 0,
  };
}
