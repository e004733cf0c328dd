import { createHmac, hkdfSync } from "node:crypto";
import type { Data } from "apache-arrow";
import { EVENT_FIELDS } from "../core/event_fields.ts";
import { jsonMembers } from "../core/json_members.ts";
import type { utf8Column } from "./arrow_columns.ts";
import type { Column } from "./parquet_table.ts";

const KEY_BYTES = 32;
/** 128 bits. */
const HEX_DIGITS = 32;

/**
 * Stands keyed hashes in for the values of some fields: HMAC-SHA-256 of field and value, cut to 128 bits, in
 * hexadecimal. Equal values of a field have equal pseudonyms; those of two fields cannot be compared.
 */
export class Pseudonyms {
  readonly fields: readonly string[];
  readonly #key: Uint8Array;
  readonly #unknownFields: ReadonlySet<string>;

  /** @param secret the pseudonym key of the key file, 32 bytes */
  constructor(secret: Uint8Array, fields: readonly string[]) {
    this.fields = fields;
    this.#unknownFields = new Set(fields.filter((name) => !EVENT_FIELDS.has(name)));
    this.#key = new Uint8Array(hkdfSync("sha256", secret, "", "orilla-pseudonym", KEY_BYTES));
  }

  /** @param text the value as JSON has it; a whole number as its digits */
  of(field: string, text: string): string {
    const hash = createHmac("sha256", this.#key).update(`${field}\0${text}`);
    return hash.digest("hex").slice(0, HEX_DIGITS);
  }

  /**
   * The columns of an events file, with pseudonyms where the fields stood.
   *
   * @param ofTexts what makes a column of them
   */
  inColumns(columns: readonly Column[], ofTexts: typeof utf8Column): readonly Column[] {
    return columns.map((column) => {
      if (column.name === "extra" && this.#unknownFields.size > 0) {
        const texts = textsOf(column.data);
        return { ...column, data: ofTexts(texts.map((text) => text && this.#inExtra(text))) };
      }
      if (!this.fields.includes(column.name)) return column;
      return { ...column, data: ofTexts(this.#ofIntegers(column.name, column.data.values)) };
    });
  }

  #ofIntegers(field: string, values: BigInt64Array): string[] {
    const known = new Map<bigint, string>();
    return Array.from(values, (value) => {
      const pseudonym = known.get(value) ?? this.of(field, String(value));
      known.set(value, pseudonym);
      return pseudonym;
    });
  }

  /** A null says nothing, and stays. */
  #inExtra(extra: string): string {
    const members = jsonMembers(extra).map(({ name, value }) => {
      const isHidden = this.#unknownFields.has(name) && value !== "null";
      return `${JSON.stringify(name)}:${isHidden ? `"${this.of(name, value)}"` : value}`;
    });
    return `{${members.join(",")}}`;
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textsOf(data: Data): (string | null)[] {
  return Array.from({ length: data.length }, (_, row) => {
    if (!data.getValid(row)) return null;
    return utf8.decode(data.values.subarray(data.valueOffsets[row], data.valueOffsets[row + 1]));
  });
}
