import assert from "node:assert/strict";
import fc from "fast-check";
import { distinctHashes, markCommon, sortedRows } from "../../src/core/hash_order.ts";
import { HASH_WORDS } from "../../src/core/id_hash.ts";
import { checkProperty } from "../property_seed.ts";

/** Words of which several hashes have the same ones, at the ends of their range too. */
const anyWord = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 32 - 1));
const anyHashes = fc.array(fc.tuple(anyWord, anyWord, anyWord, anyWord), { maxLength: 40 });

function bigintOf(words: Iterable<number>): bigint {
  return [...words].reduce((high, word) => (high << 32n) | BigInt(word), 0n);
}

function bigintsOf(hashes: Uint32Array): bigint[] {
  return Array.from(
    { length: hashes.length / HASH_WORDS },
    (_, row) => bigintOf(hashes.subarray(row * HASH_WORDS, (row + 1) * HASH_WORDS)),
  );
}

Deno.test("sortedRows() orders any hashes by their 128 bits, equal ones by their rows", () => {
  checkProperty(
    fc.property(anyHashes, (hashes) => {
      const numbers = hashes.map(bigintOf);
      const expected = numbers.map((_, row) => row).sort((a, b) => {
        const x = numbers[a] ?? 0n, y = numbers[b] ?? 0n;
        return x < y ? -1 : x > y ? 1 : a - b;
      });
      assert.deepEqual([...sortedRows(Uint32Array.from(hashes.flat()))], expected);
    }),
    { runs: 500 },
  );
});

Deno.test("sortedRows() orders hashes of a part of the range", () => {
  const inRange = fc.array(fc.tuple(fc.integer({ min: 700, max: 799 }), anyWord), {
    maxLength: 40,
  });
  checkProperty(
    fc.property(inRange, (pairs) => {
      const hashes = Uint32Array.from(pairs.flatMap(([first, second]) => [first, second, 0, 0]));
      const numbers = bigintsOf(hashes);
      const rows = sortedRows(hashes, { first: 700, beyond: 800 });
      assert.deepEqual(
        Array.from(rows, (row) => numbers[row]),
        numbers.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0),
      );
    }),
  );
});

Deno.test("distinctHashes() gives each hash once, in order, with the first row that has it", () => {
  checkProperty(
    fc.property(anyHashes, fc.array(fc.nat(1_000)), (hashes, repeats) => {
      const repeated = repeats.flatMap((at) => hashes[at % Math.max(1, hashes.length)] ?? []);
      const words = Uint32Array.from([...hashes.flat(), ...repeated]);
      const numbers = bigintsOf(words);
      const { hashes: distinct, rows } = distinctHashes(words);
      assert.deepEqual(
        bigintsOf(distinct),
        [...new Set(numbers)].sort((a, b) => a < b ? -1 : 1),
      );
      assert.deepEqual([...rows], bigintsOf(distinct).map((hash) => numbers.indexOf(hash)));
    }),
    { runs: 500 },
  );
});

Deno.test("markCommon() marks those of any sorted hashes that are among others, and leaves the rest as they are", () => {
  checkProperty(
    fc.property(anyHashes, anyHashes, fc.nat(40), (mine, theirs, sharedCount) => {
      const some = distinctHashes(Uint32Array.from(mine.flat())).hashes;
      const others = [...theirs, ...mine.slice(0, sharedCount)].flat();
      const marks = new Uint8Array(some.length / HASH_WORDS);
      if (marks.length > 0) marks[0] = 1;
      const known = new Set(bigintsOf(Uint32Array.from(others)));
      const expected = bigintsOf(some).map((hash, at) => at === 0 || known.has(hash) ? 1 : 0);
      markCommon(some, distinctHashes(Uint32Array.from(others)).hashes, marks);
      assert.deepEqual([...marks], expected);
    }),
  );
});
