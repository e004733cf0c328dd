import type { Commit } from "../../core/commit.ts";
import { compareAcross, markCommon } from "../../core/hash_order.ts";
import { HASH_WORDS } from "../../core/id_hash.ts";

/** Ids that Redis was asked for, and what it said. */
export interface AskedIds {
  /** In their order. */
  readonly hashes: Uint32Array;
  /** 1 or 0 for each. */
  readonly isSeen: Uint8Array;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly nowMs: number;
  /** How often ids had been added before. */
  readonly addedCount: string;
}

/** Whether all ids of a commit were asked for, and not seen: as long as nobody adds any they stay so. */
export function areKnownFresh(
  { freshHashes, committedAtMs }: Pick<Commit, "freshHashes" | "committedAtMs">,
  { hashes, isSeen, nowMs }: AskedIds,
): boolean {
  // At an earlier time more of the ids before count as seen.
  if (committedAtMs < nowMs) return false;
  let place = 0;
  for (let i = 0; i < freshHashes.length / HASH_WORDS; i++) {
    while (
      place < isSeen.length && compareAcross(freshHashes, i, { others: hashes, j: place }) !== 0
    ) place++;
    if (place === isSeen.length || isSeen[place] === 1) return false;
  }
  return true;
}

/**
 * What an answer is worth after a commit of this process: where nobody else added ids since, that commit's ids are all
 * that it does not know.
 *
 * @param addedCount how often ids have been added, this commit's among them
 */
export function afterOwn(
  { freshHashes }: Pick<Commit, "freshHashes">,
  asked: AskedIds,
  addedCount: number,
): AskedIds {
  if (freshHashes.length === 0 || asked.addedCount !== String(addedCount - 1)) return asked;
  const isSeen = asked.isSeen.slice();
  markCommon(asked.hashes, freshHashes, isSeen);
  return { ...asked, isSeen, addedCount: String(addedCount) };
}
