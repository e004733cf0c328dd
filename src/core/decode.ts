import { hasEscapedName, readObject } from "./json_reader.ts";
import type { Reason } from "./outcome.ts";

/** A record's value as a JSON object, not yet held against the schema. */
export interface Decoded {
  readonly kind: "decoded";
  readonly fields: Record<string, unknown>;
  /** The text that was parsed, for what parsing loses (the digits of large numbers). */
  readonly text: string;
}

/** A value that is not a JSON object. */
export interface Undecodable {
  readonly kind: "undecodable";
  readonly reason: Reason;
}

const UNDECODABLE = {
  noValue: { kind: "undecodable", reason: "no_value" },
  notUtf8: { kind: "undecodable", reason: "not_utf8" },
  notJson: { kind: "undecodable", reason: "not_json" },
  tooDeep: { kind: "undecodable", reason: "nested_too_deep" },
  notObject: { kind: "undecodable", reason: "not_object" },
} as const satisfies Record<string, Undecodable>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes a record's value: UTF-8, then JSON, then an object. A byte order mark is not JSON (RFC 8259, 8.1). */
export function decode(value: Uint8Array | null): Decoded | Undecodable {
  if (value === null || value.length === 0) return UNDECODABLE.noValue;
  let text: string;
  try {
    text = utf8.decode(value);
  } catch (error) {
    if (error instanceof TypeError) return UNDECODABLE.notUtf8;
    throw error;
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return UNDECODABLE.notJson;
    throw error;
  }
  if (!isObject(json)) return UNDECODABLE.notObject;
  if (!hasEscapedName(text)) return { kind: "decoded", fields: json, text };
  try {
    return { kind: "decoded", fields: readObject(text), text };
  } catch (error) {
    // The reader recurses; V8 ends that with a RangeError.
    if (error instanceof RangeError) return UNDECODABLE.tooDeep;
    throw error;
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
