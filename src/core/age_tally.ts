/** Upper bounds of the buckets of ages, in seconds. */
export const AGE_BOUNDS_SECONDS = [
  ...[0.1, 0.5, 1, 5, 10, 60, 300, 3_600, 21_600],
  ...[86_400, 604_800, 2_592_000],
] as const;

/** Bins to a doubling: an age is told apart from one that is 4.5 % larger. */
const BINS_PER_DOUBLING = 16;
const BIN_COUNT = 64 * BINS_PER_DOUBLING;

/** Counts ages of any number, in a fixed amount of memory. */
export class AgeTally {
  /** One more than the bounds: what is above the last one. */
  readonly counts = new Float64Array(AGE_BOUNDS_SECONDS.length + 1);
  /** Events whose time lay ahead of the clock; in no bucket. */
  futureCount = 0;
  totalCount = 0;
  readonly #bins = new Float64Array(BIN_COUNT);
  #maxMicroseconds = 0;

  /** Counts one age, in microseconds; a negative one lay in the future. */
  add(microseconds: number): void {
    this.totalCount++;
    if (microseconds < 0) {
      this.futureCount++;
      return;
    }
    let bucket = 0;
    while (bucket < BOUNDS.length && microseconds > (BOUNDS[bucket] ?? Infinity)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    const bin = Math.min(BIN_COUNT - 1, Math.ceil(Math.log2(microseconds + 1) * BINS_PER_DOUBLING));
    this.#bins[bin] = (this.#bins[bin] ?? 0) + 1;
    if (microseconds > this.#maxMicroseconds) this.#maxMicroseconds = microseconds;
  }

  /** Takes in what another tally has counted. */
  addAll(other: AgeTally): void {
    this.totalCount += other.totalCount;
    this.futureCount += other.futureCount;
    other.counts.forEach((count, bucket) =>
      this.counts[bucket] = (this.counts[bucket] ?? 0) + count
    );
    other.#bins.forEach((count, bin) => this.#bins[bin] = (this.#bins[bin] ?? 0) + count);
    this.#maxMicroseconds = Math.max(this.#maxMicroseconds, other.#maxMicroseconds);
  }

  /** The age in seconds that this share of events does not exceed, at most 4.5 % too large; null without events. */
  quantile(share: number): number | null {
    if (this.totalCount === 0) return null;
    let left = share * this.totalCount - this.futureCount;
    if (left <= 0) return 0;
    for (let bin = 0; bin < BIN_COUNT; bin++) {
      left -= this.#bins[bin] ?? 0;
      if (left > 0) continue;
      const edge = 2 ** (bin / BINS_PER_DOUBLING) - 1;
      return Math.min(edge, this.#maxMicroseconds) / 1e6;
    }
    return this.#maxMicroseconds / 1e6;
  }
}

const BOUNDS = AGE_BOUNDS_SECONDS.map((seconds) => seconds * 1e6);
