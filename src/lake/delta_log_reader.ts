import { type Action, parseEntry } from "../core/delta_actions.ts";
import { DeltaSnapshot } from "../core/delta_snapshot.ts";
import { damagedError, messageOf } from "../core/errors.ts";
import { DELTA_LOG_FOLDER } from "../core/lake_path.ts";
import type { DeltaFiles } from "./delta_storage.ts";

/** A log as it was read. */
export interface DeltaLogContent {
  /** The last version; -1 where there is no log. */
  readonly version: number;
  readonly snapshot: DeltaSnapshot;
  /** The version of the checkpoint that was begun with; -1 where there is none. */
  readonly checkpointVersion: number;
  /** The actions of each version after that, in their order. */
  readonly entries: readonly (readonly Action[])[];
}

/** The name that a log's readers look at first. */
export const LAST_CHECKPOINT = "_last_checkpoint";

/** `00000000000000000042.json`. */
export function entryName(version: number): string {
  return `${digitsOf(version)}.json`;
}

/** `00000000000000000042.checkpoint.parquet`. */
export function checkpointName(version: number): string {
  return `${digitsOf(version)}.checkpoint.parquet`;
}

function digitsOf(version: number): string {
  return String(version).padStart(20, "0");
}

/** The failure to go on with a log, with what can be done. */
export function logError(reason: string, cause?: unknown): Error {
  return damagedError(
    `${DELTA_LOG_FOLDER} cannot be gone on with: ${reason}. The lake itself is whole; move ${DELTA_LOG_FOLDER} ` +
      `out of OUT_DIR, and the next start with --table-format delta makes a new one of all commits`,
    cause,
  );
}

/**
 * Reads a log up to its last version: its newest checkpoint, and what came after.
 *
 * @throws OrillaError with exit code 3 where it is damaged
 */
export async function readDeltaLog(storage: DeltaFiles): Promise<DeltaLogContent> {
  const names = await namesOf(storage);
  const checkpointVersion = checkpointVersionsOf(names).at(-1) ?? -1;
  const snapshot = new DeltaSnapshot();
  if (checkpointVersion >= 0) {
    snapshot.apply(await readCheckpointOf(storage, checkpointVersion));
  }
  const entries: (readonly Action[])[] = [];
  for (const version of versionsOf(names, /^(\d{20})\.json$/)) {
    if (version <= checkpointVersion) continue;
    const expected = checkpointVersion + entries.length + 1;
    if (version !== expected) throw logError(`it has no ${entryName(expected)}`);
    const actions = await readEntry(storage, version);
    if (actions === null) throw logError(`${entryName(version)} is gone`);
    snapshot.apply(actions);
    entries.push(actions);
  }
  return { version: checkpointVersion + entries.length, snapshot, checkpointVersion, entries };
}

/** The names of the log that are needed: those from the last checkpoint on, where its writer left a hint. */
async function namesOf(storage: DeltaFiles): Promise<readonly string[]> {
  const hint = new TextDecoder().decode(await storage.read(LAST_CHECKPOINT) ?? undefined);
  const version = Number(/"version"\s*:\s*(\d{1,15})/.exec(hint)?.[1] ?? 0);
  const names = await storage.list(digitsOf(version));
  // A hint may be wrong, and then it is none.
  return version === 0 || names.includes(checkpointName(version)) ? names : await storage.list("");
}

/** The versions that have a checkpoint, in their order. */
export function checkpointVersionsOf(names: readonly string[]): readonly number[] {
  return versionsOf(names, /^(\d{20})\.checkpoint\.parquet$/);
}

/** The version that a name of a log is of; null where it is of none. */
export function versionOfName(name: string): number | null {
  const digits = /^(\d{20})\.(?:json|checkpoint\.parquet)$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

function versionsOf(names: readonly string[], pattern: RegExp): readonly number[] {
  return names.flatMap((name) => {
    const digits = pattern.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

/**
 * The actions of a checkpoint of a log.
 *
 * @throws OrillaError with exit code 3 where it is gone or damaged
 */
export async function readCheckpointOf(
  storage: DeltaFiles,
  version: number,
): Promise<readonly Action[]> {
  const name = checkpointName(version);
  const bytes = await storage.read(name);
  if (bytes === null) throw logError(`${name} is gone`);
  const [{ readCheckpoint }, { loadParquet }] = await Promise.all([
    import("./delta_checkpoint.ts"),
    import("./parquet.ts"),
  ]);
  await loadParquet();
  try {
    return readCheckpoint(bytes);
  } catch (error) {
    throw logError(`${name} cannot be read (${messageOf(error)})`, error);
  }
}

/**
 * The actions of a version; null where there is none.
 *
 * @throws OrillaError with exit code 3 where it is damaged
 */
export async function readEntry(
  storage: DeltaFiles,
  version: number,
): Promise<readonly Action[] | null> {
  const name = entryName(version);
  const bytes = await storage.read(name);
  if (bytes === null) return null;
  try {
    return parseEntry(bytes);
  } catch (error) {
    throw logError(`${name} cannot be read (${messageOf(error)})`, error);
  }
}
