import assert from "node:assert/strict";
import {
  boolean,
  duration,
  integer,
  maybe,
  moment,
  name,
  oneOf,
  type Parser,
  path,
  ratio,
  serverList,
  startTime,
} from "../../src/options/option_parsers.ts";

interface Expected<T> {
  /** Texts with what they are read as. */
  readonly reads: readonly (readonly [text: string, value: T])[];
  readonly refuses: readonly string[];
}

function check<T>(parser: Parser<T>, { reads, refuses }: Expected<T>): void {
  for (const [text, value] of reads) assert.deepEqual(parser.parse(text), value, text);
  for (const text of refuses) {
    const isNamed = (error: unknown) =>
      error instanceof RangeError && error.message === `expected ${parser.accepts}`;
    assert.throws(() => parser.parse(text), isNamed, JSON.stringify(text));
  }
}

Deno.test("integer() reads whole numbers of its range", () => {
  check(integer(1, 1_000_000), {
    reads: [["1", 1], ["1000000", 1_000_000], ["1_000_000", 1_000_000], ["50,000", 50_000]],
    refuses: ["", "0", "1000001", "-1", "1.5", "1e3", "0x10", " 1", "abc", "_", "Infinity", "１"],
  });
  check(integer(0, Number.MAX_SAFE_INTEGER), {
    reads: [["0", 0], ["9007199254740991", Number.MAX_SAFE_INTEGER]],
    refuses: ["9007199254740992", "-1"],
  });
  check(integer(-5, 5), { reads: [["-5", -5]], refuses: ["-6", "--5"] });
});

Deno.test("ratio() reads numbers from 0 to 1", () => {
  check(ratio(), {
    reads: [["0", 0], ["1", 1], ["0.25", 0.25], [".5", 0.5], ["1.0", 1]],
    refuses: ["", "-0.1", "1.01", "50%", "1e-3", "0.", "NaN", "0,5", "Infinity", " 0.5"],
  });
});

Deno.test("oneOf() reads its words and no others", () => {
  check(oneOf(["auto", "json"]), {
    reads: [["auto", "auto"], ["json", "json"]],
    refuses: ["", "JSON", "auto ", "text"],
  });
});

Deno.test("name() reads what Kafka takes for a name", () => {
  check(name(), {
    reads: [["pi2_events", "pi2_events"], ["a.b-C_9", "a.b-C_9"], [
      "x".repeat(249),
      "x".repeat(249),
    ]],
    refuses: ["", "a b", "a/b", "ñ", "x".repeat(250), "a\n"],
  });
});

Deno.test("path() reads any path but an empty one", () => {
  check(path(), { reads: [["./a b/ñ", "./a b/ñ"], ["/", "/"]], refuses: ["", "a\0b"] });
});

Deno.test("serverList() reads host:port, separated by commas", () => {
  check(serverList(), {
    reads: [
      ["localhost:9092", ["localhost:9092"]],
      ["a:1, b.example-x.com:65535", ["a:1", "b.example-x.com:65535"]],
      ["[::1]:9092", ["[::1]:9092"]],
    ],
    refuses: [
      "",
      "localhost",
      "localhost:",
      "localhost:0",
      "localhost:65536",
      ":9092",
      "a:1,",
      "a:1,,b:2",
      "a:b",
      "http://a:1",
      "a b:1",
    ],
  });
});

Deno.test("boolean() reads true and false", () => {
  check(boolean(), {
    reads: [["true", true], ["1", true], ["false", false], ["0", false]],
    refuses: ["", "yes", "TRUE", "2"],
  });
});

Deno.test("duration() reads a whole number with a unit, as milliseconds", () => {
  check(duration(), {
    reads: [
      ["0", 0],
      ["500ms", 500],
      ["30s", 30_000],
      ["15m", 900_000],
      ["12h", 43_200_000],
      ["7d", 604_800_000],
    ],
    refuses: ["", "7", "7 d", "1.5h", "-1d", "d", "1w", "7D", "1000000000d"],
  });
});

Deno.test("startTime() reads now, a date, or a time with its offset", () => {
  check(startTime(), {
    reads: [
      ["now", null],
      ["2026-11-24", Date.UTC(2026, 10, 24)],
      ["2026-11-24T10:15:00", Date.UTC(2026, 10, 24, 10, 15)],
      ["2026-11-24T10:15Z", Date.UTC(2026, 10, 24, 10, 15)],
      ["2026-11-24T10:15:00.5Z", Date.UTC(2026, 10, 24, 10, 15, 0, 500)],
      ["2026-11-24T10:15:00-03:00", Date.UTC(2026, 10, 24, 13, 15)],
    ],
    refuses: [
      "",
      "today",
      "2026-13-01",
      "2026-11",
      "24.11.2026",
      "1764000000",
    ],
  });
});

Deno.test(
  "startTime() refuses a date that is not in the calendar",
  () => {
    check(startTime(), { reads: [], refuses: ["2026-02-30", "2026-11-31T00:00:00Z"] });
  },
);

Deno.test("maybe() reads a word as nothing, and all else as the parser behind it", () => {
  check(maybe("any", integer(1, 9)), {
    reads: [["any", null], ["3", 3]],
    refuses: ["", "none", "10", "Any"],
  });
});

Deno.test("moment() reads dates and times as milliseconds", () => {
  check(moment(), {
    reads: [["2026-11-24", Date.UTC(2026, 10, 24)], [
      "2026-11-24T10:15:00.5Z",
      Date.UTC(2026, 10, 24, 10, 15, 0, 500),
    ]],
    refuses: ["", "now", "yesterday", "2026-11-31"],
  });
});
