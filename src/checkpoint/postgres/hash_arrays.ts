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
