import assert from "node:assert/strict";
import fc from "fast-check";
import { linesOf } from "../../src/runtime/lines.ts";
import { checkAsyncProperty } from "../property_seed.ts";

/** Gives bytes in pieces of the given lengths, over and over. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): () => Promise<Uint8Array | null> {
  let at = 0, turn = 0;
  return () => {
    if (at >= bytes.length) return Promise.resolve(null);
    const end = at + (lengths[turn++ % lengths.length] ?? 1);
    const piece = bytes.subarray(at, end);
    at = end;
    return Promise.resolve(piece);
  };
}

Deno.test("lines are the same however the bytes are cut", async () => {
  const texts = fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " ")));
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
  await checkAsyncProperty(
    fc.asyncProperty(texts, lengths, fc.boolean(), async (lines, cut, isEnded) => {
      const text = lines.join("\n") + (isEnded ? "\n" : "");
      // A byte order mark at the beginning of a stream is not part of it.
      const expected = text.replace(/^\ufeff/, "").split("\n");
      // What follows the last end of a line is a line only where there is something.
      if (expected.at(-1) === "") expected.pop();
      const found = await Array.fromAsync(linesOf(pieces(new TextEncoder().encode(text), cut)));
      assert.deepEqual(found, expected);
    }),
  );
});

Deno.test("a stream that is not UTF-8, or ends within a character, is refused", async () => {
  for (const bytes of [Uint8Array.of(0x61, 0xff, 0x0a), Uint8Array.of(0x61, 0xc3)]) {
    await assert.rejects(Array.fromAsync(linesOf(pieces(bytes, [1]))), {
      name: "RangeError",
      message: "expected UTF-8",
    });
  }
});
