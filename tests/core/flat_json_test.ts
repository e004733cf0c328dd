import assert from "node:assert/strict";
import fc from "fast-check";
import { FlatJsonError, flatMembers, lineAt } from "../../src/core/flat_json.ts";
import { checkProperty } from "../property_seed.ts";

function fault(text: string): FlatJsonError {
  try {
    flatMembers(text);
  } catch (error) {
    assert.ok(error instanceof FlatJsonError, String(error));
    return error;
  }
  throw new Error(`It was not refused: ${text}`);
}

Deno.test("flatMembers() reads members in their order, also a name that is there twice", () => {
  const text = ' {"a": 1.50,\n "b" : [ "x" , "\\u0079" ], "a":true, "c\\n":null,"d":[]}\n';
  const members = flatMembers(text);
  assert.deepEqual(members.map(({ name, value }) => [name, value]), [
    ["a", 1.5],
    ["b", ["x", "y"]],
    ["a", true],
    ["c\n", null],
    ["d", []],
  ]);
  assert.deepEqual(members.map(({ source }) => source), [
    "1.50",
    '[ "x" , "\\u0079" ]',
    "true",
    "null",
    "[]",
  ]);
  assert.deepEqual(members.map(({ at }) => lineAt(text, at)), [1, 2, 2, 2, 2]);
  assert.deepEqual(flatMembers("{}"), []);
});

Deno.test("flatMembers() says where a text is no such object, and what was expected", () => {
  const faults = {
    "": [1, 1, "expected {"],
    "[]": [1, 1, "expected {"],
    '{"a": 1,\n}': [
      2,
      1,
      "expected a name in double quotes; JSON has no comma after the last one",
    ],
    '{"a": 1\n "b": 2}': [2, 2, "expected a comma or }"],
    "{a: 1}": [1, 2, "expected a name in double quotes"],
    "{'a': 1}": [1, 2, "expected a name in double quotes"],
    '{"a" 1}': [1, 6, "expected a colon"],
    '{"a": [1, 2}': [1, 12, "expected a comma or ]"],
    '{"a": 1} x': [1, 10, "expected nothing after the last }"],
    '{"a":\n\n  {"b": 1}}': [
      3,
      3,
      "expected a text in double quotes, a number, true or false, or a list of these",
    ],
    '{"a": [[1]]}': [1, 8, "expected a text in double quotes, a number, true or false"],
    '{"a": 01}': [
      1,
      7,
      "expected a text in double quotes, a number, true or false, or a list of these",
    ],
    '{"a": "x\ny"}': [
      1,
      7,
      "expected a text in double quotes, a number, true or false, or a list of these",
    ],
    '{"a\\x": 1}': [1, 2, "expected a name in double quotes"],
    '{"a": 1x}': [
      1,
      7,
      "expected a text in double quotes, a number, true or false, or a list of these",
    ],
    '{"a": tru': [
      1,
      7,
      "expected a text in double quotes, a number, true or false, or a list of these",
    ],
    '{ // all of it\n"a": 1}': [
      1,
      3,
      "expected a name in double quotes; JSON has no comments",
    ],
  };
  for (const [text, expected] of Object.entries(faults)) {
    const { line, column, message } = fault(text);
    assert.deepEqual([line, column, message], expected, text);
  }
});

Deno.test("flatMembers() repeats nothing of the text in what it throws", () => {
  for (
    const text of ['{"password": hunter2}', '{"password": "hunter2', '{"password": "hunter2"x']
  ) {
    assert.ok(!String(fault(text).stack).includes("hunter2"), text);
  }
});

/** Flat values, and what stands around them. */
const anyScalar = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const anyObject = fc.dictionary(
  fc.string({ unit: "binary" }).filter((name) => name !== "__proto__"),
  fc.oneof(anyScalar, fc.array(anyScalar)),
);

Deno.test("flatMembers() reads what JSON.stringify() writes, as JSON.parse() does", () => {
  checkProperty(
    fc.property(anyObject, fc.nat(4), (object, indent) => {
      const text = JSON.stringify(object, null, indent);
      const read = Object.fromEntries(flatMembers(text).map(({ name, value }) => [name, value]));
      assert.deepEqual(read, JSON.parse(text));
    }),
    { runs: 500 },
  );
});

Deno.test("flatMembers() takes no text that JSON.parse() does not take", () => {
  const pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "1",
    "-",
    ".",
    "e5",
    "true",
    "null",
    " ",
  ];
  const anyText = fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((some) => `{${some.join("")}}`),
    fc.tuple(anyObject, fc.nat(), fc.string({ maxLength: 2 })).map(([object, at, inserted]) => {
      const text = JSON.stringify(object);
      const cut = at % (text.length + 1);
      return text.slice(0, cut) + inserted + text.slice(cut);
    }),
  );
  checkProperty(
    fc.property(anyText, (text) => {
      const isJson = succeeds(() => JSON.parse(text), SyntaxError);
      const isTaken = succeeds(() => flatMembers(text), FlatJsonError);
      assert.ok(isJson || !isTaken, text);
    }),
    { runs: 3_000 },
  );
});

function succeeds(
  action: () => unknown,
  failure: typeof SyntaxError | typeof FlatJsonError,
): boolean {
  try {
    action();
    return true;
  } catch (error) {
    assert.ok(error instanceof failure, String(error));
    return false;
  }
}

Deno.test("flatMembers() reads a megabyte in one text, or in many members", () => {
  const long = "\\n".repeat(500_000);
  assert.equal(flatMembers(`{"a":"${long}"}`)[0]?.source.length, 1_000_002);
  const many = Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(",\n");
  assert.equal(flatMembers(`{${many}}`).length, 100_000);
});
