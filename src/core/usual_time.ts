import { dayNumber, isDate, isTime } from "./timestamp.ts";
import { COLON, isAt, MINUS, NOT_USUAL, POINT, wordBytes, ZERO } from "./usual_json.ts";

const T = 0x54, Z = 0x5a;
const UTC = wordBytes("+00:00");
/** Smaller than what any other digit can make up for. */
const NO_DIGITS = -1_000_000;
/** Microseconds that one unit of the last digit of a fraction stands for, by the number of its digits. */
const MICROSECONDS_A_UNIT = [0, 100_000, 10_000, 1_000, 100, 10, 1];

/** The last moment read, see `Moment`; one object for all, so that reading allocates nothing. */
export class UsualTime {
  day = 0;
  microseconds = 0;

  /**
   * Reads `YYYY-MM-DDTHH:MM:SS`, a fraction of up to 6 digits or none, and `Z` or `+00:00`: what producers
   * write by default. Agrees with `parseIso8601` on all of these.
   *
   * @returns the position after it, or NOT_USUAL
   */
  read(bytes: Uint8Array, start: number): number {
    if (
      bytes[start + 4] !== MINUS || bytes[start + 7] !== MINUS || bytes[start + 10] !== T ||
      bytes[start + 13] !== COLON || bytes[start + 16] !== COLON
    ) return NOT_USUAL;
    const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
    const month = twoDigits(bytes, start + 5), dayOfMonth = twoDigits(bytes, start + 8);
    const hour = twoDigits(bytes, start + 11), minute = twoDigits(bytes, start + 14);
    const second = twoDigits(bytes, start + 17);
    const zone = this.#readFraction(bytes, start + 19);
    if (zone === NOT_USUAL || year < 0) return NOT_USUAL;
    if (!isDate(year, month, dayOfMonth) || !isTime(hour, minute, second)) return NOT_USUAL;
    this.day = dayNumber(year, month, dayOfMonth);
    this.microseconds += ((hour * 60 + minute) * 60 + second) * 1_000_000;
    return afterUtc(bytes, zone);
  }

  /** Reads the fraction of a second, if there is one, into `microseconds`. */
  #readFraction(bytes: Uint8Array, point: number): number {
    this.microseconds = 0;
    if (bytes[point] !== POINT) return point;
    let value = 0, at = point + 1;
    for (;; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const unit = MICROSECONDS_A_UNIT[at - point - 1] ?? 0;
    this.microseconds = value * unit;
    return unit === 0 ? NOT_USUAL : at;
  }
}

function afterUtc(bytes: Uint8Array, at: number): number {
  if (bytes[at] === Z) return at + 1;
  return isAt(bytes, at, UTC) ? at + UTC.length : NOT_USUAL;
}

/** The number of two digits; NO_DIGITS or a little more where they are not. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - ZERO, ones = (bytes[at + 1] ?? 0) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS;
}
