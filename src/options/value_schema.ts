/** How a value stands in a configuration file: the part of JSON Schema (2020-12) that options need. */
export interface ValueSchema {
  readonly type?: "string" | "integer" | "number" | "boolean" | "array";
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** A regular expression of ECMA-262, read with its flag u. */
  readonly pattern?: string;
  readonly items?: ValueSchema;
  readonly minItems?: number;
  readonly anyOf?: readonly ValueSchema[];
}

/** What JSON has, but for objects. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[];

/** A text, or several of them as a list, which are the same as one text with commas between them. */
export const TEXT_OR_LIST: ValueSchema = {
  anyOf: [
    { type: "string", minLength: 1 },
    { type: "array", minItems: 1, items: { type: "string", pattern: "^[^,]+$" } },
  ],
};

/** The alternatives of a schema, each without alternatives of its own. */
function alternatives(schema: ValueSchema): readonly ValueSchema[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives);
}

/** The words that a schema takes by name, in their order. */
export function wordsOf(schema: ValueSchema): readonly string[] {
  return alternatives(schema).flatMap(({ const: word, enum: words = [], type }) => [
    ...(typeof word === "string" ? [word] : []),
    ...words,
    ...(type === "boolean" ? ["true", "false"] : []),
  ]);
}

/**
 * The text that an option's parser reads for a value of a configuration file; null where a value of that JSON
 * type is not meant. Whether the text is accepted is the parser's to say.
 */
export function textOf(value: JsonValue, schema: ValueSchema): string | null {
  const isMeant = alternatives(schema).some((one) =>
    one.const === undefined ? typeOf(one) === jsonTypeOf(value) : one.const === value
  );
  if (!isMeant || value === null) return null;
  if (typeof value === "number") return plainNumber(value);
  return typeof value === "object" ? listText(value) : String(value);
}

/** The value of a configuration file that means the same as a text that the option's parser took. */
export function valueOf(text: string, parsed: unknown, schema: ValueSchema): JsonValue {
  const types = alternatives(schema).filter((one) => one.const === undefined).map(typeOf);
  switch (typeof parsed) {
    case "boolean":
      return types.includes("boolean") ? parsed : text;
    case "number":
      return types.includes("number") ? parsed : text;
    default: {
      const isList = Array.isArray(parsed) && parsed.length > 0 && types.includes("array");
      return isList ? parsed.map(String) : text;
    }
  }
}

/** Which JSON types a configuration file may use, in words. */
export function typesInWords(schema: ValueSchema): string {
  return [...new Set(alternatives(schema).map(typeOf))].join(" or ");
}

function typeOf({ type, const: constant }: ValueSchema): string {
  return type === "integer" ? "number" : type ?? typeof constant;
}

function jsonTypeOf(value: JsonValue): string {
  return value === null ? "null" : typeof value === "object" ? "array" : typeof value;
}

/** Digits without an exponent, as people write options. */
function plainNumber(value: number): string {
  const text = String(value);
  if (!text.includes("e-")) return text;
  // toFixed() gives a hundred digits at most.
  const digits = value.toFixed(100).replace(/\.?0+$/, "");
  return Number(digits) === value ? digits : text;
}

function listText(value: readonly JsonValue[]): string | null {
  if (value.length === 0) return null;
  const areTexts = value.every((item) => typeof item === "string" && /^[^,]+$/.test(item));
  return areTexts ? value.join(",") : null;
}
