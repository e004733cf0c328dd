/** JSON texts of values that are easily got wrong, by the field that they are meant for. */

const text = (value: string) => JSON.stringify(value);

/** A text of many characters, as JSON. */
export function longText(length: number, unit = "x"): string {
  return text(unit.repeat(Math.ceil(length / unit.length)));
}

/** Arrays or objects in each other, as JSON. */
export function deep(levels: number, kind: "array" | "object" = "array"): string {
  const [open, close] = kind === "array" ? ["[", "]"] : ['{"a":', "}"];
  return `${open.repeat(levels)}${kind === "array" ? "" : "1"}${close.repeat(levels)}`;
}

export const IDS: readonly string[] = [
  ...["", " ", "\0", "e\0f", "\n", "a\r\nb", "\u2028\u2029", "\u0085", "\u202eabc", "\ufeff"],
  ...['"', "'", "\\", "`", "$(id)", "${x}", "%s%n", "<script>", "'; DROP TABLE seen_ids;--"],
  ...["/", "../../../../tmp/escaped", "..\\..\\x", "/etc/passwd", "a/b/c", ".", "..", "~"],
  ...["date=2026-11-24", "_staging", "_dead_letters", "checkpoint.sqlite", "CON", "%2e%2e%2f"],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "null", "NaN", "0", "1e3"],
  ...["ñ", "n\u0303", "日本", "🌊", "\u{10ffff}", "\ud800", "\udc00x", "a\ud83c", "{", "[]"],
  ...["550e8400-e29b-41d4-a716-446655440000", "e1", "E1", "e1 "],
].map(text).concat(
  String.raw`"\u0065\u0031"`,
  String.raw`"\ud83c\udf0a"`,
  String.raw`"\ud800"`,
  String.raw`"\udc00\ud800"`,
  String.raw`"\u0000"`,
  String.raw`"\/\b\f"`,
  longText(65_536),
  longText(65_536, "🌊"),
  ...["1", "null", "true", "[]", "{}", '["e1"]', '{"event_id":"e1"}'],
);

export const TIMES: readonly string[] = [
  ...["2026-11-24T10:15:00Z", "2026-11-24T10:15:00.123456Z", "2026-11-24", "2026-11-24T10:15Z"],
  ...["2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z", "2026-11-24T24:00:00Z"],
  ...["0000-01-01", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:01", "-0001-12-31"],
  ...["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "10000-01-01", "+010000-01-01"],
  ...["2026-11-24T00:00:00+14:00", "2026-11-24T23:59:59-14:00", "2026-11-24T00:00:00+23:59"],
  ...["2026-11-24T00:00:00+24:00", "2026-11-24T10:15:00+0530", "2026-11-24T10:15:00-05"],
  ...["2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-13-01", "2026-00-10"],
  ...["2026-11-31", "2026-11-00", "2026-11-24 10:15:00Z", "2026-11-24t10:15:00z", "20261124"],
  ...["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "1582-10-10", "2026-W48-2"],
  ...["2026-11-24T10:15:00,5Z", "2026-11-24T10:15:00.Z", `2026-11-24T10:15:00.${"9".repeat(30)}Z`],
  ...[`2026-11-24T10:15:00.${"1".repeat(31)}Z`, "2026-11-24T10:15:00Zx", " 2026-11-24", ""],
  ...["../../2026-11-24", "２０２６-11-24", "2026-11-24\0", "now", "1764000000"],
].map(text).concat(...["1764000000", "null", "[]", "{}", "false"], String.raw`"2026-\u00311-24"`);

export const INTEGERS: readonly string[] = [
  ...["0", "-0", "1", "-1", "7", "7.0", "7e0", "1e3", "1.5", "70e-1", "1e-1", "1E+2"],
  ...["9007199254740991", "-9007199254740991", "9007199254740992", "9007199254740993"],
  ...["9007199254740990.6", "7.00000000000000000001", "9223372036854775807", "1e15", "1e16"],
  ...["1e400", "-1e400", "1e-400", "0e999999999", "1e-999999999", `1${"0".repeat(400)}`],
  ...[`0.${"0".repeat(400)}1`, "00", "01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "-"],
  ...['"7"', "null", "true", "[7]", "{}", '""'],
];

export const AMOUNTS: readonly string[] = [
  ...["0", "-0", "0.0", "0.01", "12.50", "12.5", "499.99", "1e2", "1.5e-3", "null"],
  ...["0.1000000000000000055511151231257827", "0.10000000000000001", "123456789.123456789"],
  ...["9007199254740993", "9007199254740992", "1.00000000000000000001", "9.9999999999999999"],
  ...["5e-324", "3e-324", "2e-324", "1e-400", "2.2250738585072011e-308", "1.7976931348623157e308"],
  ...["1.7976931348623159e308", "1e309", "-0.01", "-1e-400", "-5e-324", `0.${"1".repeat(120)}`],
  ...["0e-999999999", '"12.5"', "true", "[]", "{}", "1,5", "$1"],
];

export const ACTIONS: readonly string[] = [
  ...['"click"', '"view"', '"purchase"', '"click"', '"view"'],
  ...['"Click"', '"click "', '""', "null", "0", "[]", '["click"]', String.raw`"\u0063lick"`],
];

/** Names of fields that no schema knows, or that must not be taken for one that it knows. */
export const NAMES: readonly string[] = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "then"],
  ...["", " ", "0", "1", "-1", "event_id ", "Event_id", "ts\0", "monto\n", "date", "a.b", "../x"],
  ...["origen", "ñ", "🌊", "\ufeff", "\ud800", '"', "\\", "'", "extra", "kafka_offset", "length"],
].map(text).concat(String.raw`"\u006fr\u0069gen"`, longText(5_000));

/** Values of such fields. */
export const ANYTHING: readonly string[] = [
  ...["1", "null", "true", '""', "[]", "{}", '"app"', "1.0", "100.50", "0.0000001", "-0", "-0.0"],
  ...["12345678901234567890", "1e400", "1E5", "9007199254740993", "0.12345678901234567890"],
  ...['{"__proto__":{"event_id":"x"}}', '{"constructor":{"prototype":{"a":1}}}', '{"a":1,"a":2}'],
  ...['{"event_id":"inner","monto":9007199254740993}', '[1,"2",[3,{"b":4.50}]]', '{"":{"":{}}}'],
  ...['{"toJSON":1}', '{"rawJSON":"1"}', '{"length":-1}', '"\\u0000\\ud800\\b"', '"\\u2028"'],
  ...[text("\u2028ñ🌊"), "[null,[],{},0.10]", "[1e2,-0,1.50]", "[12345678901234567]"],
  ...[deep(50), deep(50, "object"), longText(300)],
];
