import type { Trigger } from "../core/outcome.ts";
import type { CommitReport } from "../pipeline/commit.ts";

/** A commit as it is shown. */
export interface RecentCommit {
  readonly sequence: number;
  readonly atMs: number;
  readonly trigger: Trigger;
  readonly received: number;
  readonly published: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly files: number;
  readonly bytes: number;
  readonly durationMs: number;
  /** Age of its events' records at their publish, seconds, to a tenth; null where it has none. */
  readonly ageP50Seconds: number | null;
  readonly ageP99Seconds: number | null;
}

const KEPT = 20;

/** The last commits of this process. */
export class RecentCommits {
  #commits: readonly RecentCommit[] = [];

  /** The last one first. */
  get all(): readonly RecentCommit[] {
    return this.#commits;
  }

  add(report: CommitReport): void {
    const [ageP50Seconds = null, ageP99Seconds = null] = agesOf(report, [0.5, 0.99]);
    const commit = {
      sequence: report.sequence,
      atMs: report.publishedAtMs,
      trigger: report.trigger,
      received: report.receivedCount,
      published: report.publishedCount,
      duplicate: report.duplicateCount,
      rejected: report.rejectedCount,
      files: report.files.length,
      bytes: report.files.reduce((sum, { bytes }) => sum + bytes, 0),
      durationMs: Math.round(report.durationMs),
      ageP50Seconds,
      ageP99Seconds,
    };
    this.#commits = [commit, ...this.#commits].slice(0, KEPT);
  }
}

/**
 * Quantiles of the age at publish.
 *
 * @param quantiles rising, each from 0 to 1
 * @returns seconds for each of them; nothing where the commit published no event
 */
function agesOf(
  { timestampCounts, publishedAtMs }: CommitReport,
  quantiles: readonly number[],
): readonly number[] {
  const youngestFirst = Float64Array.from(timestampCounts.keys()).sort().reverse();
  const total = timestampCounts.values().reduce((sum, count) => sum + count, 0);
  const ages: number[] = [];
  let younger = 0;
  for (const timestampMs of youngestFirst) {
    younger += timestampCounts.get(timestampMs) ?? 0;
    while (ages.length < quantiles.length && younger >= total * (quantiles[ages.length] ?? 1)) {
      ages.push(Math.max(0, Math.round((publishedAtMs - timestampMs) / 100) / 10));
    }
  }
  return ages;
}
