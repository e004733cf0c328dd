import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { PurgedFile } from "../core/purge.ts";
import type { LakeStorage } from "../lake/storage.ts";
import type { ReadLake } from "./read_lake.ts";

/**
 * The dead-letter files whose letters were all rejected before a time and that are not purged yet, with what
 * will be known of them for ever. `loadParquet` must have been called.
 *
 * @param onProgress told how many of how many files were read
 * @throws OrillaError with exit code 3 where one of them cannot be read
 */
export async function filesToPurge(
  { files, reader }: ReadLake,
  { beforeMs, nowMs }: { readonly beforeMs: number; readonly nowMs: number },
  onProgress: (done: number, total: number) => void,
): Promise<readonly PurgedFile[]> {
  const checkpoint = await reader.content();
  const purged = new Set(checkpoint.purges.map(({ path }) => path));
  const old = checkpoint.files.filter(({ kind, finalPath, maxTsMicroseconds }) =>
    kind === "dead_letters" && maxTsMicroseconds < BigInt(beforeMs) * 1000n &&
    !purged.has(finalPath)
  );
  const { readLakeFile } = await import("../lake/file_content.ts");
  const found: PurgedFile[] = [];
  for (const { finalPath: path, sequence, rowCount, bytes } of old) {
    const { reasons } = await readLakeFile(files, path);
    found.push({
      path,
      sequence,
      letterCount: rowCount,
      bytes,
      reasons: countsOf(reasons),
      purgedAtMs: nowMs,
    });
    onProgress(found.length, old.length);
  }
  return found;
}

function countsOf(reasons: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

/**
 * Removes dead-letter files: first the checkpoint notes what is removed, then the files go. A crash in between
 * is finished by the next start.
 */
export async function purgeFiles(
  files: LakeStorage,
  checkpoint: CommitStore,
  purged: readonly PurgedFile[],
): Promise<void> {
  if (purged.length > 0) {
    // A start looks for the files of a commit that is not known to be published.
    await checkpoint.markPublished([...new Set(purged.map(({ sequence }) => sequence))]);
    await checkpoint.deadLetters.purge(purged);
  }
  await finishPurges(files, checkpoint);
}

/**
 * Removes the files that the checkpoint notes as purged and does not know to be gone.
 *
 * @returns how many files there were
 */
export async function finishPurges(
  files: LakeStorage,
  checkpoint: CommitStore,
): Promise<number> {
  const paths = await checkpoint.deadLetters.unremovedPurges();
  if (paths.length === 0) return 0;
  await files.removePublished(paths, { remove: "purge:remove", fsync: "purge:fsync" });
  await checkpoint.deadLetters.markRemoved(paths);
  return paths.length;
}
