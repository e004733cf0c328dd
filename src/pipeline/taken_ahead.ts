import type { Batch } from "../core/batch.ts";
import type { BatchEncoding } from "../lake/encoder.ts";

/**
 * What the encoder takes in of a full batch while the commit before it is under way: its hashes are ready then
 * when its own commit begins.
 */
export class TakenAhead {
  readonly #take: (batch: Batch) => Promise<BatchEncoding>;
  #ahead: { readonly batch: Batch; readonly encoding: Promise<BatchEncoding> } | null = null;

  /** @param take gives a batch to the encoder */
  constructor(take: (batch: Batch) => Promise<BatchEncoding>) {
    this.#take = take;
  }

  /** Begins to take a batch in, which must stay as it is until `take` or `drop` is called. */
  begin(batch: Batch): void {
    if (this.#ahead?.batch === batch) return;
    this.drop();
    const encoding = this.#take(batch);
    // A failure is seen by `take`.
    encoding.catch(() => {});
    this.#ahead = { batch, encoding };
  }

  /** Takes a batch in, or gives what was taken of it before; the caller disposes of it. */
  take(batch: Batch): Promise<BatchEncoding> {
    if (this.#ahead?.batch !== batch) return this.#take(batch);
    const { encoding } = this.#ahead;
    this.#ahead = null;
    return encoding;
  }

  /** Gives up what was taken in. */
  drop(): void {
    this.#ahead?.encoding.then((encoding) => encoding[Symbol.dispose](), () => {});
    this.#ahead = null;
  }
}
