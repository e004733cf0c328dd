import { type Counters, mostFrequent } from "../core/counters.ts";
import type { CommitReport } from "./commit.ts";

/** Files of one lake partition (or of dead letters), added up. */
export interface FileTotals {
  fileCount: number;
  rowCount: number;
  bytes: number;
}

/** What one run did, from its commits. */
export class RunSummary {
  receivedCount = 0;
  publishedCount = 0;
  duplicateCount = 0;
  rejectedCount = 0;
  /** By folder, relative to OUT_DIR. */
  readonly folders = new Map<string, FileTotals>();
  readonly #rejectedBefore: Readonly<Record<string, number>>;

  /** @param counters as they stood before the run */
  constructor(counters: Readonly<Counters>) {
    this.#rejectedBefore = { ...counters.rejected };
  }

  add(report: CommitReport): void {
    this.receivedCount += report.receivedCount;
    this.publishedCount += report.publishedCount;
    this.duplicateCount += report.duplicateCount;
    this.rejectedCount += report.rejectedCount;
    for (const { finalPath, rowCount, bytes } of report.files) {
      const folder = finalPath.slice(0, finalPath.lastIndexOf("/"));
      const totals = this.folders.get(folder) ?? { fileCount: 0, rowCount: 0, bytes: 0 };
      totals.fileCount++;
      totals.rowCount += rowCount;
      totals.bytes += bytes;
      this.folders.set(folder, totals);
    }
  }

  /** Rejected records by reason, the most frequent first. */
  rejectedByReason(counters: Readonly<Counters>): [reason: string, count: number][] {
    const ofRun = Object.entries(counters.rejected).map((
      [reason, count],
    ) => [reason, count - (this.#rejectedBefore[reason] ?? 0)] as const);
    return mostFrequent(Object.fromEntries(ofRun));
  }
}
