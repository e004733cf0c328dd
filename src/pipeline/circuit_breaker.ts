import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { operatingError, type OrillaError } from "../core/errors.ts";
import type { Reason } from "../core/outcome.ts";
import { EARLIER, type RejectLimit, RejectWindow } from "../core/reject_window.ts";

const MOST_REASONS = 5;

/**
 * Stops a run in which too many records are rejected, before the batch that shows it is committed: the records
 * stay where they were, and the dead letters do not fill the disk however often the process is started again.
 */
export class CircuitBreaker {
  readonly #limit: RejectLimit;
  readonly #checkpoint: Checkpoint;
  #window: RejectWindow;

  constructor(limit: RejectLimit, checkpoint: Checkpoint) {
    this.#limit = limit;
    this.#checkpoint = checkpoint;
    this.#window = this.#remembered();
  }

  /**
   * Takes in the outcome of a record: why it was rejected, or null.
   *
   * @returns the failure to stop with, null where all is well
   */
  note(reason: Reason | null): OrillaError | null {
    this.#window.note(reason);
    return reason !== null && this.#window.isExceeded
      ? tooManyRejected(this.#window, this.#limit)
      : null;
  }

  /** Forgets what was not committed: those records will come again. */
  reset(): void {
    this.#window = this.#remembered();
  }

  #remembered(): RejectWindow {
    const window = new RejectWindow(this.#limit);
    window.remember(this.#checkpoint.recentCounts());
    return window;
  }
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
