import fc from "fast-check";

const SPACE = fc.oneof(
  { weight: 8, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 }),
  },
  { weight: 1, arbitrary: fc.constantFrom("\f", "\v", "\u00a0", "\ufeff", "\0", ",", "/**/") },
);

const DIGITS = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 18 });
const SHORT_DIGITS = fc.string({ unit: fc.constantFrom(..."0159"), minLength: 1, maxLength: 4 });

/** Numbers as JSON has them, and some that only look like it. */
const NUMBER = fc.oneof(
  fc.integer({ min: -1000, max: 100_000 }).map(String),
  fc.integer({ min: -100, max: 100_000 }).map((cents) => (cents / 100).toFixed(2)),
  fc.double({ noNaN: true }).map(String),
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
  DIGITS,
  fc.tuple(fc.constantFrom("", "-", "+"), SHORT_DIGITS, SHORT_DIGITS)
    .map(([sign, a, b]) => `${sign}${a}.${b}`),
  fc.tuple(DIGITS, DIGITS).map(([a, b]) => `${a}.${b}`),
  fc.tuple(SHORT_DIGITS, fc.constantFrom("e", "E", "e+", "e-"), fc.nat({ max: 330 }))
    .map(([a, e, b]) => `${a}${e}${b}`),
  fc.constantFrom(
    ...["-0", "0", "-0.0", "0.0", "01", "1.", ".5", "1.0", "1e5", "1E400", "-1", "1_000", "0x1f"],
    ...["9007199254740991", "9007199254740992", "999999999999999", "1000000000000000", "--1", "-"],
    ...[
      "0.000001",
      "0.0000001",
      "0.00000123",
      "123456789.012345",
      "123456789.0123456",
      "NaN",
      "1 2",
    ],
    ...[
      "0.1",
      "0.10",
      "4.35",
      "2.675",
      "5e-324",
      "1.7976931348623157e308",
      "-9007199254740991",
      "00",
    ],
  ),
);

const TEXT = fc.oneof(
  fc.nat({ max: 100_000 }).map((n) => `e${n}`),
  fc.string({ unit: "grapheme-ascii", maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(
    "",
    "\\u0041",
    "\\n",
    "\\ud800",
    "\\",
    'a\\"b',
    "\u007f",
    "ñ",
    "click",
    "🌊",
    "\t",
  ),
).map((text) => `"${text}"`);

const two = (min: number, max: number) =>
  fc.integer({ min, max }).map((n) => String(n).padStart(2, "0"));

/** Times as producers write them, with parts that are a little out of range. */
const TIME = fc.tuple(
  fc.constantFrom("2026", "0000", "2024", "1900", "9999", "2000", "202", "20260", "+2026", "-001"),
  fc.tuple(fc.constantFrom("-", "-", "-", "-", "/", ""), two(0, 13), two(0, 32)),
  fc.constantFrom("T", "T", "T", "T", " ", "t", ""),
  fc.tuple(fc.constantFrom(":", ":", ":", ":", ".", ""), two(0, 24), two(0, 60), two(0, 61)),
  fc.oneof(
    fc.constant(""),
    fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 8 }).map((f) => `.${f}`),
    fc.constantFrom(",5", ".", ".5.5", ".-1", ":00"),
  ),
  fc.constantFrom("Z", "Z", "+00:00", "+00:00", "", "z", "-00:00", "+00", "+05:30", "-23:59", "Z "),
).map(([year, [dash, month, day], t, [colon, hour, minute, second], fraction, zone]) =>
  `"${year}${dash}${month}${dash}${day}${t}${hour}${colon}${minute}${colon}${second}${fraction}${zone}"`
);

const USUAL_TIME = fc.tuple(
  fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") }),
  fc.constantFrom(20, 21, 22, 23, 24, 24, 24),
).map(([date, length]) => `"${date.toISOString().slice(0, length - 1)}Z"`.replace(".Z", "Z"));

const NESTED = fc.json({ maxDepth: 2 });
const LITERAL = fc.constantFrom("null", "true", "false", "nul", "NULL", "undefined", "", "nullx");
const ANYTHING = fc.oneof(NUMBER, TEXT, LITERAL, NESTED, TIME);

/** Mostly a value that its field may have. */
function mostly(usual: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: ANYTHING });
}

const PLAIN_NUMBER = fc.integer({ min: -5, max: 1_000 }).map(String);
const PLAIN_DECIMAL = fc.nat({ max: 100_000 }).map((cents) => (cents / 100).toFixed(2));
const ID = fc.nat({ max: 1_000_000 }).map((n) => `"e${n}"`);
const VALUES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  event_id: mostly(fc.oneof({ weight: 8, arbitrary: ID }, { weight: 1, arbitrary: TEXT })),
  ts: mostly(fc.oneof({ weight: 5, arbitrary: USUAL_TIME }, { weight: 1, arbitrary: TIME })),
  usuario_id: mostly(fc.oneof(PLAIN_NUMBER, PLAIN_NUMBER, NUMBER)),
  accion: mostly(fc.constantFrom('"click"', '"view"', '"purchase"')),
  monto: mostly(fc.oneof(fc.constant("null"), PLAIN_NUMBER, PLAIN_DECIMAL, NUMBER)),
};

const UNKNOWN_NAME = fc.oneof(
  fc.constantFrom("origen", "a", "b", "", "1", "01", "-1", "ts ", "Ts", "event_i", "event_idd"),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "toJSON",
    "toString",
    "length",
    "10",
    "1.5",
    "\u007f",
  ),
  fc.constantFrom("\\u0074s", "ñ", "t\\", "4294967294", "4294967295", "hasOwnProperty", "valueOf"),
  fc.string({ unit: "grapheme-ascii", maxLength: 6 }),
);

type Field = readonly [name: string, value: string];

const KNOWN_FIELDS: fc.Arbitrary<readonly Field[]> = fc.tuple(
  ...Object.entries(VALUES).map(([name, value]) => value.map((text): Field => [name, text])),
);
const UNKNOWN_FIELD: fc.Arbitrary<Field> = fc.tuple(
  fc.oneof({ weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(..."abcd") }) }, {
    weight: 1,
    arbitrary: UNKNOWN_NAME,
  }),
  fc.oneof({ weight: 4, arbitrary: fc.oneof(ID, PLAIN_NUMBER, PLAIN_DECIMAL) }, {
    weight: 1,
    arbitrary: ANYTHING,
  }),
);
const MORE_FIELDS: fc.Arbitrary<readonly Field[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.array(UNKNOWN_FIELD, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.array(UNKNOWN_FIELD, { maxLength: 20 }) },
);

/** Now and then in another order, with a field missing or named twice. */
const FIELDS: fc.Arbitrary<readonly Field[]> = fc.tuple(KNOWN_FIELDS, MORE_FIELDS).chain(
  ([known, more]) => {
    const all = [...known, ...more];
    return fc.oneof(
      { weight: 3, arbitrary: fc.constant(all) },
      { weight: 2, arbitrary: fc.shuffledSubarray(all, { minLength: all.length }) },
      { weight: 1, arbitrary: fc.shuffledSubarray(all) },
      { weight: 1, arbitrary: fc.constantFrom(...all).map((again): Field[] => [...all, again]) },
    );
  },
);

const PLAIN_SPACES = fc.constant(["", "", "", ""]);
const SPACES = fc.oneof(
  { weight: 3, arbitrary: PLAIN_SPACES },
  { weight: 1, arbitrary: fc.constant(["", " ", " ", ""]) },
  { weight: 1, arbitrary: fc.tuple(SPACE, SPACE, SPACE, SPACE) },
);
const FRAME = fc.oneof(
  { weight: 20, arbitrary: fc.constant(["{", "}"]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ["\ufeff{", "}"],
      ["{", "}}"],
      ["{", ",}"],
      ["{,", "}"],
      ["[{", "}]"],
      [
        " \n{",
        "}\r\t ",
      ],
      ["{", "} x"],
      ["{", "}\0"],
      ["{", ""],
      ["", "}"],
      ["{", "}{}"],
      ["[", "]"],
    ),
  },
);

const encoder = new TextEncoder();

/** JSON of an event, or of something that is nearly one. */
const NEAR_USUAL_TEXT = fc.tuple(FIELDS, SPACES, FRAME).map(([fields, spaces, [left, right]]) => {
  const [before, afterName, beforeValue, after] = spaces;
  const inner = fields.map(([name, value]) =>
    `${before}"${name}"${afterName}:${beforeValue}${value}${after}`
  );
  return `${left}${inner.join(",")}${right}`;
});

interface Mutation {
  /** Where, as a share of the length. */
  readonly place: number;
  readonly kind: "set" | "insert" | "remove" | "cut" | "repeat";
  readonly byte: number;
}

const MUTATION: fc.Arbitrary<Mutation> = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  kind: fc.constantFrom("set", "insert", "remove", "cut", "repeat"),
  byte: fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(...encoder.encode('{}[]",:\\-+.eE0123456789 \t\n\r\0nut')),
  ),
});

function mutate(bytes: Uint8Array, { place, kind, byte }: Mutation): Uint8Array {
  const at = Math.floor(place * bytes.length);
  const before = bytes.subarray(0, at), here = bytes.subarray(at, at + 1);
  const after = bytes.subarray(at + 1);
  switch (kind) {
    case "set":
      return Uint8Array.from([...before, byte, ...after]);
    case "insert":
      return Uint8Array.from([...before, byte, ...here, ...after]);
    case "remove":
      return Uint8Array.from([...before, ...after]);
    case "cut":
      return Uint8Array.from(before);
    case "repeat":
      return Uint8Array.from([...before, ...here, ...here, ...after]);
    default:
      return kind satisfies never;
  }
}

/** Bytes that are an event in the usual form, or are a little off it, in every way that we know of. */
export const nearUsualBytes: fc.Arbitrary<Uint8Array> = fc.tuple(
  NEAR_USUAL_TEXT,
  fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(MUTATION, { minLength: 1, maxLength: 2 }) },
  ),
).map(([text, mutations]) => mutations.reduce(mutate, encoder.encode(text)));
