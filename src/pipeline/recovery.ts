import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { ManifestFile } from "../core/commit.ts";
import { damagedError } from "../core/errors.ts";
import { parseFileName, STAGING_FOLDER } from "../core/lake_path.ts";
import { listPublished } from "../lake/lake_reader.ts";
import type { LakeStorage } from "../lake/storage.ts";
import { SimulatedCrash } from "../runtime/operations.ts";
import type { LakeTable } from "./lake_table.ts";

/**
 * Publishes what was committed and is not known to be published, and deletes what can never be committed. What other
 * processes committed counts as published by `publishUnpublished` alone, once it is in the table.
 */
export async function recover(files: LakeStorage, checkpoint: CommitStore) {
  const manifestOf = async () => (await checkpoint.unpublished()).flatMap(({ files }) => files);
  const instanceOf = (stagedName: string) => parseFileName(stagedName)?.instanceId ?? "";
  if (!checkpoint.isShared) {
    if (files.hasOneWriter) return await files.recover(await manifestOf());
    // A process with another checkpoint may be staging in the same bucket.
    const isOwn = (name: string) => instanceOf(name) === checkpoint.instanceId;
    return await files.recover(await manifestOf(), isOwn);
  }
  const staged = await files.list(STAGING_FOLDER);
  const ended = await checkpoint.endedInstances(new Set(staged.map(instanceOf)));
  const manifest = await manifestOf();
  await publishCommitted(files, checkpoint, manifest);
  // Those that ended commit nothing from here on, so what no commit has of their files never will be one's.
  const { deletedCount } = await files.recover([], (name) => ended.has(instanceOf(name)));
  return { publishedCount: manifest.length, deletedCount };
}

/**
 * Publishes files of commits that were made. Processes that share the lake may have published them, and merged some of
 * them into others since: those are gone, and that is right.
 *
 * @throws as `LakeStorage.publish`
 */
export async function publishCommitted(
  files: LakeStorage,
  { isShared, replacements }: CommitStore,
  manifest: readonly ManifestFile[],
): Promise<void> {
  for (let left = manifest;;) {
    try {
      return await files.publish(left);
    } catch (error) {
      if (!isShared || error instanceof SimulatedCrash) throw error;
      const replaced = await replacements.replacedAmong(left.map(({ finalPath }) => finalPath));
      if (replaced.size === 0) throw error;
      left = left.filter(({ finalPath }) => !replaced.has(finalPath));
    }
  }
}

/**
 * Publishes what other processes committed and may not have published; they may be doing the same just now. What counts
 * as published may be merged, and is in the table then: whoever appends it later finds that it is.
 *
 * @param table null where the lake is none
 */
export async function publishUnpublished(
  files: LakeStorage,
  checkpoint: CommitStore,
  table: LakeTable | null,
): Promise<void> {
  const unpublished = (await checkpoint.unpublished())
    .filter(({ instanceId }) => instanceId !== checkpoint.instanceId);
  if (unpublished.length === 0) return;
  await publishCommitted(files, checkpoint, unpublished.flatMap(({ files }) => files));
  for (const { files } of unpublished) await table?.appendCommitted(files);
  await checkpoint.markPublished(unpublished.map(({ sequence }) => sequence));
}

/** Whether nothing was ever committed. */
export async function isWithoutCommits(checkpoint: CommitStore): Promise<boolean> {
  return (await checkpoint.read()).sequence === 0;
}

/** Another process may have begun to publish between the two looks. */
export async function refuseLost(files: LakeStorage, checkpoint: CommitStore): Promise<void> {
  try {
    await refuseLostCheckpoint(files);
  } catch (error) {
    if (await isWithoutCommits(checkpoint)) throw error;
  }
}

/** A lake whose checkpoint is gone would take every event for a fresh one. */
export async function refuseLostCheckpoint(files: LakeStorage): Promise<void> {
  const published = await listPublished(files);
  if (published.length === 0) return;
  throw damagedError(
    `${files.location} holds ${published.length} published files, but its checkpoint is gone or knows no commit: going on ` +
      `would publish events again. Restore the checkpoint from a copy, make a new one from the files ` +
      `(orilla rebuild), or choose another --out-dir`,
  );
}
