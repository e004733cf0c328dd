import assert from "node:assert/strict";
import { decode } from "../../src/core/decode.ts";
import { bytesOf } from "./samples.ts";

function reasonOf(value: Uint8Array | null): string | null {
  const decoded = decode(value);
  return decoded.kind === "undecodable" ? decoded.reason : null;
}

Deno.test("decode() reads an object and keeps its text", () => {
  const text = ' {"a": 1, "b": {"c": [null, true]}, "ñ": "日本 🌊"}\n';
  assert.deepEqual(decode(bytesOf(text)), {
    kind: "decoded",
    fields: { a: 1, b: { c: [null, true] }, "ñ": "日本 🌊" },
    text,
  });
});

Deno.test("decode() rejects a record without value, and an empty value", () => {
  assert.equal(reasonOf(null), "no_value");
  assert.equal(reasonOf(new Uint8Array()), "no_value");
});

Deno.test("decode() rejects a value that is not UTF-8", () => {
  const quoted = (bytes: readonly number[]) =>
    Uint8Array.from([...bytesOf('{"a":"'), ...bytes, ...bytesOf('"}')]);
  const wrong = {
    "no such byte": [0xff],
    "a continuation byte alone": [0x80],
    "a truncated sequence": [0xe2, 0x82],
    "an overlong slash": [0xc0, 0xaf],
    "an encoded surrogate": [0xed, 0xa0, 0x80],
    "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    assert.equal(reasonOf(quoted(bytes)), "not_utf8", what);
  }
  assert.equal(reasonOf(quoted([0xe2, 0x82, 0xac])), null);
  assert.equal(reasonOf(Uint8Array.of(0xff, 0xfe)), "not_utf8");
});

Deno.test("decode() rejects a value that is not JSON", () => {
  const wrong = [
    "{",
    " ",
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '{"a":01}',
    '{"a":1} {"b":2}',
    '{"a":"\n"}',
    '{"a":1}\0',
    "undefined",
  ];
  for (const text of wrong) assert.equal(reasonOf(bytesOf(text)), "not_json", text);
});

Deno.test("decode() takes a byte order mark for what it is: not JSON", () => {
  assert.equal(reasonOf(bytesOf('\uFEFF{"a":1}')), "not_json");
});

Deno.test("decode() rejects JSON that is not an object", () => {
  for (const text of ["[]", '[{"a":1}]', "null", "1", '"{}"', "true", "1e400"]) {
    assert.equal(reasonOf(bytesOf(text)), "not_object", text);
  }
  assert.equal(reasonOf(bytesOf("{}")), null);
});

Deno.test("decode() does not throw for any depth of nesting", () => {
  for (const depth of [1_000, 100_000]) {
    const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    assert.ok(reasonOf(bytesOf(nested)) !== null);
    const decoded = decode(bytesOf(`{"a":${nested}}`));
    assert.ok(decoded.kind === "decoded" || decoded.reason === "not_json");
  }
});
