import { Buffer } from "node:buffer";
import { HASH_WORDS } from "../../core/id_hash.ts";

const HASH_BYTES = HASH_WORDS * 4;

/** The bytes of hashes, the first word of each first and big-endian: in their order if the hashes are in theirs. */
export function hashBytes(hashes: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(hashes.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < hashes.length; i++) view.setUint32(i * 4, hashes[i] ?? 0);
  return bytes;
}

/** The text of an array of uuids for hashes given as bytes. */
export function uuidArray(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  const uuids: string[] = [];
  for (let at = 0; at < hex.length; at += 2 * HASH_BYTES) {
    uuids.push(hex.slice(at, at + 2 * HASH_BYTES));
  }
  return `{${uuids.join()}}`;
}

/** What COPY's binary format begins with: signature, no flags, no extension. */
const COPY_HEADER = [...Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), ...new Uint8Array(8)];
/** Two columns: the bytes of each after their count. */
const COPY_ROW_BYTES = 2 + 4 + HASH_BYTES + 4 + 8;
const COPY_END = -1;

/**
 * Rows of an id and when it was seen, as COPY takes them in its binary format
 * (postgresql.org/docs/current/sql-copy.html).
 *
 * @param bytes of the hashes
 * @param seenAtMs milliseconds since 1970-01-01 UTC
 */
export function copiedIds(bytes: Uint8Array, seenAtMs: number): Uint8Array {
  const count = bytes.length / HASH_BYTES;
  const rows = new Uint8Array(COPY_HEADER.length + count * COPY_ROW_BYTES + 2);
  const view = new DataView(rows.buffer);
  rows.set(COPY_HEADER);
  let at = COPY_HEADER.length;
  for (let id = 0; id < count; id++) {
    view.setInt16(at, 2);
    view.setInt32(at + 2, HASH_BYTES);
    rows.set(bytes.subarray(id * HASH_BYTES, (id + 1) * HASH_BYTES), at + 6);
    view.setInt32(at + 6 + HASH_BYTES, 8);
    view.setBigInt64(at + 10 + HASH_BYTES, BigInt(seenAtMs));
    at += COPY_ROW_BYTES;
  }
  view.setInt16(at, COPY_END);
  return rows;
}
