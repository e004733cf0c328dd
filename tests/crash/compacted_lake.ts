import { dayOfFolder, mergeGroups, smallBelow } from "../../src/core/compaction.ts";
import type { Compacted } from "../../src/pipeline/compaction.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { OPERATION_LABELS } from "../../src/runtime/operations.ts";
import { lakeIn } from "../lake_in.ts";
import { testSession } from "./lake_run.ts";

/** What a merge in a folder does to the disk and the checkpoint, all of it labelled; object stores alone copy. */
export const MERGE_LABELS = OPERATION_LABELS.filter((label) =>
  /^(compact|replace|replaced):/.test(label) && label !== "compact:copy"
);

/** Larger than all files of these tests together. */
export const ALL_IN_ONE = 1 << 24;

/** Merges what an open lake has to merge, or its first dates, until there is nothing left. */
export async function compactIn(
  session: LakeSession,
  { targetBytes = ALL_IN_ONE, folderCount = Infinity }: {
    readonly targetBytes?: number | undefined;
    readonly folderCount?: number;
  } = {},
): Promise<readonly Compacted[]> {
  const replacements = session.checkpoint.replacements;
  const belowBytes = smallBelow(targetBytes);
  const compacted: Compacted[] = [];
  const folders = await replacements.foldersWithSmall({ belowBytes, minFiles: 2 });
  for (const folder of folders.slice(0, folderCount)) {
    for (;;) {
      const small = await replacements.smallFilesIn(folder, belowBytes);
      const [group] = mergeGroups(dayOfFolder(folder) ?? 0, { small, targetBytes });
      if (group === undefined) break;
      const one = await session.compact(group);
      // Another process was faster.
      if (one === null) break;
      compacted.push(one);
    }
  }
  return compacted;
}

/** Opens a lake, merges what it has to merge, and closes it. */
export async function compactOnce(
  outDir: string,
  { targetBytes, ...overrides }: Partial<LakeSessionOptions> & {
    readonly targetBytes?: number;
  } = {},
): Promise<readonly Compacted[]> {
  await using session = await LakeSession.open(testSession(outDir, overrides));
  const compacted = await compactIn(session, { targetBytes });
  await session.close();
  return compacted;
}

/** What a verification finds, in words. */
export async function findingsOf(outDir: string): Promise<readonly string[]> {
  const { findings } = await verify({ ...lakeIn(outDir), ttlMs: 0 }, () => {});
  return findings.map(({ kind, subject, detail }) => `${kind} ${subject}: ${detail}`);
}

/** A clock that moves on with each look, since no two commits of a process have one time. */
export function movingClock(startMs = 1_795_000_000_000): LakeSessionOptions["clock"] {
  let nowMs = startMs;
  return { nowMs: () => nowMs += 7, monotonicMs: () => performance.now() };
}
