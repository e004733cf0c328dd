import assert from "node:assert/strict";
import {
  duration,
  integer,
  maybe,
  oneOf,
  ratio,
  serverList,
} from "../../src/options/option_parsers.ts";
import {
  TEXT_OR_LIST,
  textOf,
  typesInWords,
  valueOf,
  wordsOf,
} from "../../src/options/value_schema.ts";

Deno.test("textOf() takes values of the JSON types that are meant, and no others", () => {
  const { schema } = integer(1, 9);
  assert.equal(textOf(5, schema), "5");
  assert.equal(textOf(99, schema), "99");
  for (const value of ["5", true, null, [5]]) assert.equal(textOf(value, schema), null);
  assert.equal(textOf(true, { type: "boolean" }), "true");
  assert.equal(textOf("true", { type: "boolean" }), null);
  assert.equal(textOf("7d", duration().schema), "7d");
  assert.equal(textOf(0, duration().schema), "0");
  assert.equal(textOf(7, duration().schema), null);
  const either = maybe("any", integer(1, 9)).schema;
  assert.deepEqual(["any", "none", 3].map((value) => textOf(value, either)), ["any", null, "3"]);
});

Deno.test("textOf() writes small numbers with their digits", () => {
  const { schema, parse } = ratio();
  for (const value of [0.25, 1e-7, 1.5e-9, 1e-80, 0, 1]) {
    assert.equal(parse(textOf(value, schema) ?? ""), value);
  }
  assert.equal(textOf(5e-324, schema), "5e-324", "no option has that many digits");
});

Deno.test("textOf() joins a list of texts, none of which may hold the comma between them", () => {
  assert.equal(textOf(["a:1", "b:2"], TEXT_OR_LIST), "a:1,b:2");
  assert.equal(textOf("a:1,b:2", TEXT_OR_LIST), "a:1,b:2");
  for (const list of [[], ["a,b"], [""], [1], [null], ["a", true]]) {
    assert.equal(textOf(list, TEXT_OR_LIST), null, JSON.stringify(list));
  }
  assert.equal(textOf(["a"], { type: "string" }), null);
});

Deno.test("valueOf() gives the value that a configuration file would have", () => {
  const { schema: servers, parse } = serverList();
  assert.deepEqual(valueOf("a:1, b:2", parse("a:1, b:2"), servers), ["a:1", "b:2"]);
  assert.equal(valueOf("50_000", 50_000, integer(1, 99_999).schema), 50_000);
  assert.equal(valueOf("1", true, { type: "boolean" }), true);
  assert.equal(valueOf("7d", 604_800_000, duration().schema), "7d");
  assert.equal(valueOf("none", [], TEXT_OR_LIST), "none");
  assert.equal(valueOf("any", null, maybe("any", integer(1, 9)).schema), "any");
  assert.equal(valueOf("3", 3, maybe("any", integer(1, 9)).schema), 3);
});

Deno.test("wordsOf() and typesInWords() say what a value may be", () => {
  assert.deepEqual(wordsOf(maybe("any", oneOf(["x", "y"])).schema), ["any", "x", "y"]);
  assert.deepEqual(wordsOf({ type: "boolean" }), ["true", "false"]);
  assert.deepEqual(wordsOf(duration().schema), []);
  assert.equal(typesInWords(TEXT_OR_LIST), "string or array");
  assert.equal(typesInWords(integer(1, 2).schema), "number");
  assert.equal(typesInWords(duration().schema), "string or number");
});
