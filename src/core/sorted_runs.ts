/**
 * Merges runs of sorted numbers: the places of all numbers, in their order. Of equal ones the earlier place comes
 * first.
 *
 * @param values the runs one after the other
 * @param ends where each run ends in `values`, in rising order
 */
export function mergedOrder(values: Float64Array, ends: readonly number[]): Uint32Array {
  let from = Uint32Array.from(values, (_, place) => place);
  let to = new Uint32Array(values.length);
  let bounds = [0, ...ends];
  // Neighbours are merged until one run is left.
  while (bounds.length > 2) {
    const merged = [0];
    for (let i = 0; i + 1 < bounds.length; i += 2) {
      const [start = 0, middle = 0, end = middle] = bounds.slice(i, i + 3);
      mergeTwo(values, { from, to }, { start, middle, end });
      merged.push(end);
    }
    [from, to] = [to, from];
    bounds = merged;
  }
  return from;
}

function mergeTwo(
  values: Float64Array,
  { from, to }: { readonly from: Uint32Array; readonly to: Uint32Array },
  { start, middle, end }: { readonly start: number; readonly middle: number; readonly end: number },
): void {
  let left = start, right = middle, at = start;
  while (left < middle && right < end) {
    const one = from[left] ?? 0, other = from[right] ?? 0;
    if ((values[one] ?? 0) <= (values[other] ?? 0)) {
      to[at++] = one;
      left++;
    } else {
      to[at++] = other;
      right++;
    }
  }
  to.set(from.subarray(left, middle), at);
  to.set(from.subarray(right, end), at + middle - left);
}

/** How many of a run's first numbers are not above a bound; the run begins at `start`. */
export function countUpTo(
  values: Float64Array,
  { start, bound }: { readonly start: number; readonly bound: number },
): number {
  let low = start, high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) <= bound) low = middle + 1;
    else high = middle;
  }
  return low - start;
}
