import assert from "node:assert/strict";
import fc from "fast-check";
import { isHeldBy, mayLoseDigits } from "../../src/core/number_text.ts";
import { checkProperty } from "../property_seed.ts";
import { eventText } from "./samples.ts";

const HELD = [
  "0",
  "-0",
  "0.000",
  "0e9",
  "0.1",
  "12.10",
  "0.10000000000000001",
  // The float nearest to 0.1, to 34 of its digits.
  "0.1000000000000000055511151231257827",
  // Its float is 252263799295996.125.
  "252263799295996.12",
  "252263799295996.13",
  "9007199254740992",
  "9007199254740994",
  "1e22",
  "1E+2",
  "100000000000000000000000",
  "5e-324",
  "1.7976931348623157e308",
];
const CHANGED = [
  "9007199254740993",
  "-9007199254740993",
  "0.1000000000000000055511151231257828",
  "1.00000000000000000001",
  "123456789.123456789",
  "9.9999999999999999",
  "1e-400",
  "3e-324",
  `1.${"0".repeat(120)}1`,
];

Deno.test("isHeldBy() is true where the float gives the digits back", () => {
  for (const text of HELD) assert.ok(isHeldBy(text, Number(text)), text);
});

Deno.test("isHeldBy() is false where digits would be changed", () => {
  for (const text of CHANGED) assert.equal(isHeldBy(text, Number(text)), false, text);
});

Deno.test("isHeldBy() is true for what JavaScript, and printf with %.17g, write of any float", () => {
  checkProperty(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      for (const text of [String(value), value.toPrecision(17), value.toExponential(16)]) {
        assert.ok(isHeldBy(text, value), text);
      }
    }),
    { runs: 2000 },
  );
});

Deno.test("isHeldBy() is true for any decimal of 15 digits", () => {
  const digits = fc.integer({ min: 1, max: 999_999_999_999_999 });
  checkProperty(
    fc.property(digits, fc.integer({ min: -30, max: 30 }), (mantissa, exponent) => {
      const text = `${mantissa}e${exponent}`;
      assert.ok(isHeldBy(text, Number(text)), text);
    }),
    { runs: 2000 },
  );
});

Deno.test("mayLoseDigits() is true for every member that a float would change", () => {
  for (const text of CHANGED) {
    for (const space of ["", " ", "\n\t"]) {
      assert.ok(mayLoseDigits(`{"monto":${space}${text}}`), text);
    }
  }
});

Deno.test("mayLoseDigits() is false for usual events, so that they are not parsed twice", () => {
  const event_id = "550e8400-e29b-41d4-a716-446655440000";
  assert.equal(mayLoseDigits(eventText({ event_id, usuario_id: 123_456_789_012_345 })), false);
  assert.equal(mayLoseDigits(eventText({ event_id: "12345678901234567890", monto: null })), false);
});
