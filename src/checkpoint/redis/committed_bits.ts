import type { CommitName } from "../commit_store.ts";
import type { RedisLake } from "./redis_lake.ts";
import { listOf } from "./replies.ts";

/** Bits asked for in one command. */
const ASK_BITS = 4_096;

/**
 * Which commits a lake does not know: a bit for each number says whether it was committed. A number that two
 * instances have was given twice, since the server had forgotten the first time.
 */
export async function unknownAmong(
  lake: RedisLake,
  commits: Iterable<CommitName>,
): Promise<readonly CommitName[]> {
  const bySequence = Map.groupBy(commits, ({ sequence }) => sequence);
  const sequences = [...bySequence.keys()];
  const unknown: CommitName[] = [];
  for (let first = 0; first < sequences.length; first += ASK_BITS) {
    const asked = sequences.slice(first, first + ASK_BITS);
    const gets = asked.flatMap((sequence) => ["GET", "u1", String(sequence)]);
    const bits = listOf(await lake.send("BITFIELD_RO", "committed", ...gets));
    asked.forEach((sequence, i) => {
      const named = bySequence.get(sequence) ?? [];
      if (bits[i] !== 1 || named.length > 1) unknown.push(...named);
    });
  }
  return unknown;
}
