import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonMembers } from "../../src/core/json_members.ts";
import { checkProperty } from "../property_seed.ts";

Deno.test("jsonMembers() gives each value as it is written, digits and all", () => {
  const text = '{"a":1.50,"b":12345678901234567890,"c":1e400,"d":-0,"e":null,"f":true}';
  assert.deepEqual(jsonMembers(text), [
    { name: "a", value: "1.50" },
    { name: "b", value: "12345678901234567890" },
    { name: "c", value: "1e400" },
    { name: "d", value: "-0" },
    { name: "e", value: "null" },
    { name: "f", value: "true" },
  ]);
});

Deno.test("jsonMembers() is not led astray by what stands in strings and below", () => {
  const text = '{"a,\\"}":"},{\\\\\\"","b":{"c":[1,"]",{"d":","}]},"__proto__":[[]],"":""}';
  assert.deepEqual(jsonMembers(text), [
    { name: 'a,"}', value: '"},{\\\\\\""' },
    { name: "b", value: '{"c":[1,"]",{"d":","}]}' },
    { name: "__proto__", value: "[[]]" },
    { name: "", value: '""' },
  ]);
  assert.deepEqual(jsonMembers("{}"), []);
});

Deno.test("jsonMembers() does not mind how deep a value is nested", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  assert.deepEqual(jsonMembers(`{"deep":${deep},"after":1}`), [
    { name: "deep", value: deep },
    { name: "after", value: "1" },
  ]);
});

Deno.test("jsonMembers() splits what JSON.stringify wrote of any object", () => {
  checkProperty(
    fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      const members = jsonMembers(text);
      assert.deepEqual(members.map(({ name }) => name), Object.keys(object));
      const joined = members.map(({ name, value }) => `${JSON.stringify(name)}:${value}`);
      assert.equal(`{${joined.join(",")}}`, text);
    }),
    { runs: 500 },
  );
});
