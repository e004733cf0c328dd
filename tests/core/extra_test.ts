import assert from "node:assert/strict";
import fc from "fast-check";
import { decode } from "../../src/core/decode.ts";
import { EVENT_FIELDS } from "../../src/core/event_fields.ts";
import { extraOf } from "../../src/core/extra.ts";
import { checkProperty } from "../property_seed.ts";
import { bytesOf, eventText } from "./samples.ts";

/** The extra of an object given as JSON text. */
function extra(text: string): string | null | undefined {
  const decoded = decode(bytesOf(text));
  assert.ok(decoded.kind === "decoded");
  return extraOf(decoded.fields, decoded.text);
}

/** A valid event with more fields, given as JSON text: `"a":1`. */
function eventWith(fields: string): string {
  return `${eventText().slice(0, -1)},${fields}}`;
}

Deno.test("extraOf() is null where all fields are known, whatever the numbers", () => {
  assert.equal(extra("{}"), null);
  assert.equal(extra(eventText()), null);
  assert.equal(extra(eventText({ accion: undefined, monto: undefined })), null);
  assert.equal(extra(eventText({ monto: "?" }).replace('"?"', "1.00000000000000000001")), null);
});

Deno.test("extraOf() keeps every unknown field and none of the known ones", () => {
  const fields = '"origen":"app","anidado":{"a":[1,null,true,{"b":""}]},"vacío":null,"🌊":false';
  assert.equal(extra(eventWith(fields)), `{${fields}}`);
  assert.equal(
    extra(`{"x":{"event_id":"inner","monto":1},"event_id":"a"}`),
    `{"x":{"event_id":"inner","monto":1}}`,
  );
  assert.equal(extra('{"":1,"Monto":2," ts":3}'), '{"":1,"Monto":2," ts":3}');
});

Deno.test("extraOf() keeps a field named __proto__, in both ways of reading", () => {
  assert.equal(extra('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}');
  assert.equal(extra('{"__proto__":5,"constructor":1}'), '{"__proto__":5,"constructor":1}');
  const long = '{"__proto__":{"a":12345678901234567890},"x":{"__proto__":1}}';
  assert.equal(extra(long), long);
  assert.equal(({} as { readonly a?: unknown }).a, undefined);
});

Deno.test("extraOf() keeps numbers digit by digit where a 64-bit float would change them", () => {
  const numbers = [
    "9007199254740993",
    "12345678901234567890",
    "-12345678901234567890123456789",
    "0.12345678901234567890",
    "3.141592653589793238",
    "1e400",
    "-1E+400",
    "1e-400",
    "1.5e5",
    "100000000000000000000.0",
  ];
  for (const number of numbers) {
    assert.equal(extra(eventWith(`"n":${number}`)), `{"n":${number}}`);
    assert.equal(
      extra(eventWith(`"n":[{"m":${number}},"${number}"]`)),
      `{"n":[{"m":${number}},"${number}"]}`,
    );
  }
});

/** A number as its digits without zeros at the end, and the power of ten that they are multiplied by. */
function exactValue(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}

Deno.test("extraOf() keeps the exact value of any JSON number", () => {
  const anyNumber = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/);
  checkProperty(
    fc.property(anyNumber, (number) => {
      const [, kept = ""] = /^\{"n":\[(.*)\]\}$/.exec(extra(`{"n":[${number}]}`) ?? "") ?? [];
      assert.equal(exactValue(kept), exactValue(number), `${number} became ${kept}`);
    }),
    { runs: 2000 },
  );
});

/** Objects with known and unknown names, and names that mean something to JavaScript. */
const anyObject = fc.dictionary(
  fc.oneof(
    fc.constantFrom("event_id", "ts", "monto", "__proto__", "constructor", "toString", "0"),
    fc.string({ unit: "grapheme" }),
  ),
  fc.jsonValue(),
);

Deno.test("extraOf() drops nothing of any object, and adds nothing", () => {
  checkProperty(
    fc.property(anyObject, fc.boolean(), (object, isLong) => {
      const names = Object.keys(object).filter((name) => !EVENT_FIELDS.has(name));
      // A long number elsewhere makes extraOf() read the text once more.
      const text = isLong
        ? JSON.stringify({ ...object, monto: 0.12345678901234567 })
        : JSON.stringify(object);
      const kept = extra(text);
      if (names.length === 0) return assert.equal(kept, null);
      const expected = Object.fromEntries(names.map((name) => [name, object[name]]));
      assert.equal(kept, JSON.stringify(expected));
    }),
    { runs: 500 },
  );
});

Deno.test("extraOf() keeps half of a surrogate pair as an escape, so that it is UTF-8", () => {
  const kept = extra(String.raw`{"a\ud800":"\udc00"}`);
  assert.equal(kept, String.raw`{"a\ud800":"\udc00"}`);
  assert.ok(kept?.isWellFormed());
});
