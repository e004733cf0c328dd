const INITIAL_ROWS = 64;
const INITIAL_BYTES = 1_024;
/** The most bytes that one UTF-16 unit of a text takes in UTF-8. */
const MAX_BYTES_A_UNIT = 3;
const MAX_LOOP_BYTES = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The texts of a column as they lie in it. */
export interface TextContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** One more than there are texts. */
  readonly ends: Int32Array<ArrayBuffer>;
}

/**
 * A column of texts as UTF-8, in the form of Arrow's: row i is the bytes from `ends[i]` to `ends[i + 1]`.
 * Memory doubles as needed, and `clear` keeps it for the next batch.
 */
export class TextColumn {
  /** Number of texts. */
  length = 0;
  /** The texts' bytes one after the other; those from `ends[length]` on are not in use. */
  bytes = new Uint8Array(INITIAL_BYTES);
  /** Where each text ends; the first entry is 0. Those after `length` are not in use. */
  ends = new Int32Array(INITIAL_ROWS + 1);

  /** Bytes in use. */
  get byteLength(): number {
    return this.ends[this.length] ?? 0;
  }

  /** A copy of the texts. */
  content(): TextContent {
    const { bytes, ends, length, byteLength } = this;
    return { bytes: bytes.slice(0, byteLength), ends: ends.slice(0, length + 1) };
  }

  /** Becomes the column of these texts, whose memory it takes. */
  take({ bytes, ends }: TextContent): void {
    this.bytes = bytes;
    this.ends = ends;
    this.length = ends.length - 1;
  }

  /** Appends a text. Half a surrogate pair becomes U+FFFD, as TextEncoder makes it. */
  push(text: string): void {
    this.reserve(text.length * MAX_BYTES_A_UNIT);
    const start = this.byteLength;
    const { written } = encoder.encodeInto(text, this.bytes.subarray(start));
    this.ends[++this.length] = start + written;
  }

  /** Appends the UTF-8 bytes from `start` to `end` of a buffer as a text. */
  pushBytes(from: Uint8Array, { start, end }: { readonly start: number; readonly end: number }) {
    this.reserve(end - start);
    const at = this.byteLength;
    copyBytes(from, { start, end }, { to: this.bytes, at });
    this.ends[++this.length] = at + end - start;
  }

  /** The text of a row. */
  at(row: number): string {
    return decoder.decode(this.bytes.subarray(this.ends[row], this.ends[row + 1]));
  }

  /** Copies the bytes of a row's text to a place in other bytes. */
  copyTo(row: number, to: Uint8Array, at: number): void {
    const start = this.ends[row] ?? 0, end = this.ends[row + 1] ?? 0;
    copyBytes(this.bytes, { start, end }, { to, at });
  }

  /** The texts in their order. */
  *[Symbol.iterator](): Generator<string> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /** Takes rows out; the texts behind them move up. */
  remove(gone: ReadonlySet<number>): void {
    let kept = 0;
    for (let row = 0, start = 0; row < this.length; row++) {
      const end = this.ends[row + 1] ?? 0;
      if (!gone.has(row)) {
        const at = this.ends[kept] ?? 0;
        this.bytes.copyWithin(at, start, end);
        this.ends[++kept] = at + end - start;
      }
      start = end;
    }
    this.length = kept;
  }

  /** Forgets all texts. */
  clear(): void {
    this.length = 0;
  }

  /** Makes room for one more text of that many bytes. */
  reserve(byteCount: number): void {
    if (this.length + 1 === this.ends.length) {
      this.ends = copied(this.ends, new Int32Array(this.ends.length * 2));
    }
    const needed = this.byteLength + byteCount;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    this.bytes = copied(this.bytes, larger);
  }
}

/** Up to some length a loop costs less than the view that `set` needs. */
function copyBytes(
  from: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  { to, at }: { readonly to: Uint8Array; readonly at: number },
): void {
  if (end - start > MAX_LOOP_BYTES) to.set(from.subarray(start, end), at);
  else for (let i = start; i < end; i++) to[at + i - start] = from[i] ?? 0;
}

function copied<T extends Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
