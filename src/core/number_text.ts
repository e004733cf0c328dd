import { readObject } from "./json_reader.ts";

/** JSON.rawJSON (ECMA-262 proposal json-parse-with-source), not yet in TypeScript's library. */
interface RawJson {
  rawJSON(text: string): unknown;
}
const json: RawJson = JSON as JSON & RawJson;

/**
 * Parses the text of a JSON object, with each number that JavaScript would write otherwise as raw JSON:
 * JSON.stringify writes it as it was.
 *
 * @throws RangeError where it is nested too deep (some thousand levels)
 */
export function parseKeepingDigits(text: string): Readonly<Record<string, unknown>> {
  return readObject(text, (source) => {
    const value = Number(source);
    return source === String(value) ? value : json.rawJSON(source);
  });
}

/**
 * A number after a colon that a 64-bit float may not hold: with 16 digits or more, or an exponent. Fifteen
 * digits always survive (IEEE 754, DBL_DIG).
 */
const LONG_MEMBER = /:\s*-?[0-9](?:[0-9.]{15}|[0-9.]*[eE])/;

/** Whether a JSON text may have members whose numbers a 64-bit float changes; false is certain. */
export function mayLoseDigits(text: string): boolean {
  return LONG_MEMBER.test(text);
}

/** The most digits that toPrecision writes (ECMA-262). */
const MAX_PRECISION = 100;

/**
 * Whether a 64-bit float holds what a JSON number says: written with as many digits, it gives these digits
 * back. 0.1 and 0.10000000000000001 are held, 9007199254740993 and 1e-400 are not.
 *
 * @param text a number in JSON
 * @param value the finite float that it was read as
 */
export function isHeldBy(text: string, value: number): boolean {
  const digits = significantDigits(text);
  if (digits === "") return value === 0;
  if (digits.length > MAX_PRECISION) return false;
  if (significantDigits(value.toPrecision(digits.length)) === digits) return true;
  // toPrecision rounds a half up, other writers round it to even.
  return significantDigits(value.toPrecision(MAX_PRECISION)) === `${digits}5`;
}

function significantDigits(number: string): string {
  const [mantissa = ""] = number.toLowerCase().split("e");
  return mantissa.replace(/[-.]/g, "").replace(/^0+/, "").replace(/0+$/, "");
}
