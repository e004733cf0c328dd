import type { DateTotals } from "../checkpoint/date_totals.ts";
import { type Counters, type RetriedOperation, totalOf } from "../core/counters.ts";
import { metricFamilies, type MetricsSnapshot } from "../core/metrics.ts";
import type { CommitReport } from "../pipeline/commit.ts";
import type { Clock } from "../runtime/clock.ts";
import { type MetricsFormat, prometheusText } from "../runtime/prometheus.ts";
import { type MergedFiles, TotalsByDate } from "./date_totals.ts";
import { History, HISTORY_COLUMNS, type HistoryRow, rowValues } from "./history.ts";
import { type SourceState, type UnreadyReason, unreadyReasons } from "./readiness.ts";
import { RecentCommits } from "./recent_commits.ts";
import { lagDocument, type RunIdentity, statusDocument } from "./status_document.ts";

/** The run that is looked at, once its lake is open. */
export interface ObservedRun {
  readonly identity: RunIdentity;
  /** As of when it is first observed. */
  readonly dateTotals: readonly DateTotals[];
  /** What metrics.txt would say now. */
  readonly snapshot: () => MetricsSnapshot;
  readonly isWritable: () => boolean;
  /** null where records are generated. */
  readonly source: () => SourceState | null;
}

export interface MonitorOptions {
  readonly clock: Clock;
  /** Milliseconds that a record is buffered for at most before its commit begins. */
  readonly maxLatencyMs: number;
  readonly isDraining: () => boolean;
  /** How often a row of the history is added, milliseconds. */
  readonly everyMs?: number;
}

/** An hour of seconds. */
const HISTORY_ROWS = 3_600;
const EVERY_MS = 1_000;
/** How long a commit may take beyond the latency limit before it counts as late. */
const COMMIT_SLACK_MS = 30_000;

const COMMIT_OPERATIONS: readonly RetriedOperation[] = [
  "commit",
  "confirm_assignment",
  "dead_letter_topic",
  "object_store",
  "publish",
  "stage",
];

interface Observation {
  readonly run: ObservedRun;
  readonly commits: RecentCommits;
  readonly byDate: TotalsByDate;
  /** Since when something waits for a commit, on the monotonic clock; null where nothing does. */
  waitingSinceMs: number | null;
  /** Failed tries of commits when the last one was done. */
  triesBefore: number;
  /** The commit that is in the history already. */
  recordedSequence: number;
}

/** Looks at a run every second: what the HTTP server tells, and the history of the last hour. */
export class RunMonitor implements Disposable {
  readonly #options: MonitorOptions;
  readonly #history = new History(HISTORY_ROWS);
  #observed: Observation | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #next = Promise.withResolvers<HistoryRow | null>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Begins to look at a run. */
  observe(run: ObservedRun): void {
    this.#observed = {
      run,
      commits: new RecentCommits(),
      byDate: new TotalsByDate(run.dateTotals),
      waitingSinceMs: null,
      triesBefore: failedTries(run.snapshot().counters),
      recordedSequence: 0,
    };
    this.#timer = setInterval(() => this.#look(), this.#options.everyMs ?? EVERY_MS);
    this.#look();
  }

  /** Called after each commit. */
  noteCommit(report: CommitReport): void {
    if (this.#observed === null) return;
    const { run, commits, byDate } = this.#observed;
    commits.add(report);
    byDate.addFiles(report.files);
    this.#observed.waitingSinceMs = null;
    this.#observed.triesBefore = failedTries(run.snapshot().counters);
  }

  /** Called after files were merged. */
  noteMerged(merged: MergedFiles): void {
    this.#observed?.byDate.addMerged(merged);
  }

  /** Why the run is not ready; nothing where it is. */
  unready(): readonly UnreadyReason[] {
    const { clock, isDraining, maxLatencyMs } = this.#options;
    const observed = this.#observed;
    const waitingSinceMs = observed?.waitingSinceMs ?? null;
    const counters = observed?.run.snapshot().counters;
    return unreadyReasons({
      isOpen: observed !== null,
      isDraining: isDraining(),
      source: observed?.run.source() ?? null,
      uncommittedMs: waitingSinceMs === null ? 0 : clock.monotonicMs() - waitingSinceMs,
      commitWithinMs: maxLatencyMs + COMMIT_SLACK_MS,
      failedTries: counters === undefined
        ? 0
        : failedTries(counters) - (observed?.triesBefore ?? 0),
      isDiskWritable: observed?.run.isWritable() ?? true,
    });
  }

  /** What metrics.txt would say now; null before the lake is open. */
  async metricsText(format: MetricsFormat): Promise<string | null> {
    if (this.#observed === null) return null;
    return await prometheusText(metricFamilies(this.#observed.run.snapshot()), format);
  }

  /** The state of the run; null before the lake is open. */
  status(): ReturnType<typeof statusDocument> | null {
    if (this.#observed === null) return null;
    const { run, commits, byDate } = this.#observed;
    return statusDocument({
      identity: run.identity,
      snapshot: run.snapshot(),
      unready: this.unready(),
      nowMs: this.#options.clock.nowMs(),
      commits: commits.all,
      byDate,
    });
  }

  /** Columns of the history, the oldest row first. */
  history() {
    return { names: HISTORY_COLUMNS, columns: this.#history.columns };
  }

  /** The next row of the history, once it is added; null at the end. */
  async nextRow(): Promise<readonly (number | null)[] | null> {
    const row = await this.#next.promise;
    return row === null ? null : rowValues(row);
  }

  /** Ends it, and the wait for the next row. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#next.resolve(null);
  }

  #look(): void {
    const observed = this.#observed;
    if (observed === null) return;
    const snapshot = observed.run.snapshot();
    if (snapshot.bufferedEvents > 0) {
      observed.waitingSinceMs ??= this.#options.clock.monotonicMs();
    } else {
      observed.waitingSinceMs = null;
      observed.triesBefore = failedTries(snapshot.counters);
    }
    const row = this.#row(observed, snapshot);
    this.#history.add(row);
    this.#next.resolve(row);
    this.#next = Promise.withResolvers();
  }

  #row(observed: Observation, snapshot: MetricsSnapshot): HistoryRow {
    const [last] = observed.commits.all;
    const isNew = last !== undefined && last.sequence > observed.recordedSequence;
    const commit = isNew ? last : null;
    if (isNew) observed.recordedSequence = last.sequence;
    const { counters } = snapshot;
    const { total, largest } = lagDocument(snapshot.partitions);
    return {
      time: this.#options.clock.nowMs() / 1000,
      received: counters.received + snapshot.bufferedEvents,
      published: counters.published,
      duplicate: counters.duplicate,
      rejected: totalOf(counters.rejected),
      lag: total,
      largestLag: largest,
      bufferedEvents: snapshot.bufferedEvents,
      isPaused: +snapshot.isPaused,
      residentBytes: snapshot.process.residentBytes,
      commitSeconds: commit === null ? null : commit.durationMs / 1000,
      ageP50Seconds: commit?.ageP50Seconds ?? null,
      ageP99Seconds: commit?.ageP99Seconds ?? null,
    };
  }
}

function failedTries({ retries }: Readonly<Counters>): number {
  return COMMIT_OPERATIONS.reduce((sum, operation) => sum + retries[operation], 0);
}
