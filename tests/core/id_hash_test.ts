import assert from "node:assert/strict";
import fc from "fast-check";
import { HASH_WORDS, hashTexts } from "../../src/core/id_hash.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { checkProperty } from "../property_seed.ts";
import { referenceChaskey } from "../reference_chaskey.ts";

const KEY = Uint32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39);

/** Of the vectors that Chaskey-12 was published with: the tag of the bytes 0, 1, 2, … of each length. */
const VECTORS: ReadonlyMap<number, string> = new Map([
  [0, "43cb1f41 51eba0c2 ff0a8ac3 7ee3f642"],
  [1, "f9ac2067 9c35a846 441aad3d 777b7330"],
  [8, "9faf57d6 f4bc02cf 6af6d831 d2930d90"],
  [15, "03cfb44b 283c8163 fca71448 c40a0aea"],
  [16, "5dd0e2a9 fb5eac8c 633a392e 500c36f3"],
  [17, "8b5f6d5a 202314f6 22092368 9639e606"],
  [31, "1d3d30b1 01d74fca 3b2eb54c d8cd36b4"],
  [32, "77962784 07c647fa dd752c0f d2f5a799"],
  [33, "d74bb867 2c0dfb3a b697e9cd 5658edda"],
  [36, "a98ecb80 5ef583cf 4e20e76e 7873b8f1"],
  [47, "8494b5bc 5317b7b3 cfe08756 97a2d14e"],
  [48, "f36e748b 8f34677f 1e00ba1b dd7da46d"],
  [63, "2dd072e1 42b89efe fb26b615 049aa451"],
]);

function columnOf(texts: readonly Uint8Array[]): TextColumn {
  const column = new TextColumn();
  for (const text of texts) column.pushBytes(text, { start: 0, end: text.length });
  return column;
}

function digitsOf(hash: Uint32Array): string {
  return Array.from(hash, (word) => word.toString(16).padStart(8, "0")).join(" ");
}

Deno.test("hashTexts() gives the tags that Chaskey-12 was published with", () => {
  for (const [length, expected] of VECTORS) {
    const message = Uint8Array.from({ length }, (_, i) => i);
    assert.equal(digitsOf(hashTexts(columnOf([message]), KEY)), expected, `${length} bytes`);
    assert.equal(digitsOf(referenceChaskey(message, KEY)), expected, `reference, ${length} bytes`);
  }
});

Deno.test("hashTexts() gives each text of any column what the reference gives, whatever the key", () => {
  const anyTexts = fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 20 });
  const anyKey = fc.uint32Array({ minLength: 4, maxLength: 4 });
  checkProperty(
    fc.property(anyTexts, anyKey, (texts, key) => {
      const hashes = hashTexts(columnOf(texts), key);
      assert.equal(hashes.length, texts.length * HASH_WORDS);
      texts.forEach((text, row) => {
        const hash = hashes.subarray(row * HASH_WORDS, (row + 1) * HASH_WORDS);
        assert.equal(digitsOf(hash), digitsOf(referenceChaskey(text, key)));
      });
    }),
    { runs: 300 },
  );
});
