import { damagedError } from "../core/errors.ts";
import { finalPathOf, folderOf, STAGING_FOLDER } from "../core/lake_path.ts";
import { mapAtOnce } from "../runtime/at_once.ts";
import type { Files } from "../runtime/files.ts";
import type { OperationLabel } from "../runtime/operations.ts";
import type { FileToPublish } from "./storage.ts";

/** So many that the disk syncs some while others wait for the system. */
const FILES_AT_ONCE = 8;

/**
 * Gives committed files their final names and makes these durable. It may be called again after any
 * interruption: what is done already stays as it is. A final name is never replaced.
 *
 * @throws OrillaError with exit code 3 where a file is neither staged nor published
 */
export async function publish(files: Files, manifest: readonly FileToPublish[]): Promise<void> {
  const folders = new Set(manifest.map(({ finalPath }) => folderOf(finalPath)));
  for (const folder of folders) await files.makeFolder(folder, "publish:mkdir");
  const isStaged = await mapAtOnce(manifest, FILES_AT_ONCE, (file) => isToLink(files, file));
  await mapAtOnce(manifest.filter((_, i) => isStaged[i]), FILES_AT_ONCE, (file) => {
    return linkStaged(files, file);
  });
  const changed = new Set([...folders, ...files.unsyncedFolders]);
  await mapAtOnce([...changed], FILES_AT_ONCE, (path) => files.syncFolder(path, "publish:fsync"));
  // Only now may the staged names go: until the folders are durable they are what recovery goes by.
  await mapAtOnce(manifest, FILES_AT_ONCE, async ({ stagedPath }) => {
    if (await files.exists(stagedPath)) await removeIfThere(files, stagedPath, "publish:unlink");
  });
}

/** Removes a file that was there; another process that shares the lake may have done it since. */
export async function removeIfThere(
  files: Files,
  path: string,
  label: OperationLabel,
): Promise<void> {
  try {
    await files.remove(path, label);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Whether a file is staged and not published; all are looked at before the first is linked.
 *
 * @throws OrillaError with exit code 3 where it is neither, or not as it was committed
 */
async function isToLink(files: Files, file: FileToPublish): Promise<boolean> {
  const { stagedPath, finalPath, bytes } = file;
  if (await isPublished(files, file)) return false;
  const staged = await files.size(stagedPath);
  if (staged === null && !await files.exists(STAGING_FOLDER)) {
    const message = `${
      files.absolute(STAGING_FOLDER)
    } is not there: OUT_DIR was removed or replaced`;
    throw Object.assign(new Error(message), { code: "ENOENT" });
  }
  if (staged !== bytes) {
    // Another process that shares the lake may have published it since.
    if (await isPublished(files, file)) return false;
    const state = staged === null ? "is not there" : `has ${staged} bytes instead of ${bytes}`;
    throw damagedError(
      `${finalPath} was committed, but is not there, and its staged file ${stagedPath} ${state}. ` +
        `Restore one of them, or make a new checkpoint from what is there: orilla rebuild`,
    );
  }
  return true;
}

async function linkStaged(files: Files, file: FileToPublish): Promise<void> {
  try {
    await files.link(file.stagedPath, file.finalPath, "publish:link");
  } catch (error) {
    const isRaced = error instanceof Deno.errors.AlreadyExists ||
      error instanceof Deno.errors.NotFound;
    if (isRaced && await isPublished(files, file)) return;
    throw error;
  }
}

/** @throws OrillaError with exit code 3 where another file has that name */
async function isPublished(
  files: Files,
  { finalPath, checksum }: FileToPublish,
): Promise<boolean> {
  if (!await files.exists(finalPath)) return false;
  if (await files.checksum(finalPath) === checksum) return true;
  throw damagedError(
    `${finalPath} is not the file that was committed: it was changed from outside. Move it away and ` +
      `start again`,
  );
}

/** Publishes staged files that no manifest tells of. `loadParquet` must have been called. */
export async function publishUnlisted(files: Files, stagedPaths: readonly string[]): Promise<void> {
  const { readLakeFile } = await import("./file_content.ts");
  for (const stagedPath of stagedPaths) {
    const { bytes, checksum } = await readLakeFile(files, stagedPath);
    await publish(files, [{ stagedPath, finalPath: finalPathOf(stagedPath), bytes, checksum }]);
  }
}

/**
 * Brings the lake to its last commit: publishes what was committed and not known to be published, then
 * deletes what was staged and never committed.
 *
 * @param mayDrop asked of each staged file that is not published then: false where its commit may still come
 * @returns how many files were published, and how many staged ones deleted
 */
export async function recoverLake(
  files: Files,
  unpublished: readonly FileToPublish[],
  mayDrop: (stagedName: string) => boolean = () => true,
): Promise<{ readonly publishedCount: number; readonly deletedCount: number }> {
  await publish(files, unpublished);
  const leftovers = (await files.list(STAGING_FOLDER)).filter(mayDrop);
  for (const name of leftovers) {
    await removeIfThere(files, `${STAGING_FOLDER}/${name}`, "recover:remove");
  }
  return { publishedCount: unpublished.length, deletedCount: leftovers.length };
}
