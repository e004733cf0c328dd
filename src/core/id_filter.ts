import { assert } from "./errors.ts";
import { TextColumn } from "./text_column.ts";

/** Bits a filter has for each id. With 16 and 8 probes it says wrongly yes to about one id in 1,700. */
const BITS_AN_ID = 16;
const PROBES = 8;
/** Positions are computed from 32-bit hashes. */
const HASHES = 2 ** 32;

/**
 * Two 32-bit hashes of an id's UTF-8 bytes, from which all its probes are made (Kirsch and Mitzenmacher, Less
 * Hashing, Same Performance, 2006). The words and their mixing are those of MurmurHash3, in two lanes with
 * multipliers of their own. They are not keyed: ids made to collide make a look-up slower, never wrong.
 */
export class IdHash {
  first = 0;
  second = 0;

  /** The hash of one id. */
  static of(id: string): IdHash {
    const bytes = new TextEncoder().encode(id);
    const hash = new IdHash();
    hash.take({ bytes, ends: Int32Array.of(0, bytes.length) }, 0);
    return hash;
  }

  /** Becomes the hash of a row's text. */
  take({ bytes, ends }: Pick<TextColumn, "bytes" | "ends">, row: number): void {
    const start = ends[row] ?? 0, end = ends[row + 1] ?? start;
    let first = end - start, second = ~first, at = start;
    for (; at + 4 <= end; at += 4) {
      const word = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 |
        (bytes[at + 3] ?? 0) << 24;
      first = mixed(first, Math.imul(word, 0xcc9e2d51));
      second = mixed(second, Math.imul(word, 0x239b961b));
    }
    let rest = 0;
    for (; at < end; at++) rest = rest << 8 | (bytes[at] ?? 0);
    this.first = finished(mixed(first, Math.imul(rest, 0xcc9e2d51)));
    this.second = finished(mixed(second, Math.imul(rest, 0x239b961b)));
  }
}

function mixed(hash: number, word: number): number {
  const next = hash ^ (word << 15 | word >>> 17);
  return (Math.imul(next << 13 | next >>> 19, 5) + 0xe6546b64) | 0;
}

function finished(hash: number): number {
  let next = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  next = Math.imul(next ^ next >>> 13, 0xc2b2ae35);
  return (next ^ next >>> 16) >>> 0;
}

/** A Bloom filter that is being filled: it may say yes to other ids, and never no to one of its own. */
export class IdFilter {
  /** Empty where there is room for no id. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #hash = new IdHash();

  /** @param capacity how many ids it is made for */
  constructor(capacity: number) {
    this.bytes = new Uint8Array(Math.ceil(capacity * BITS_AN_ID / 8));
  }

  /** Adds the text of a row. */
  add(column: Pick<TextColumn, "bytes" | "ends">, row: number): void {
    this.#hash.take(column, row);
    const { first, second } = this.#hash;
    const bitCount = this.bytes.length * 8;
    // As `probesOf`, which would be slower here.
    for (let probe = 0, sum = first; probe < PROBES; probe++, sum += second) {
      const bit = Math.floor((sum >>> 0) / HASHES * bitCount);
      this.bytes[bit >>> 3] = (this.bytes[bit >>> 3] ?? 0) | 1 << (bit & 7);
    }
  }
}

/** The filter of the ids of some rows. */
export function idFilterOf(column: TextColumn, rows: Int32Array): Uint8Array<ArrayBuffer> {
  const filter = new IdFilter(rows.length);
  for (const row of rows) {
    assert(row < column.length, "a filter is made of rows of the column");
    filter.add(column, row);
  }
  return filter.bytes;
}

/** A filter of all texts of a column. */
export function idFilterOfAll(column: TextColumn): Uint8Array<ArrayBuffer> {
  return idFilterOf(column, Int32Array.from({ length: column.length }, (_, row) => row));
}

/** A filter of event ids; dead letters may have none, which stands as null. */
export function idFilterOfTexts(ids: readonly (string | null)[]): Uint8Array<ArrayBuffer> {
  const column = new TextColumn();
  for (const id of ids) if (id !== null) column.push(id);
  return idFilterOfAll(column);
}

/** The bits that an id sets in a filter of so many: bit i is bit `i & 7` of byte `i >>> 3`, the lowest being 0. */
export function* probesOf({ first, second }: IdHash, bitCount: number): Generator<number> {
  for (let probe = 0, sum = first; probe < PROBES; probe++, sum += second) {
    yield Math.floor((sum >>> 0) / HASHES * bitCount);
  }
}

/** Whether an id may be among those that a filter was made of; false is sure. */
export function mayHold(filter: Uint8Array, { first, second }: IdHash): boolean {
  const bitCount = filter.length * 8;
  for (let probe = 0, sum = first; probe < PROBES; probe++, sum += second) {
    const bit = Math.floor((sum >>> 0) / HASHES * bitCount);
    if (((filter[bit >>> 3] ?? 0) >>> (bit & 7) & 1) === 0) return false;
  }
  return true;
}
