import type { Commit } from "../../core/commit.ts";
import { assert } from "../../core/errors.ts";
import {
  insertCommit,
  insertFiles,
  insertRanges,
  insertReplays,
  movePartitions,
} from "./commit_rows.ts";
import type { Run } from "./connection.ts";
import { updateInstance } from "./instances.ts";
import { addNewIds, addSeenIds } from "./seen_ids.ts";
import { takeBack } from "./server.ts";

/** What became of a commit, and by how many ids the seen ones became more. */
export type WrittenCommit =
  /** The count is null where it was made before, and its answer was lost. */
  | { readonly kind: "committed"; readonly seenIdCount: number | null }
  | { readonly kind: "seen_meanwhile" }
  | { readonly kind: "fenced" };

/**
 * Writes a commit, inside its transaction; takes it back where it is refused. The order matters: whether it was made
 * already comes before everything that would then look like a refusal.
 */
export async function writeCommit(run: Run, commit: Commit, by: {
  readonly instanceId: string;
  /** By partition name, those of this process's claims. */
  readonly epochs: ReadonlyMap<string, bigint>;
  /** Ids that were seen until then count as seen no more. */
  readonly expiredMs: bigint;
  /** Whether one of its ids was found to be there: the slower way tells what that means. */
  readonly isCareful: boolean;
}): Promise<WrittenCommit> {
  const { instanceId, epochs, expiredMs, isCareful } = by;
  const { sequence, committedAtMs, ranges, replays, freshHashes, counters } = commit;
  if (!await insertCommit(run, commit, instanceId)) {
    return refused({ kind: "committed", seenIdCount: null });
  }
  if (!await movePartitions(run, ranges, { instanceId, epochs })) {
    return refused({ kind: "fenced" });
  }
  const at = { sequence, seenAtMs: committedAtMs };
  const added = isCareful
    ? await addSeenIds(run, freshHashes, { ...at, expiredMs })
    : await addNewIds(run, freshHashes, at);
  if (!added.areFresh) return refused({ kind: "seen_meanwhile" });
  await insertFiles(run, commit);
  await insertRanges(run, sequence, ranges);
  const markedCount = await insertReplays(run, replays, { sequence, replayedAtMs: committedAtMs });
  assert(markedCount === replays.length, "a dead letter is replayed once");
  await markEarlierPublished(run, { instanceId, sequence });
  const change = { counters, seenIdCount: added.rowCount };
  if (!await updateInstance(run, instanceId, change)) return refused({ kind: "fenced" });
  return { kind: "committed", seenIdCount: added.rowCount };
}

/** Whoever commits again has published what it committed before. */
export async function markEarlierPublished(
  run: Run,
  { instanceId, sequence }: { readonly instanceId: string; readonly sequence: number },
): Promise<void> {
  await run((sql) =>
    sql`
      UPDATE commits SET is_published = true
      WHERE NOT is_published AND instance_id = ${instanceId} AND sequence < ${sequence}`
  );
}

function refused(outcome: WrittenCommit): never {
  takeBack(outcome);
}

/** Notes that all files of some commits have their final names. */
export async function markPublished(run: Run, sequences: readonly number[]): Promise<void> {
  await run((sql) =>
    sql`
      UPDATE commits SET is_published = true
      WHERE sequence IN (SELECT json_array_elements_text(${
      JSON.stringify(sequences)
    }::text::json)::bigint)`
  );
}
