const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Widths that a person reads without counting. */
const WIDTHS_MS = [
  ...[1_000, 10_000, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS],
  ...[HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 364 * DAY_MS],
];

/**
 * How wide buckets of time are, so that a stretch needs at most so many of them.
 *
 * @returns milliseconds; where even the widest are too many, a multiple of it
 */
export function bucketWidthMs(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  maxCount: number,
): number {
  const countOf = (widthMs: number) =>
    Math.floor(toMs / widthMs) - Math.floor(fromMs / widthMs) + 1;
  const found = WIDTHS_MS.find((widthMs) => countOf(widthMs) <= maxCount);
  if (found !== undefined) return found;
  const widest = WIDTHS_MS.at(-1) ?? DAY_MS;
  return widest * Math.ceil(countOf(widest) / (maxCount - 1));
}
