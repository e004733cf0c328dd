/** Counts of observations by bucket, as Prometheus has them; a value, so that it can be committed. */
export interface Histogram {
  /** Upper bounds in seconds, rising; what is above the last one is counted in `counts[bounds.length]`. */
  readonly bounds: readonly number[];
  /** Observations by bucket, not cumulative; one more than `bounds`. */
  readonly counts: number[];
  sum: number;
}

/** An empty histogram. */
export function histogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

/** Counts `count` observations of one value, in seconds. */
export function observe(into: Histogram, seconds: number, count = 1): void {
  let bucket = 0;
  while (bucket < into.bounds.length && seconds > (into.bounds[bucket] ?? Infinity)) bucket++;
  into.counts[bucket] = (into.counts[bucket] ?? 0) + count;
  into.sum += seconds * count;
}
