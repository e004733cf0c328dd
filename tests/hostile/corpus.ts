import type { Reason } from "../../src/core/outcome.ts";
import {
  ACTIONS,
  AMOUNTS,
  ANYTHING,
  deep,
  IDS,
  INTEGERS,
  longText,
  NAMES,
  TIMES,
} from "./hostile_values.ts";

/** A value that once was, or easily is, got wrong. */
export interface HostileValue {
  readonly name: string;
  readonly value: Uint8Array | null;
  /** What it must become; null where only the oracle says it, or the engine's stack decides. */
  readonly expected: Reason | "valid" | null;
}

const encoder = new TextEncoder();
const START = '{"event_id":"e1","ts":"2026-11-24","usuario_id":7';

function written(name: string, text: string, expected: HostileValue["expected"]): HostileValue {
  return { name, value: encoder.encode(text), expected };
}

/** Bytes put into an event_id, which are not UTF-8 or not allowed in JSON. */
function inside(name: string, bytes: readonly number[], expected: Reason | "valid"): HostileValue {
  const [before = "", after = ""] = `{"event_id":"a|b","ts":"2026-11-24","usuario_id":7}`.split(
    "|",
  );
  const value = Uint8Array.of(...encoder.encode(before), ...bytes, ...encoder.encode(after));
  return { name, value, expected };
}

const BYTES: readonly HostileValue[] = [
  { name: "tombstone", value: null, expected: "no_value" },
  { name: "no bytes", value: new Uint8Array(), expected: "no_value" },
  { name: "one NUL", value: Uint8Array.of(0), expected: "not_json" },
  { name: "a byte order mark", value: encoder.encode(`\ufeff${START}}`), expected: "not_json" },
  { name: "UTF-16", value: Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0), expected: "not_utf8" },
  inside("a byte that never stands in UTF-8", [0xff], "not_utf8"),
  inside("an overlong slash", [0xc0, 0xaf], "not_utf8"),
  inside("an overlong NUL", [0xe0, 0x80, 0x80], "not_utf8"),
  inside("a surrogate in UTF-8", [0xed, 0xa0, 0x80], "not_utf8"),
  inside(
    "a pair of surrogates in UTF-8 (CESU-8)",
    [0xed, 0xa0, 0xbc, 0xed, 0xbc, 0x8a],
    "not_utf8",
  ),
  inside("a code point beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80], "not_utf8"),
  inside("a character cut off", [0xf0, 0x9f, 0x8c], "not_utf8"),
  inside("a continuation alone", [0x80], "not_utf8"),
  inside("the last code point", [0xf4, 0x8f, 0xbf, 0xbf], "valid"),
  inside("a noncharacter", [0xef, 0xbf, 0xbf], "valid"),
  inside("a byte order mark in an id", [0xef, 0xbb, 0xbf], "valid"),
  inside("a NUL in an id", [0], "not_json"),
  inside("a newline in an id", [10], "not_json"),
  inside("DEL in an id", [0x7f], "valid"),
];

const TEXTS: readonly HostileValue[] = [
  written("duplicate names: the last one counts", `${START},"event_id":"e2"}`, "valid"),
  written("duplicate names, the last one wrong", `${START},"event_id":5}`, "event_id_not_string"),
  written("a name in escapes", `{"\\u0065vent_id":"e1",${START.slice(17)}}`, "valid"),
  written("__proto__ with fields", `{"__proto__":${START}}}`, "event_id_missing"),
  written("__proto__ beside fields", `${START},"__proto__":{"event_id":5}}`, "valid"),
  written("constructor", `${START},"constructor":{"prototype":{"ts":1}}}`, "valid"),
  written("toJSON", `${START},"toJSON":1}`, "valid"),
  written("deep arrays", `${START},"a":${deep(100_000)}}`, null),
  written("deep objects", `${START},"a":${deep(100_000, "object")}}`, null),
  written("deep beside a number", `${START},"n":1e400,"a":${deep(100_000)}}`, "nested_too_deep"),
  written("deep and not closed", `${START},"a":${"[".repeat(100_000)}`, "not_json"),
  written("only deep arrays", deep(100_000), "not_object"),
  written("10 MB in an unknown field", `${START},"a":${longText(10_000_000)}}`, "valid"),
  written("10 MB in event_id", START.replace('"e1"', longText(10_000_000)) + "}", "valid"),
  written(
    "10 MB in ts",
    START.replace('"2026-11-24"', longText(10_000_000)) + "}",
    "ts_not_iso8601",
  ),
  written("10 MB in accion", `${START},"accion":${longText(10_000_000)}}`, "accion_not_allowed"),
  written("a million digits", `${START},"monto":${"9".repeat(1_000_000)}}`, "monto_not_finite"),
  written("a million decimals", `${START},"monto":0.${"1".repeat(1_000_000)}}`, "monto_not_exact"),
  written("a million zeros", `${START},"monto":0.${"0".repeat(1_000_000)}}`, "valid"),
  written("100,000 names", `${START},${manyNames(100_000)}}`, "valid"),
  written("100,000 times one name", `${START}${',"a":1'.repeat(100_000)}}`, "valid"),
  written("two objects", `${START}}${START}}`, "not_json"),
  written("an object and a comma", `${START}},`, "not_json"),
  written("a comma at the end", `${START},}`, "not_json"),
  written("a comment", `${START}/**/}`, "not_json"),
  written("single quotes", `{'event_id':'e1'}`, "not_json"),
  written("NaN", `${START},"monto":NaN}`, "not_json"),
  written("a number alone", "1", "not_object"),
  written("null", "null", "not_object"),
  written("an array of events", `[${START}}]`, "not_object"),
  written("a text that holds an event", JSON.stringify(`${START}}`), "not_object"),
  written("white space around", ` \r\n\t${START}}\n`, "valid"),
  written("a no-break space around", `\u00a0${START}}`, "not_json"),
];

function manyNames(count: number): string {
  return Array.from({ length: count }, (_, i) => `"n${i}":${i}`).join();
}

/** An event for each value of each list, in its field. */
function inFields(): HostileValue[] {
  const fields = [
    ["event_id", IDS],
    ["ts", TIMES],
    ["usuario_id", INTEGERS],
    ["accion", ACTIONS],
    ["monto", AMOUNTS],
    ["x", ANYTHING],
  ] as const;
  const known = fields.flatMap(([field, values]) =>
    values.map((value) =>
      written(`${field} ${brief(value)}`, `${START},"${field}":${value}}`, null)
    )
  );
  return [
    ...known,
    ...NAMES.map((name) => written(`a field ${brief(name)}`, `${START},${name}:1.50}`, null)),
  ];
}

function brief(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}… (${text.length})` : text;
}

/** All of them; some are of 10 MB. */
export const HOSTILE_CORPUS: readonly HostileValue[] = [...BYTES, ...TEXTS, ...inFields()];
