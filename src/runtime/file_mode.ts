/** The mode of files where nothing else is said: the owner's alone. */
export const OWNER_ONLY = 0o600;

/** The mode of the folders that hold files of a mode: x where those have r. */
export function folderModeOf(fileMode: number): number {
  return fileMode | (fileMode & 0o444) >> 2;
}

/**
 * Gives a file or folder that was just made the bits that the umask took from it. It was made with its mode,
 * so at no moment more are allowed than it says. File systems without modes are left alone.
 *
 * @param made the mode that it has, null where the system has none
 */
export async function undoUmask(path: string, mode: number, made: number | null): Promise<void> {
  if (lacksBits(mode, made)) await Deno.chmod(path, mode);
}

/** Makes a folder with exactly that mode. */
export async function makeFolderWithMode(path: string, mode: number): Promise<void> {
  await Deno.mkdir(path, { mode });
  await undoUmask(path, mode, (await Deno.lstat(path)).mode);
}

/**
 * Makes an empty file with exactly that mode where there is none: SQLite makes its own as the umask says, but
 * gives -wal and -shm the mode of the database file.
 *
 * One that is there is not even opened: closing it would end the locks that this process has on it (POSIX).
 */
export function makeEmptyFileSync(path: string, mode: number): void {
  try {
    using file = Deno.openSync(path, { write: true, createNew: true, mode });
    if (lacksBits(mode, file.statSync().mode)) Deno.chmodSync(path, mode);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

/** Whether there is something of that name. */
export function isThereSync(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function lacksBits(mode: number, made: number | null): boolean {
  return made !== null && (mode & ~made) !== 0;
}

/** Whether a file or folder that is there allows more than a mode does. */
export async function isWiderThan(path: string, mode: number): Promise<boolean> {
  try {
    const { mode: found } = await Deno.stat(path);
    return found !== null && (found & 0o777 & ~mode) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The mode of a file, links followed; null where the system has none, or it is no file but for example a pipe. */
export async function modeOfFile(path: string): Promise<number | null> {
  const { isFile, mode } = await Deno.stat(path);
  return isFile && mode !== null ? mode & 0o777 : null;
}
