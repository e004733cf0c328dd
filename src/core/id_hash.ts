import type { TextColumn } from "./text_column.ts";

/** Words (32 bits) of a hash. Hashes lie one after the other in a Uint32Array, as rows of this many words. */
export const HASH_WORDS = 4;
/** Words of a key. */
export const KEY_WORDS = 4;

const BLOCK_BYTES = 16;
const ROUNDS = 12;

/**
 * Hashes texts with Chaskey-12, a keyed function of 128 bits made for 32-bit arithmetic (Mouha and others,
 * 2014, https://eprint.iacr.org/2014/386; with 12 rounds: ISO/IEC 29192-6). Who does not know the key cannot
 * make two texts with the same hash, and that two of 100 million texts have the same by chance has a
 * probability below 1e-22: a hash stands for its text.
 *
 * @param key four words
 * @returns `HASH_WORDS` words a text, in the order of the column
 */
export function hashTexts({ bytes, ends, length }: TextColumn, key: Uint32Array): Uint32Array {
  const hashes = new Uint32Array(length * HASH_WORDS);
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = Int32Array.from(key);
  const wholeKey = timesTwo(key), paddedKey = timesTwo(wholeKey);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const padded = new Uint8Array(BLOCK_BYTES), paddedView = new DataView(padded.buffer);
  for (let row = 0; row < length; row++) {
    let at = ends[row] ?? 0;
    const end = ends[row + 1] ?? 0;
    let v0 = k0, v1 = k1, v2 = k2, v3 = k3;
    for (let isLast = false; !isLast; at += BLOCK_BYTES) {
      isLast = end - at <= BLOCK_BYTES;
      const isWhole = end - at >= BLOCK_BYTES;
      if (!isWhole) pad(padded, bytes, { start: at, end });
      const block = isWhole ? view : paddedView, start = isWhole ? at : 0;
      v0 ^= block.getInt32(start, true);
      v1 ^= block.getInt32(start + 4, true);
      v2 ^= block.getInt32(start + 8, true);
      v3 ^= block.getInt32(start + 12, true);
      const lastKey = isWhole ? wholeKey : paddedKey;
      if (isLast) {
        v0 ^= lastKey[0] ?? 0;
        v1 ^= lastKey[1] ?? 0;
        v2 ^= lastKey[2] ?? 0;
        v3 ^= lastKey[3] ?? 0;
      }
      for (let round = 0; round < ROUNDS; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (((v0 << 16) | (v0 >>> 16)) + v3) | 0;
        v3 = ((v3 << 13) | (v3 >>> 19)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 7) | (v1 >>> 25)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      if (isLast) {
        const to = row * HASH_WORDS;
        hashes[to] = v0 ^ (lastKey[0] ?? 0);
        hashes[to + 1] = v1 ^ (lastKey[1] ?? 0);
        hashes[to + 2] = v2 ^ (lastKey[2] ?? 0);
        hashes[to + 3] = v3 ^ (lastKey[3] ?? 0);
      }
    }
  }
  return hashes;
}

/** Writes the last bytes of a text as a block: a 1 after them, then zeros. */
function pad(
  block: Uint8Array,
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): void {
  let i = 0;
  // A view of each text would cost more than its copy.
  for (let at = start; at < end; at++) block[i++] = bytes[at] ?? 0;
  block[i++] = 1;
  while (i < BLOCK_BYTES) block[i++] = 0;
}

/** Doubles a key as an element of GF(2^128). */
function timesTwo(key: Uint32Array): Uint32Array {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = key;
  return Uint32Array.of(
    (k0 << 1) ^ (k3 >>> 31 === 1 ? 0x87 : 0),
    (k1 << 1) | (k0 >>> 31),
    (k2 << 1) | (k1 >>> 31),
    (k3 << 1) | (k2 >>> 31),
  );
}
