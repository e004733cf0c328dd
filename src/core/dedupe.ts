import { assert } from "./errors.ts";
import { copyHash, type DistinctHashes } from "./hash_order.ts";
import { HASH_WORDS } from "./id_hash.ts";

/** The rows of a batch by outcome. */
export interface Deduped {
  /** Rows accepted, in the order of the batch. */
  readonly fresh: Int32Array<ArrayBuffer>;
  /** Rows whose event_id was seen before, or stands earlier in the batch. */
  readonly duplicates: Int32Array<ArrayBuffer>;
  /** The hashes of the accepted rows' event ids, in their own order, each once. */
  readonly freshHashes: Uint32Array<ArrayBuffer>;
}

/**
 * Splits a batch's rows into fresh ones and duplicates.
 *
 * @param rowCount rows of the batch
 * @param distinct the hashes of their event ids
 * @param isSeen for each of the distinct hashes, 1 where earlier commits accepted it, else 0
 */
export function dedupe(
  rowCount: number,
  { hashes, rows }: DistinctHashes,
  isSeen: Uint8Array,
): Deduped {
  assert(
    isSeen.length === rows.length,
    "there is an answer for each id of the batch, and no other",
  );
  const isFresh = new Uint8Array(rowCount);
  const freshHashes = new Uint32Array(hashes.length);
  let freshCount = 0;
  for (let place = 0; place < rows.length; place++) {
    if (isSeen[place] === 1) continue;
    isFresh[rows[place] ?? 0] = 1;
    copyHash(hashes, place, { to: freshHashes, at: freshCount++ });
  }
  const fresh = new Int32Array(freshCount);
  const duplicates = new Int32Array(rowCount - freshCount);
  for (let row = 0, f = 0, d = 0; row < rowCount; row++) {
    if (isFresh[row] === 1) fresh[f++] = row;
    else duplicates[d++] = row;
  }
  return { fresh, duplicates, freshHashes: freshHashes.subarray(0, freshCount * HASH_WORDS) };
}
