/**
 * JSON read from bytes, as far as it has the usual form: texts of printable ASCII without escapes, numbers
 * of at most 15 digits without an exponent. Functions that move through a value return the position after
 * what they read, or NOT_USUAL. Bytes past the end read as 0, which no usual value holds.
 */
export const NOT_USUAL = -1;

export const QUOTE = 0x22, COMMA = 0x2c, MINUS = 0x2d, POINT = 0x2e, ZERO = 0x30, COLON = 0x3a;
export const LEFT_BRACE = 0x7b, RIGHT_BRACE = 0x7d;
const SPACE = 0x20, TAB = 0x09, LINE_FEED = 0x0a, CARRIAGE_RETURN = 0x0d, BACKSLASH = 0x5c;

const encoder = new TextEncoder();

/** The bytes of a word to compare with. */
export function wordBytes(word: string): Uint8Array {
  return encoder.encode(word);
}

/** The first position from `at` that holds no JSON white space (RFC 8259, 2). */
export function skipSpace(bytes: Uint8Array, at: number): number {
  for (;; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > SPACE) return at;
    if (byte !== SPACE && byte !== LINE_FEED && byte !== TAB && byte !== CARRIAGE_RETURN) return at;
  }
}

/** Whether a word stands at a position. */
export function isAt(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word[i]) return false;
  }
  return true;
}

/** The position of the quote that ends the text beginning after the quote before `at`. */
export function endOfText(bytes: Uint8Array, at: number): number {
  for (;; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at;
    if (byte < SPACE || byte === BACKSLASH || byte > 0x7f) return NOT_USUAL;
  }
}

/** The last number that `read` read; one object for all, so that reading allocates nothing. */
export class UsualNumber {
  /** The 64-bit float nearest to the number, as JSON.parse gives it; never -0. */
  value = 0;
  fractionDigits = 0;

  /**
   * Reads a number of at most 15 digits. They are an integer below 2^53, and the power of ten that it is
   * divided by is exact too, so one division rounds correctly (W. Clinger, "How to read floating point
   * numbers accurately", 1990).
   */
  read(bytes: Uint8Array, at: number): number {
    const isNegative = bytes[at] === MINUS;
    const start = isNegative ? at + 1 : at;
    const point = this.#readDigits(bytes, start, 0);
    const integerDigits = point - start;
    if (integerDigits === 0 || (integerDigits > 1 && bytes[start] === ZERO)) return NOT_USUAL;
    let end = point;
    if (bytes[point] === POINT) {
      end = this.#readDigits(bytes, point + 1, this.value);
      if (end === point + 1) return NOT_USUAL;
      this.fractionDigits = end - point - 1;
    } else {
      this.fractionDigits = 0;
    }
    if (integerDigits + this.fractionDigits > MAX_DIGITS) return NOT_USUAL;
    if (this.fractionDigits > 0) this.value /= POWERS_OF_TEN[this.fractionDigits] ?? NaN;
    if (!isNegative) return end;
    this.value = -this.value;
    return this.value === 0 ? NOT_USUAL : end;
  }

  /** Reads digits as a continuation of an integer. */
  #readDigits(bytes: Uint8Array, at: number, before: number): number {
    let value = before;
    for (;; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.value = value;
    return at;
  }
}

const MAX_DIGITS = 15;
const POWERS_OF_TEN = Float64Array.from(
  { length: MAX_DIGITS + 1 },
  (_, exponent) => Number(`1e${exponent}`),
);
