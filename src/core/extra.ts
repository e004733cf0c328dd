import { EVENT_FIELDS } from "./event_fields.ts";
import { parseKeepingDigits } from "./number_text.ts";

/** A number that a 64-bit float may not give back as it was: 16 digits or more, an exponent, or -0. */
const LONG_NUMBER = /[0-9][0-9.]{15}|[0-9][eE]|-0/;

/**
 * The unknown fields of an event as the text of a JSON object, null where there are none. Nothing is
 * dropped, and numbers that a 64-bit float would change are kept digit by digit.
 *
 * @param fields the parsed object
 * @param text the text it was parsed from
 * @returns undefined where they are nested too deep to be written again (some thousand levels)
 */
export function extraOf(fields: Record<string, unknown>, text: string): string | null | undefined {
  for (const name in fields) {
    if (!EVENT_FIELDS.has(name)) {
      return write(fields, text);
    }
  }
  return null;
}

function write(fields: Record<string, unknown>, text: string): string | undefined {
  try {
    const source = LONG_NUMBER.test(text) ? parseKeepingDigits(text) : fields;
    return JSON.stringify(unknownFields(source));
  } catch (error) {
    // Reading and JSON.stringify recurse; V8 ends that with a RangeError.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

// Object.fromEntries defines its fields, so that one named __proto__ stays a field.
function unknownFields(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !EVENT_FIELDS.has(name)));
}
