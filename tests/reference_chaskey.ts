const MASK = 0xffffffffn;
const BLOCK_BYTES = 16;

/** Chaskey-12 as its paper describes it, written for reading and sharing no code with orilla's. */
export function referenceChaskey(message: Uint8Array, key: Uint32Array): Uint32Array {
  const k = wordsOf(new Uint8Array(key.buffer, key.byteOffset, key.byteLength));
  const whole = doubled(k), padded = doubled(whole);
  const length = Math.max(1, Math.ceil(message.length / BLOCK_BYTES)) * BLOCK_BYTES;
  const bytes = new Uint8Array(length);
  bytes.set(message);
  const isWhole = message.length === length;
  if (!isWhole) bytes[message.length] = 1;
  const last = isWhole ? whole : padded;
  let v = k;
  for (let at = 0; at < length; at += BLOCK_BYTES) {
    v = xor(v, wordsOf(bytes.subarray(at, at + BLOCK_BYTES)));
    v = at + BLOCK_BYTES === length ? xor(permuted(xor(v, last)), last) : permuted(v);
  }
  return Uint32Array.from(v, Number);
}

function permuted(words: readonly bigint[]): bigint[] {
  let [v0 = 0n, v1 = 0n, v2 = 0n, v3 = 0n] = words;
  for (let round = 0; round < 12; round++) {
    v0 = (v0 + v1) & MASK;
    v1 = rotated(v1, 5n) ^ v0;
    v0 = rotated(v0, 16n);
    v2 = (v2 + v3) & MASK;
    v3 = rotated(v3, 8n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = rotated(v3, 13n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = rotated(v1, 7n) ^ v2;
    v2 = rotated(v2, 16n);
  }
  return [v0, v1, v2, v3];
}

function rotated(word: bigint, by: bigint): bigint {
  return ((word << by) | (word >> (32n - by))) & MASK;
}

function xor(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  return a.map((word, i) => word ^ (b[i] ?? 0n));
}

/** Twice a number of GF(2^128) modulo x^128 + x^7 + x^2 + x + 1. */
function doubled(words: readonly bigint[]): bigint[] {
  const number = words.reduceRight((high, word) => (high << 32n) | word, 0n) << 1n;
  const reduced = number >> 128n === 1n ? (number ^ 0x87n) & ((1n << 128n) - 1n) : number;
  return [0n, 32n, 64n, 96n].map((shift) => (reduced >> shift) & MASK);
}

function wordsOf(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [0, 4, 8, 12].map((at) => BigInt(view.getUint32(at, true)));
}
