/** A moment, split so that both parts are exact as numbers and the first one is the lake partition. */
export interface Moment {
  /** Days since 1970-01-01 UTC; may be negative. */
  readonly day: number;
  /** Microseconds since that day's midnight UTC, 0 to 86,399,999,999. */
  readonly microseconds: number;
}

export const MICROSECONDS_A_DAY = 86_400_000_000;
const MS_A_DAY = 86_400_000;

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Reads an ISO 8601 date or date-time in its extended form: `2026-11-24`, `2026-11-24T10:15:00.123456Z`.
 * Without an offset it is UTC. Fractions are kept to the microsecond and cut below it.
 *
 * @returns null where the text is not such a date, or its UTC date is not in the years 0000 to 9999
 */
export function parseIso8601(text: string): Moment | null {
  return parseUsual(text) ?? parseAny(text);
}

/** The form that most producers write, `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, without a regular expression. */
function parseUsual(text: string): Moment | null {
  const { length } = text;
  if (length < 20 || length > 27 || text.charCodeAt(length - 1) !== 0x5a) return null;
  if (
    text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d || text.charCodeAt(10) !== 0x54 ||
    text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a
  ) return null;
  let microseconds = 0;
  if (length > 20) {
    if (length === 21 || text.charCodeAt(19) !== 0x2e) return null;
    const digits = length - 21;
    const fraction = digitsAt(text, 20, digits);
    if (fraction < 0) return null;
    microseconds = fraction * 10 ** (6 - digits);
  }
  const year = digitsAt(text, 0, 4),
    month = digitsAt(text, 5, 2),
    dayOfMonth = digitsAt(text, 8, 2);
  const hour = digitsAt(text, 11, 2),
    minute = digitsAt(text, 14, 2),
    second = digitsAt(text, 17, 2);
  if (year < 0 || !isDate(year, month, dayOfMonth) || !isTime(hour, minute, second)) return null;
  return {
    day: dayNumber(year, month, dayOfMonth),
    microseconds: ((hour * 60 + minute) * 60 + second) * 1_000_000 + microseconds,
  };
}

function digitsAt(text: string, start: number, count: number): number {
  let value = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function parseAny(text: string): Moment | null {
  const match = DATE_TIME.exec(text);
  if (match === null) return null;
  const [, year = "", month = "", dayOfMonth = "", hour = "0", minute = "0", second = "0"] = match;
  const fraction = (match[7] ?? "").padEnd(6, "0").slice(0, 6);
  const offsetMinutes = parseOffset(match[8]);
  if (offsetMinutes === null) return null;
  if (!isDate(+year, +month, +dayOfMonth) || !isTime(+hour, +minute, +second)) return null;
  const local = ((+hour * 60 + +minute) * 60 + +second) * 1_000_000 + +fraction;
  const utc = local - offsetMinutes * 60_000_000;
  const shift = Math.floor(utc / MICROSECONDS_A_DAY);
  const day = dayNumber(+year, +month, +dayOfMonth) + shift;
  if (day < FIRST_DAY || day > LAST_DAY) return null;
  return { day, microseconds: utc - shift * MICROSECONDS_A_DAY };
}

function parseOffset(text: string | undefined): number | null {
  if (text === undefined || text === "Z") return 0;
  const hours = +text.slice(1, 3);
  const minutes = text.length > 3 ? +text.slice(-2) : 0;
  if (hours > 23 || minutes > 59) return null;
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a day is in the Gregorian calendar; month and day count from 1. */
export function isDate(year: number, month: number, dayOfMonth: number): boolean {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = month === 2 && leap ? 29 : DAYS_IN_MONTH[month - 1];
  return days !== undefined && dayOfMonth >= 1 && dayOfMonth <= days;
}

/** A leap second (`:60`) is refused: there is no microsecond since 1970 that could stand for it. */
export function isTime(hour: number, minute: number, second: number): boolean {
  return hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "days_from_civil"). */
export function dayNumber(year: number, month: number, dayOfMonth: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + dayOfMonth - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

const FIRST_DAY = dayNumber(0, 1, 1);
const LAST_DAY = dayNumber(9999, 12, 31);

/** The moment of a clock's reading in milliseconds since 1970-01-01 UTC. */
export function momentOfMs(ms: number): Moment {
  const day = Math.floor(ms / MS_A_DAY);
  return { day, microseconds: Math.floor((ms - day * MS_A_DAY) * 1000) };
}

/** Microseconds since 1970-01-01 UTC, as Parquet's timestamp(µs) holds them. */
export function microsecondsOf({ day, microseconds }: Moment): bigint {
  return BigInt(day) * BigInt(MICROSECONDS_A_DAY) + BigInt(microseconds);
}

/** `YYYY-MM-DD` of a day number in the years 0000 to 9999. */
export function isoDate(day: number): string {
  return new Date(day * MS_A_DAY).toISOString().slice(0, 10);
}

/** `2026-11-24T10:15:00.123456Z` of microseconds since 1970-01-01 UTC, in the years 0000 to 9999. */
export function isoMicroseconds(microseconds: bigint): string {
  const rest = (microseconds % 1000n + 1000n) % 1000n;
  const time = new Date(Number((microseconds - rest) / 1000n)).toISOString();
  return `${time.slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}
