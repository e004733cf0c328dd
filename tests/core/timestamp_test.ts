import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isoDate,
  microsecondsOf,
  type Moment,
  momentOfMs,
  parseIso8601,
} from "../../src/core/timestamp.ts";
import { checkProperty } from "../property_seed.ts";

const MS_A_DAY = 86_400_000;
const FIRST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/** The moment that Date reads out of a text, with microseconds below its milliseconds added. */
function momentByDate(text: string, microseconds = 0): Moment {
  const ms = Date.parse(text);
  const day = Math.floor(ms / MS_A_DAY);
  return { day, microseconds: (ms - day * MS_A_DAY) * 1000 + microseconds };
}

/** Texts that are read, each with a text that Date reads as the same time, and microseconds on top. */
const ACCEPTED: readonly (readonly [text: string, same: string, microseconds?: number])[] = [
  ["2026-11-24", "2026-11-24T00:00:00.000Z"],
  ["1970-01-01", "1970-01-01T00:00:00.000Z"],
  ["1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999Z", 999],
  ["2026-11-24T10:15", "2026-11-24T10:15:00.000Z"],
  ["2026-11-24T10:15Z", "2026-11-24T10:15:00.000Z"],
  ["2026-11-24T10:15:09", "2026-11-24T10:15:09.000Z"],
  ["2026-11-24T10:15:09Z", "2026-11-24T10:15:09.000Z"],
  ["2026-11-24T10:15:09.5Z", "2026-11-24T10:15:09.500Z"],
  ["2026-11-24T10:15:09,5Z", "2026-11-24T10:15:09.500Z"],
  ["2026-11-24T10:15:09.5", "2026-11-24T10:15:09.500Z"],
  ["2026-11-24T10:15:09.123Z", "2026-11-24T10:15:09.123Z"],
  ["2026-11-24T10:15:09.1234Z", "2026-11-24T10:15:09.123Z", 400],
  ["2026-11-24T10:15:09.123456Z", "2026-11-24T10:15:09.123Z", 456],
  ["2026-11-24T10:15:09.000001Z", "2026-11-24T10:15:09.000Z", 1],
  ["2026-11-24T10:15:09.1234569Z", "2026-11-24T10:15:09.123Z", 456],
  ["2026-11-24T10:15:09.123456999+00:00", "2026-11-24T10:15:09.123Z", 456],
  ["2026-11-24T23:59:59.9999999Z", "2026-11-24T23:59:59.999Z", 999],
  ["2026-11-24T00:00:00Z", "2026-11-24T00:00:00.000Z"],
  ["2026-11-24T10:15:00+05", "2026-11-24T05:15:00.000Z"],
  ["2026-11-24T10:15:00+0530", "2026-11-24T04:45:00.000Z"],
  ["2026-11-24T10:15:00+05:30", "2026-11-24T04:45:00.000Z"],
  ["2026-11-24T10:15:00.25-03:00", "2026-11-24T13:15:00.250Z"],
  ["2026-11-24T10:15-03", "2026-11-24T13:15:00.000Z"],
  ["2026-11-24T10:15:00-00:00", "2026-11-24T10:15:00.000Z"],
  ["2026-11-24T10:15:00+23:59", "2026-11-23T10:16:00.000Z"],
  ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"],
  ["2000-02-29", "2000-02-29T00:00:00.000Z"],
  ["0000-02-29", "0000-02-29T00:00:00.000Z"],
];

Deno.test("parseIso8601() reads dates and date-times with Z, an offset or none", () => {
  for (const [text, same, microseconds] of ACCEPTED) {
    assert.deepEqual(parseIso8601(text), momentByDate(same, microseconds), text);
  }
});

const REJECTED: readonly string[] = [
  "",
  "yesterday",
  "1764000000",
  "2026",
  "2026-11",
  "26-11-24",
  "02026-11-24",
  "+002026-11-24",
  "-0001-01-01",
  "20261124",
  "20261124T101500Z",
  "2026-W48-2",
  "2026-328",
  "2026/11/24",
  " 2026-11-24",
  "2026-11-24 ",
  "2026-11-24\n",
  "2026-11-24T10:15:00Z\n",
  "2026-11-24T10:15:00Z\0",
  "2026-11-24T",
  "2026-11-24Z",
  "2026-11-24T1:15:00Z",
  "2026-11-24T10:15:0Z",
  "2026-11-24T10:15:00ZZ",
  "2026-11-24T10:15:00.Z",
  "2026-11-24T10:15:00.12a456Z",
  "2026-11-24T10:15.5Z",
  "2026-11-24T10:15:00:00Z",
  "2026-11-24T10.15.00Z",
  "2026-00-10",
  "2026-13-01",
  "2026-13-01T00:00:00Z",
  "2026-11-00T00:00:00Z",
  "2026-11-31T00:00:00Z",
  "2026-04-31",
  "2025-02-29T00:00:00Z",
  "2026-02-30",
  "1900-02-29",
  "2100-02-29T00:00:00Z",
  "2026-11-24T24:00:00Z",
  "2026-11-24T24:00",
  "2026-11-24T25:00:00Z",
  "2026-11-24T10:60:00Z",
  "2026-11-24T10:60",
  "2026-11-24T10:15:61Z",
  "2026-11-24T10:15:00+24:00",
  "2026-11-24T10:15:00+05:60",
  "2026-11-24T10:15:00+5",
  "2026-11-24T10:15:00+05:3",
  "2026-11-24T10:15:00+05:",
  "2026-11-24T10:15:00 +05:00",
  "2026-11-24T10:15:00\u221205:00",
  "２０２６-11-24T10:15:00Z",
  "2026-11-24T１0:15:00Z",
  "２０２６-11-24",
  "2026-11-24T-1:15:00Z",
  "2026-11-24T10:15:00.-1Z",
];

Deno.test("parseIso8601() refuses what is not an ISO 8601 date or date-time in its extended form", () => {
  for (const text of REJECTED) assert.equal(parseIso8601(text), null, JSON.stringify(text));
});

Deno.test("parseIso8601() moves the date by the offset", () => {
  const days = (text: string) => isoDate(parseIso8601(text)?.day ?? NaN);
  assert.equal(days("2026-11-24T00:30:00+01:00"), "2026-11-23");
  assert.equal(days("2026-11-24T23:30:00-01:00"), "2026-11-25");
  assert.equal(days("2026-01-01T00:00:00+00:01"), "2025-12-31");
  assert.equal(days("2024-02-29T23:59:59-00:01"), "2024-03-01");
  assert.equal(days("2025-02-28T23:59:59-00:01"), "2025-03-01");
  assert.equal(days("2026-11-24T23:59:59.999999+00:00"), "2026-11-24");
  assert.deepEqual(parseIso8601("2026-11-24T00:00:00+00:01"), {
    day: momentByDate("2026-11-23").day,
    microseconds: 86_340_000_000,
  });
});

Deno.test("parseIso8601() refuses UTC dates outside the years 0000 to 9999", () => {
  assert.equal(parseIso8601("0000-01-01")?.day, FIRST_MS / MS_A_DAY);
  assert.equal(parseIso8601("0000-01-01T00:00:00Z")?.day, FIRST_MS / MS_A_DAY);
  assert.equal(parseIso8601("0000-01-01T00:01:00+00:01")?.microseconds, 0);
  assert.equal(parseIso8601("0000-01-01T00:00:00.999999+00:01"), null);
  assert.equal(parseIso8601("9999-12-31T23:59:59.999999Z")?.microseconds, 86_399_999_999);
  assert.equal(parseIso8601("9999-12-31T23:58:59.9-00:01")?.microseconds, 86_399_900_000);
  assert.equal(parseIso8601("9999-12-31T23:59:00-00:01"), null);
  assert.equal(isoDate(parseIso8601("0000-01-01")?.day ?? NaN), "0000-01-01");
  assert.equal(isoDate(parseIso8601("9999-12-31")?.day ?? NaN), "9999-12-31");
});

Deno.test("parseIso8601() refuses a leap second, in the usual form and in others", () => {
  assert.equal(parseIso8601("2016-12-31T23:59:60Z"), null);
  assert.equal(parseIso8601("2016-12-31T23:59:60.5Z"), null);
  assert.equal(parseIso8601("2016-12-31T23:59:60+00:00"), null);
  assert.equal(parseIso8601("2016-12-31T23:59:60"), null);
});

const anyTime = fc.integer({ min: FIRST_MS, max: LAST_MS });

Deno.test("parseIso8601() agrees with Date for any time in UTC", () => {
  checkProperty(
    fc.property(anyTime, fc.integer({ min: 0, max: 999 }), (ms, below) => {
      const text = new Date(ms).toISOString();
      assert.deepEqual(parseIso8601(text), momentByDate(text));
      const precise = text.replace("Z", `${String(below).padStart(3, "0")}Z`);
      assert.deepEqual(parseIso8601(precise), momentByDate(text, below));
    }),
    { runs: 1000 },
  );
});

Deno.test("parseIso8601() agrees with Date for any time with an offset", () => {
  const anyOffset = fc.integer({ min: -(24 * 60 - 1), max: 24 * 60 - 1 });
  checkProperty(
    fc.property(anyTime, anyOffset, (ms, minutes) => {
      const two = (number: number) => String(number).padStart(2, "0");
      const size = Math.abs(minutes);
      const offset = `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
      const text = new Date(ms).toISOString().replace("Z", offset);
      const utc = Date.parse(text);
      const expected = utc < FIRST_MS || utc > LAST_MS ? null : momentByDate(text);
      assert.deepEqual(parseIso8601(text), expected, text);
    }),
    { runs: 1000 },
  );
});

/** Numbers around the bounds of a part of a time, written with two digits. */
function part(max: number): fc.Arbitrary<string> {
  return fc.integer({ min: 0, max }).map((number) => String(number).padStart(2, "0"));
}

Deno.test("parseIso8601() reads the usual form with Z and the general form alike", () => {
  const anyFraction = fc.stringMatching(/^(\.\d{1,9})?$/);
  const anyYear = fc.integer({ min: 1, max: 9998 }).map((year) => String(year).padStart(4, "0"));
  const anyDate = fc.tuple(anyYear, part(14), part(33)).map((parts) => parts.join("-"));
  const anyClock = fc.tuple(part(26), part(62), part(62)).map((parts) => parts.join(":"));
  let readCount = 0;
  checkProperty(
    fc.property(anyDate, anyClock, anyFraction, (date, clock, fraction) => {
      const usual = parseIso8601(`${date}T${clock}${fraction}Z`);
      if (usual !== null) readCount++;
      assert.deepEqual(parseIso8601(`${date}T${clock}${fraction}+00:00`), usual);
      assert.deepEqual(parseIso8601(`${date}T${clock}${fraction.replace(".", ",")}`), usual);
    }),
    { runs: 2000 },
  );
  assert.ok(readCount > 200, `${readCount} of 2000 texts were times`);
});

Deno.test("parseIso8601() answers null or a moment in range for any text", () => {
  const likeATime = fc.stringMatching(/^[0-9T:.,Z+-]{0,30}$/);
  checkProperty(
    fc.property(fc.oneof(fc.string(), likeATime), (text) => {
      const moment = parseIso8601(text);
      if (moment === null) return;
      assert.ok(moment.microseconds >= 0 && moment.microseconds < 86_400_000_000);
      assert.ok(Number.isInteger(moment.day) && Number.isInteger(moment.microseconds));
    }),
    { runs: 1000 },
  );
});

Deno.test("isoDate() is the date that parseIso8601() read", () => {
  checkProperty(
    fc.property(anyTime, (ms) => {
      const date = new Date(ms).toISOString().slice(0, 10);
      assert.equal(isoDate(parseIso8601(date)?.day ?? NaN), date);
    }),
    { runs: 500 },
  );
});

Deno.test("momentOfMs() splits a clock's reading, also before 1970", () => {
  assert.deepEqual(momentOfMs(0), { day: 0, microseconds: 0 });
  assert.deepEqual(momentOfMs(-1), { day: -1, microseconds: 86_399_999_000 });
  assert.deepEqual(momentOfMs(86_400_000.25), { day: 1, microseconds: 250 });
});

Deno.test("microsecondsOf() counts from 1970 exactly, over the whole range", () => {
  assert.equal(microsecondsOf({ day: 0, microseconds: 1 }), 1n);
  assert.equal(microsecondsOf({ day: -1, microseconds: 86_399_999_999 }), -1n);
  const last = parseIso8601("9999-12-31T23:59:59.999999Z");
  assert.ok(last !== null);
  assert.equal(microsecondsOf(last), BigInt(LAST_MS) * 1000n + 999n);
});
