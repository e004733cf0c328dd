import { DatabaseSync } from "node:sqlite";
import { operatingError } from "../core/errors.ts";
import { isThereSync, makeEmptyFileSync, OWNER_ONLY } from "../runtime/file_mode.ts";

/** The file that keeps a second writer out of OUT_DIR. */
export const LOCK_FILE = "checkpoint.lock";

/**
 * Keeps every other process from writing to OUT_DIR until it is disposed or this process ends, however it
 * ends: an exclusive transaction on a small SQLite file of its own, so that readers of the checkpoint are
 * not kept out.
 *
 * @param outDir absolute path
 * @param fileMode the lock file's mode where it is made
 * @throws OrillaError with exit code 1 where another process holds it
 */
export function lockOutDir(outDir: string, fileMode: number = OWNER_ONLY): Disposable {
  makeEmptyFileSync(`${outDir}/${LOCK_FILE}`, fileMode);
  const database = new DatabaseSync(`${outDir}/${LOCK_FILE}`);
  try {
    database.exec("PRAGMA busy_timeout = 250; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!saysLocked(error)) throw error;
    throw operatingError(
      `Another orilla is writing to ${outDir}. Stop it first, or choose another --out-dir`,
      error,
    );
  }
  return { [Symbol.dispose]: () => database.close() };
}

/** Whether a process is writing to OUT_DIR just now; it does not wait. Keeps none out for longer than it looks. */
export function isLocked(outDir: string): boolean {
  if (!isThereSync(`${outDir}/${LOCK_FILE}`)) return false;
  using database = new DatabaseSync(`${outDir}/${LOCK_FILE}`, { readOnly: true });
  try {
    // Deno's own default is to wait for five seconds.
    database.exec("PRAGMA busy_timeout = 0");
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return false;
  } catch (error) {
    if (saysLocked(error)) return true;
    throw error;
  }
}

function saysLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes("database is locked");
}
