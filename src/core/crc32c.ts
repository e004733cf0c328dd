/** Castagnoli's polynomial, its bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;
const STEP_BYTES = 8;
const TABLES = makeTables();

/**
 * CRC-32C of the bytes from `start` to `end`, 0 to 2^32-1: eight bytes a step, with a table for each (M. E.
 * Kounavis and F. L. Berry, "A Systematic Approach to Building High Performance Software-Based CRC
 * Generators", 2005), which is four to six times as fast as a byte a step.
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = -1, at = start;
  for (; at + STEP_BYTES <= end; at += STEP_BYTES) {
    const low = crc ^ words.getInt32(at, true), high = words.getInt32(at + 4, true);
    crc = entry(7, low) ^ entry(6, low >>> 8) ^ entry(5, low >>> 16) ^ entry(4, low >>> 24) ^
      entry(3, high) ^ entry(2, high >>> 8) ^ entry(1, high >>> 16) ^ entry(0, high >>> 24);
  }
  for (; at < end; at++) crc = crc >>> 8 ^ entry(0, crc ^ words.getUint8(at));
  return ~crc >>> 0;
}

/** What the lowest byte of `value` comes to when as many further bytes as `table` says follow it. */
function entry(table: number, value: number): number {
  return TABLES[table << 8 | value & 0xff] ?? 0;
}

function makeTables(): Int32Array {
  const tables = new Int32Array(STEP_BYTES * 256);
  for (let at = 0; at < tables.length; at++) {
    let crc = at < 256 ? at : tables[at - 256] ?? 0;
    if (at >= 256) {
      tables[at] = crc >>> 8 ^ (tables[crc & 0xff] ?? 0);
      continue;
    }
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ POLYNOMIAL : crc >>> 1;
    tables[at] = crc;
  }
  return tables;
}
