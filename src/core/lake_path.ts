import { isoDate } from "./timestamp.ts";

/** Which kind of file a commit publishes. */
export type FileKind = "events" | "dead_letters";

/** Everything a final name is made of. */
export interface FileIdentity {
  readonly kind: FileKind;
  /** The lake partition: days since 1970-01-01 UTC. */
  readonly day: number;
  /** When the commit was staged, milliseconds since 1970-01-01 UTC. */
  readonly stagedAtMs: number;
  /** The checkpoint's own random id, 12 hexadecimal digits. */
  readonly instanceId: string;
  readonly sequence: number;
  /** Whether it was merged of other files; left out for those that were not. */
  readonly isMerged?: boolean;
}

/** The folder of staged files inside OUT_DIR. */
export const STAGING_FOLDER = "_staging";
/** The folder of dead letters inside OUT_DIR. */
export const DEAD_LETTERS_FOLDER = "_dead_letters";

/** The folder of the table's log inside OUT_DIR, where Delta Lake's readers look for it. */
export const DELTA_LOG_FOLDER = "_delta_log";

/** What lies in OUT_DIR; help and README are made of it. */
export const OUT_DIR_FILES = [
  [
    "checkpoint.sqlite",
    "what was committed: manifest, seen ids, next offsets, counters (no event; the seen ids are keyed " +
    "hashes of 128 bits, about 20 bytes on disk each)",
  ],
  [
    "date=2026-11-24/events_*.parquet",
    "published events, by the UTC date of their ts; those that end with _merged were merged of others",
  ],
  [`${DEAD_LETTERS_FOLDER}/date=…/*.parquet`, "rejected records, whole, by the day of rejection"],
  [`${STAGING_FOLDER}/`, "files being written"],
  [
    `${DELTA_LOG_FOLDER}/`,
    "the lake as a Delta Lake table: its log, where TABLE_FORMAT=delta began one",
  ],
  ["metrics.txt", "Prometheus text, replaced after each commit"],
  ["checkpoint.lock", "keeps a second writer out"],
  ["_report.html", "what the last orilla report found"],
] as const;

/** The folder of a lake partition, relative to OUT_DIR: `date=2026-11-24`. */
export function lakePartitionFolder(kind: FileKind, day: number): string {
  const folder = `date=${isoDate(day)}`;
  return kind === "events" ? folder : `${DEAD_LETTERS_FOLDER}/${folder}`;
}

/**
 * The final path of a file, relative to OUT_DIR. It sorts by time, is unique over restarts and instances
 * (instance id and sequence), and says which commit it is from:
 * `date=2026-11-24/events_20261124T101500123Z_3f9c1a0b77d2_0000000042.parquet`; one that was merged of others ends
 * with `_merged.parquet`.
 */
export function finalPath(file: FileIdentity): string {
  const time = new Date(file.stagedAtMs).toISOString().replaceAll(/[-:.]/g, "");
  const sequence = String(file.sequence).padStart(10, "0");
  const mark = file.isMerged === true ? "_merged" : "";
  const name = `${file.kind}_${time}_${file.instanceId}_${sequence}${mark}.parquet`;
  return `${lakePartitionFolder(file.kind, file.day)}/${name}`;
}

/** Where the file is written before it is published, relative to OUT_DIR; flat, so unique by its date. */
export function stagedPath(file: FileIdentity): string {
  return `${STAGING_FOLDER}/${finalPath(file).replaceAll("/", "__")}`;
}

/**
 * What stands between a staged path and what its storage finds it by, such as the id of an upload. No file of orilla's
 * has it in its name.
 */
export const HANDLE_MARK = "#";

/** The final path that a staged one stands for. */
export function finalPathOf(stagedPath: string): string {
  const [path = ""] = stagedPath.split(HANDLE_MARK, 1);
  return path.slice(STAGING_FOLDER.length + 1).replaceAll("__", "/");
}

/** The folder of a path relative to OUT_DIR. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash);
}

/** What a file's name says of it. */
export interface ParsedFileName {
  readonly kind: FileKind;
  readonly stagedAtMs: number;
  readonly instanceId: string;
  readonly sequence: number;
  /** Whether it was merged of other files. */
  readonly isMerged: boolean;
}

const FILE_NAME =
  /^(events|dead_letters)_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z_([0-9a-f]{12})_(\d{10,})(_merged)?\.parquet$/;

/** Reads the name of a file by its path, as `parseFileName`. */
export function parsePath(path: string): ParsedFileName | null {
  return parseFileName(path.slice(path.lastIndexOf("/") + 1));
}

/** Reads the name (without folders) of a published file, or of a staged one; null for others. */
export function parseFileName(name: string): ParsedFileName | null {
  const [own = ""] = name.split(HANDLE_MARK, 1);
  // A staged file's name holds its folder too, with __ for /.
  const folderEnd = own.lastIndexOf("__");
  const match = FILE_NAME.exec(folderEnd < 0 ? own : own.slice(folderEnd + 2));
  if (match === null) return null;
  const [, kind, year, month, day, hour, minute, second, ms, instanceId = "", sequence, mark] =
    match;
  const stagedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return {
    kind: kind === "events" ? "events" : "dead_letters",
    stagedAtMs,
    instanceId,
    sequence: Number(sequence),
    isMerged: mark !== undefined,
  };
}
