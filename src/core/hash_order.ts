import { HASH_WORDS } from "./id_hash.ts";

/** The values that the first word of a hash may have: from `first` up to, not including, `beyond`. */
export interface HashRange {
  readonly first: number;
  /** 2^32 where the range goes up to the end. */
  readonly beyond: number;
}

/** The range of all hashes. */
export const ALL_HASHES: HashRange = { first: 0, beyond: 2 ** 32 };

/** Memory to sort in, taken anew only where more hashes come than before: fresh memory costs as much as sorting. */
export class SortingSpace {
  #starts = new Int32Array();
  #rows = new Int32Array();
  #hashes = new Uint32Array();

  /** Zeros, one for each bucket and two more. */
  starts(count: number): Int32Array {
    if (this.#starts.length < count + 2) this.#starts = new Int32Array(roomFor(count) + 2);
    return this.#starts.subarray(0, count + 2).fill(0);
  }

  rows(count: number): Int32Array {
    if (this.#rows.length < count) this.#rows = new Int32Array(roomFor(count));
    return this.#rows.subarray(0, count);
  }

  hashes(count: number): Uint32Array {
    const words = count * HASH_WORDS;
    if (this.#hashes.length < words) this.#hashes = new Uint32Array(roomFor(count) * HASH_WORDS);
    return this.#hashes.subarray(0, words);
  }
}

function roomFor(count: number): number {
  return Math.ceil(count * 1.1);
}

/**
 * The rows of hashes in their order; equal ones in that of their rows. Hashes are uniform over their range,
 * so each goes near its place at once, as many buckets as hashes, and what is left to sort is next to it.
 *
 * @param range where the first words lie
 * @param space what is returned lies in it, and is there until it sorts again
 */
export function sortedRows(
  hashes: Uint32Array,
  { first, beyond }: HashRange = ALL_HASHES,
  space: SortingSpace = new SortingSpace(),
): Int32Array {
  const count = hashes.length / HASH_WORDS;
  const buckets = { first, scale: count / (beyond - first) };
  const starts = space.starts(count), rows = space.rows(count);
  countBuckets(hashes, buckets, starts);
  for (let i = 1; i <= count; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
  fillBuckets(hashes, buckets, { starts, rows });
  insertionSort(rows, hashes);
  return rows;
}

/** How the bucket of a hash is computed. */
interface Buckets {
  readonly first: number;
  /** Buckets for each first word. */
  readonly scale: number;
}

/** Counts the hashes of each bucket, one place after the bucket's own. */
function countBuckets(hashes: Uint32Array, { first, scale }: Buckets, starts: Int32Array): void {
  for (let i = 0; i < hashes.length; i += HASH_WORDS) {
    const after = Math.floor(((hashes[i] ?? 0) - first) * scale) + 1;
    starts[after] = (starts[after] ?? 0) + 1;
  }
}

/** Puts each row at the next place of its bucket. */
function fillBuckets(
  hashes: Uint32Array,
  { first, scale }: Buckets,
  { starts, rows }: { readonly starts: Int32Array; readonly rows: Int32Array },
): void {
  for (let row = 0; row < rows.length; row++) {
    const bucket = Math.floor(((hashes[row * HASH_WORDS] ?? 0) - first) * scale);
    const place = starts[bucket] ?? 0;
    rows[place] = row;
    starts[bucket] = place + 1;
  }
}

/** Sorts rows that lie near their places already. */
function insertionSort(rows: Int32Array, hashes: Uint32Array): void {
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i] ?? 0, first = hashes[row * HASH_WORDS] ?? 0;
    let place = i;
    for (; place > 0; place--) {
      const before = rows[place - 1] ?? 0;
      // Nearly all differ in their first word.
      if ((hashes[before * HASH_WORDS] ?? 0) < first) break;
      if (compareHashes(hashes, before, row) <= 0) break;
      rows[place] = before;
    }
    rows[place] = row;
  }
}

/** Negative where the hash in row `a` comes before the one in row `b`, 0 where they are equal. */
export function compareHashes(hashes: Uint32Array, a: number, b: number): number {
  const i = a * HASH_WORDS, j = b * HASH_WORDS;
  return (hashes[i] ?? 0) - (hashes[j] ?? 0) || (hashes[i + 1] ?? 0) - (hashes[j + 1] ?? 0) ||
    (hashes[i + 2] ?? 0) - (hashes[j + 2] ?? 0) || (hashes[i + 3] ?? 0) - (hashes[j + 3] ?? 0);
}

/** As `compareHashes`, of the hash at place `i` of one array and at place `j` of another. */
export function compareAcross(
  some: Uint32Array,
  i: number,
  { others, j }: { readonly others: Uint32Array; readonly j: number },
): number {
  for (let word = 0; word < HASH_WORDS; word++) {
    const difference = (some[i * HASH_WORDS + word] ?? 0) - (others[j * HASH_WORDS + word] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Marks those of some hashes that are among others.
 *
 * @param hashes in their order, each once, as `others`
 * @param marks for each of `hashes`; set to 1
 */
export function markCommon(hashes: Uint32Array, others: Uint32Array, marks: Uint8Array): void {
  const othersCount = others.length / HASH_WORDS;
  for (let i = 0, j = 0; i < marks.length && j < othersCount;) {
    const order = compareAcross(hashes, i, { others, j });
    if (order === 0) marks[i] = 1;
    if (order > 0) j++;
    else i++;
  }
}

/**
 * How many of some sorted hashes have a smaller first word.
 *
 * @param word up to 2^32, which is above all of them
 */
export function countBelow(hashes: Uint32Array, word: number): number {
  let low = 0, high = hashes.length / HASH_WORDS;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((hashes[middle * HASH_WORDS] ?? 0) < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Hashes in their order, each once. */
export interface DistinctHashes {
  readonly hashes: Uint32Array;
  /** The first row that has each of them. */
  readonly rows: Int32Array;
}

/**
 * Sorts hashes and leaves out repeated ones.
 *
 * @param range where the first words lie
 * @param space what is returned lies in it, and is there until it sorts again
 */
export function distinctHashes(
  hashes: Uint32Array,
  range: HashRange = ALL_HASHES,
  space: SortingSpace = new SortingSpace(),
): DistinctHashes {
  const rows = sortedRows(hashes, range, space);
  const distinct = space.hashes(rows.length);
  let count = 0, last = -1;
  for (const row of rows) {
    if (last !== -1 && compareHashes(hashes, last, row) === 0) continue;
    copyHash(hashes, row, { to: distinct, at: count });
    rows[count++] = last = row;
  }
  return { hashes: distinct.subarray(0, count * HASH_WORDS), rows: rows.subarray(0, count) };
}

/** Copies the hash of one row to a row of another array, or of the same. */
export function copyHash(
  from: Uint32Array,
  row: number,
  { to, at }: { readonly to: Uint32Array; readonly at: number },
): void {
  const i = row * HASH_WORDS, j = at * HASH_WORDS;
  to[j] = from[i] ?? 0;
  to[j + 1] = from[i + 1] ?? 0;
  to[j + 2] = from[i + 2] ?? 0;
  to[j + 3] = from[i + 3] ?? 0;
}
