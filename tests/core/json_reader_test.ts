import assert from "node:assert/strict";
import fc from "fast-check";
import { decode } from "../../src/core/decode.ts";
import { hasEscapedName, readObject } from "../../src/core/json_reader.ts";
import { checkProperty } from "../property_seed.ts";
import { batchOf, bytesOf, eventText } from "./samples.ts";

function decodedNames(text: string): string[] {
  const decoded = decode(bytesOf(text));
  assert.ok(decoded.kind === "decoded", text);
  return Object.keys(decoded.fields);
}

// nodejs/node#63785: after the first of two names, V8's JSON.parse takes the second one for the first.
const MIXED_UP = [
  [String.raw`\\`, String.raw`\"`],
  [String.raw`\\`, String.raw`\u00f1`],
  [String.raw`\\\\`, String.raw`\\a`],
  [String.raw`\\\"`, String.raw`\"a`],
  [String.raw`a\\`, String.raw`a\u00f1`],
  [String.raw`mont\\`, String.raw`mont\u006f`],
] as const;

Deno.test("decode() reads a name with an escape, whatever names with a backslash came before it", () => {
  for (const [i, [first, second]] of MIXED_UP.entries()) {
    for (let round = 0; round < 3; round++) decodedNames(`{"f${i}":1,"${first}":2}`);
    const name: unknown = JSON.parse(`"${second}"`);
    assert.deepEqual(decodedNames(`{"f${i}":1,"${second}":2}`), [`f${i}`, name]);
  }
});

Deno.test("unknown fields keep names with an escape", () => {
  const names = MIXED_UP.flat().filter((name) => !name.startsWith("mont"));
  const batch = batchOf(
    names.map((name) => bytesOf(`${eventText().slice(0, -1)},"${name}":1.50}`)),
  );
  const expected = names.map((name) => JSON.stringify({ [JSON.parse(`"${name}"`)]: 1.5 }));
  assert.deepEqual([...batch.extras.texts], expected);
});

Deno.test("readObject() reads what JSON.parse reads", () => {
  checkProperty(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
      fc.nat(3),
      (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        assert.deepEqual(readObject(text), JSON.parse(text));
      },
    ),
    { runs: 1000 },
  );
});

Deno.test("readObject() lets the last of a name count, and keeps __proto__ a field", () => {
  assert.deepEqual(readObject('{"a":1,"b":2,"a":3}'), { a: 3, b: 2 });
  assert.equal(
    JSON.stringify(readObject('{"__proto__":{"a":[ ]}, "x" : { } }')),
    '{"__proto__":{"a":[]},"x":{}}',
  );
});

Deno.test("readObject() throws a RangeError where the nesting is too deep", () => {
  const text = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  assert.throws(() => readObject(text), RangeError);
});

Deno.test("hasEscapedName() sees escapes in names, and only in names", () => {
  for (const name of [String.raw`\"`, String.raw`a\\`, String.raw`\u0061b`, String.raw`\\\"x`]) {
    assert.ok(hasEscapedName(`{"a":"\\n","${name}" \n: 1}`), name);
    assert.ok(hasEscapedName(`{"x":[{"${name}":"\\""}]}`), name);
    assert.equal(hasEscapedName(`{"a":"${name}","b":["${name}","${name}"]}`), false, name);
  }
  assert.equal(hasEscapedName('{"a":1}'), false);
  assert.equal(hasEscapedName(String.raw`{"a":"x\": ","b":"\\"}`), false);
});

Deno.test("hasEscapedName() takes time in proportion to the text", () => {
  // With a search that starts anew at each backslash this would take hours.
  assert.equal(
    hasEscapedName(`{"a":"${"\\\\".repeat(2_000_000)}","b":"${'\\"'.repeat(2_000_000)}"}`),
    false,
  );
});
