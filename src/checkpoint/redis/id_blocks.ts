import { HASH_WORDS } from "../../core/id_hash.ts";

/** Bytes of an id in a script's argument: the first says in which of 256 sets the other 14 are. */
export const ID_BYTES = 15;

/**
 * Hashes as the scripts take them: the first 120 bits of each, so that 14 bytes are kept, which cost less than
 * 16 do. That two of a billion ids have the same by chance has a probability below 1e-18.
 *
 * @param hashes in their order
 */
export function idBlock(hashes: Uint32Array): Uint8Array {
  const count = hashes.length / HASH_WORDS;
  const block = new Uint8Array(count * ID_BYTES + 1);
  const view = new DataView(block.buffer);
  for (let id = 0; id < count; id++) {
    for (let word = 0; word < HASH_WORDS; word++) {
      // The 16th byte is overwritten by the next id's first one.
      view.setUint32(id * ID_BYTES + word * 4, hashes[id * HASH_WORDS + word] ?? 0);
    }
  }
  return block.subarray(0, count * ID_BYTES);
}
