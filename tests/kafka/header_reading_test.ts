import assert from "node:assert/strict";
import Decoder from "kafkajs/src/protocol/decoder.js";
import { readHeadersInOnePass } from "../../src/kafka/header_reading.ts";

/** What kafkajs makes of headers, by the reduce that its record decoder calls. */
function headersOf(names: readonly string[]): object {
  readHeadersInOnePass();
  let at = 0;
  // A varint of the zigzag form.
  const length: number[] = [];
  for (let rest = names.length * 2; rest > 0 || length.length === 0; rest >>>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  }
  const list: object[] = new Decoder(Uint8Array.from(length)).readVarIntArray(() => ({
    key: names[at] ?? "",
    value: Uint8Array.of(at++ & 0xff),
  }));
  assert.equal(list.length, names.length);
  return list.reduce((object: object) => object, {});
}

Deno.test("headers become one object, a list where a name repeats", () => {
  const headers = headersOf(["a", "b", "a", "__proto__", "constructor"]);
  assert.deepEqual(Object.entries(headers), [
    ["a", [Uint8Array.of(0), Uint8Array.of(2)]],
    ["b", Uint8Array.of(1)],
    ["__proto__", Uint8Array.of(3)],
    ["constructor", Uint8Array.of(4)],
  ]);
  assert.deepEqual(headersOf([]), {});
});

Deno.test("a hundred thousand headers are read in a moment", () => {
  // With an object copied for each of them this takes hours.
  const names = Array.from({ length: 100_000 }, (_, i) => `h${i}`);
  assert.equal(Object.keys(headersOf(names)).length, 100_000);
});
