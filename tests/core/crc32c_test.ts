import assert from "node:assert/strict";
import fc from "fast-check";
import { crc32c } from "../../src/core/crc32c.ts";
import { checkProperty } from "../property_seed.ts";

/** The definition, a bit a step. */
function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => parseInt(pair, 16));
}

// RFC 3720, appendix B.4, which lists the bytes of each with the lowest first.
Deno.test("crc32c() gives what RFC 3720 lists", () => {
  const rising = Uint8Array.from({ length: 32 }, (_, i) => i);
  const read = "01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018" +
    "28000000 00000000 02000000 00000000";
  const expected: readonly (readonly [Uint8Array, number])[] = [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [rising, 0x46dd794e],
    [rising.toReversed(), 0x113fdb5c],
    [hex(read), 0xd9963a56],
  ];
  for (const [bytes, crc] of expected) assert.equal(crc32c(bytes).toString(16), crc.toString(16));
});

Deno.test("crc32c() gives the check value of its catalogue entry, and 0 for no bytes", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array()), 0);
});

Deno.test("crc32c() agrees with its definition on any part of any bytes", () => {
  const parts = fc.record({
    bytes: fc.uint8Array({ maxLength: 100 }),
    from: fc.nat({ max: 9 }),
    start: fc.nat({ max: 20 }),
    left: fc.nat({ max: 20 }),
  });
  checkProperty(
    fc.property(parts, ({ bytes, from, start, left }) => {
      const view = bytes.subarray(from);
      const end = Math.max(start, view.length - left);
      assert.equal(
        crc32c(view, Math.min(start, view.length), Math.min(end, view.length)),
        bitByBit(view.subarray(start, end)),
      );
    }),
    { runs: 1_000 },
  );
});
