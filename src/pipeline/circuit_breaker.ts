import type { Batch } from "../core/batch.ts";
import type { OffsetRange } from "../core/commit.ts";
import { assert, operatingError, type OrillaError } from "../core/errors.ts";
import {
  type CommitCounts,
  EARLIER,
  type RejectLimit,
  RejectWindow,
} from "../core/reject_window.ts";
import { REPLAY_PARTITION } from "../core/replay.ts";

const MOST_REASONS = 5;

/**
 * Stops a run in which too many records are rejected, before the batch that shows it is committed: the records
 * stay where they were, and the dead letters do not fill the disk however often the process is started again.
 */
export class CircuitBreaker {
  readonly #limit: RejectLimit;
  /** What was committed, the latest first: as much as the window has room for. */
  #committed: readonly CommitCounts[];
  #window: RejectWindow;
  /** Records of the batch that the window has taken in. */
  #notedCount = 0;

  /** @param committed what the last commits did, the latest first: enough to fill the window, if there is */
  constructor(limit: RejectLimit, committed: readonly CommitCounts[]) {
    this.#limit = limit;
    this.#committed = committed;
    this.#window = this.#remembered();
  }

  /**
   * Takes in the record that a batch rejected last, and those that it accepted before.
   *
   * @returns the failure to stop with, null where all is well
   */
  noteRejected({ receivedCount, rejected }: Batch): OrillaError | null {
    assert(rejected.length > 0, "the batch rejected a record");
    this.#window.noteAccepted(receivedCount - 1 - this.#notedCount);
    this.#window.noteRejected(rejected.reasonAt(rejected.length - 1));
    this.#notedCount = receivedCount;
    return this.#window.isExceeded ? tooManyRejected(this.#window, this.#limit) : null;
  }

  /** Takes in what a batch accepted since it last rejected a record; the next record is another batch's. */
  noteTaken({ receivedCount }: Batch): void {
    this.#window.noteAccepted(receivedCount - this.#notedCount);
    this.#notedCount = 0;
  }

  /** Takes in what a commit did, for after a `reset`. */
  noteCommitted(ranges: readonly OffsetRange[]): void {
    const counts = countsOf(ranges);
    const kept: CommitCounts[] = [counts];
    let sum = counts.receivedCount;
    for (const earlier of this.#committed) {
      if (sum >= this.#limit.windowSize) break;
      kept.push(earlier);
      sum += earlier.receivedCount;
    }
    this.#committed = kept;
  }

  /** Forgets what was not committed: those records will come again. */
  reset(): void {
    this.#window = this.#remembered();
    this.#notedCount = 0;
  }

  #remembered(): RejectWindow {
    const window = new RejectWindow(this.#limit);
    window.remember(this.#committed);
    return window;
  }
}

/** Replays are other records than those that the limit is for. */
function countsOf(ranges: readonly OffsetRange[]): CommitCounts {
  const counts = { receivedCount: 0, rejectedCount: 0 };
  for (const { topic, publishedCount, duplicateCount, rejectedCount } of ranges) {
    if (topic === REPLAY_PARTITION.topic) continue;
    counts.receivedCount += publishedCount + duplicateCount + rejectedCount;
    counts.rejectedCount += rejectedCount;
  }
  return counts;
}

function tooManyRejected(window: RejectWindow, { ratioMax, windowSize }: RejectLimit): OrillaError {
  const reasons = window.reasons().slice(0, MOST_REASONS).map(([reason, count]) =>
    reason === EARLIER ? `${count} before this start` : `${count} ${reason}`
  );
  return operatingError(
    `${window.rejectedCount} of the last ${window.seenCount} records were rejected (${
      reasons.join(", ")
    }): ` +
      `more than the ${window.allowedCount} that --reject-ratio-max ${ratioMax} allows in --reject-window ` +
      `${windowSize}. The batch they are in was not committed, so nothing is lost. Fix the producer; to have ` +
      `these records as dead letters, start again with a higher --reject-ratio-max (1 is no limit)`,
  );
}
