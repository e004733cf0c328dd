import type { ManifestFile } from "./commit.ts";
import {
  type Action,
  type AddFile,
  type CommitInfo,
  encodePath,
  type TableMetaData,
} from "./delta_actions.ts";
import { PARTITION_COLUMN, PROTOCOL, tableMetaData } from "./delta_table.ts";
import { assert } from "./errors.ts";
import { folderOf, type ParsedFileName, parsePath } from "./lake_path.ts";

/** A version to append to the table's log. */
export interface DeltaVersion {
  readonly commitInfo: CommitInfo;
  readonly actions: readonly Action[];
  /** The commit that it stands for: appended once, however often it is tried. Null where it may be appended again. */
  readonly commit: CommitName | null;
}

/** What a commit is called in the names of its files: the same after `orilla rebuild`. */
export interface CommitName {
  readonly instanceId: string;
  readonly sequence: number;
}

/** What is known of an event file of a commit. */
export type TableFile = Pick<
  ManifestFile,
  "finalPath" | "rowCount" | "bytes" | "minTsMicroseconds" | "maxTsMicroseconds"
>;

/** The commit of a published file, by its name. */
export function commitNameOf({ finalPath }: Pick<TableFile, "finalPath">): CommitName {
  const { instanceId, sequence } = nameOf(finalPath);
  return { instanceId, sequence };
}

/** The application of Delta's `txn` action that an instance is; its version there is the commit's sequence. */
export function appIdOf({ instanceId }: Pick<CommitName, "instanceId">): string {
  return `orilla-${instanceId}`;
}

/** The table's first version: it is there, and empty. */
export function firstVersion(
  table: Parameters<typeof tableMetaData>[0],
  engine: string,
): DeltaVersion {
  return {
    commitInfo: {
      timestamp: table.createdAtMs,
      operation: "CREATE TABLE",
      operationParameters: { partitionBy: JSON.stringify([PARTITION_COLUMN]) },
      operationMetrics: {},
      isBlindAppend: true,
      engineInfo: engine,
    },
    actions: [{ protocol: PROTOCOL }, { metaData: tableMetaData(table) }],
    commit: null,
  };
}

/** The version that gives an empty table the columns of other fields. */
export function otherColumnsVersion(
  before: TableMetaData | null,
  { engine, ...table }: Omit<Parameters<typeof tableMetaData>[0], "id"> & {
    readonly engine: string;
  },
): Omit<DeltaVersion, "commit"> {
  const { commitInfo } = firstVersion({ ...table, id: "" }, engine);
  const metaData = tableMetaData({ ...table, id: before?.id ?? "" });
  return {
    commitInfo: { ...commitInfo, operation: "CHANGE COLUMNS", operationParameters: {} },
    actions: [{ metaData }],
  };
}

/**
 * The version of a commit: all its event files become rows of the table at once.
 *
 * @param files of one commit, at least one
 */
export function commitVersion(files: readonly TableFile[], engine: string): DeltaVersion {
  const [first] = files;
  assert(first !== undefined, "a version of the table has files");
  const commit = commitNameOf(first);
  const { stagedAtMs } = nameOf(first.finalPath);
  return {
    commitInfo: {
      timestamp: stagedAtMs,
      operation: "WRITE",
      operationParameters: {
        mode: "Append",
        partitionBy: JSON.stringify([PARTITION_COLUMN]),
      },
      operationMetrics: metricsOf(files),
      isBlindAppend: true,
      engineInfo: engine,
    },
    actions: [
      { txn: { appId: appIdOf(commit), version: commit.sequence, lastUpdated: stagedAtMs } },
      ...files.map((file) => ({ add: addOf(file, true) })),
    ],
    commit,
  };
}

/**
 * The version of a compaction: some files take the place of others, and the rows stay the same.
 *
 * @param added the files of the compaction's own commit, at least one
 * @param replaced files of the table as it is
 * @param removedAtMs when they went, milliseconds since 1970-01-01 UTC
 */
export function compactionVersion(
  { added, replaced, removedAtMs }: {
    readonly added: readonly TableFile[];
    readonly replaced: readonly Pick<TableFile, "finalPath" | "bytes">[];
    readonly removedAtMs: number;
  },
  engine: string,
): DeltaVersion {
  const { commitInfo, commit, actions: [txn] } = commitVersion(added, engine);
  const removed = replaced.map(({ finalPath, bytes: size }) =>
    removalOf({ ...placeOf(finalPath), size }, { removedAtMs, dataChange: false })
  );
  return {
    commitInfo: {
      ...commitInfo,
      operation: "OPTIMIZE",
      operationParameters: {},
      operationMetrics: {
        numAddedFiles: String(added.length),
        numRemovedFiles: String(replaced.length),
      },
      isBlindAppend: false,
    },
    actions: [
      ...(txn === undefined ? [] : [txn]),
      ...added.map((file) => ({ add: addOf(file, false) })),
      ...removed,
    ],
    commit,
  };
}

/**
 * The version that makes the table one of other files, after the lake lost some or a checkpoint was made anew.
 *
 * @param added files of the lake that the table has not
 * @param removed files of the table that the lake has not
 */
export function alignmentVersion(
  { added, removed, nowMs }: {
    readonly added: readonly TableFile[];
    readonly removed: readonly AddFile[];
    readonly nowMs: number;
  },
  engine: string,
): DeltaVersion {
  const sequences = new Map<string, number>();
  for (const { instanceId, sequence } of added.map(commitNameOf)) {
    sequences.set(instanceId, Math.max(sequence, sequences.get(instanceId) ?? 0));
  }
  return {
    commitInfo: {
      timestamp: nowMs,
      operation: "RESTORE",
      operationParameters: {},
      operationMetrics: {
        numAddedFiles: String(added.length),
        numRemovedFiles: String(removed.length),
      },
      isBlindAppend: false,
      engineInfo: engine,
    },
    actions: [
      ...Array.from(sequences, ([instanceId, version]) => ({
        txn: { appId: appIdOf({ instanceId }), version, lastUpdated: nowMs },
      })),
      ...added.map((file) => ({ add: addOf(file, true) })),
      ...removed.map((file) => removalOf(file, { removedAtMs: nowMs, dataChange: true })),
    ],
    commit: null,
  };
}

function removalOf(
  { path, partitionValues, size }: Pick<AddFile, "path" | "partitionValues" | "size">,
  { removedAtMs, dataChange }: { readonly removedAtMs: number; readonly dataChange: boolean },
): Action {
  const known = { extendedFileMetadata: true, partitionValues, size };
  return { remove: { path, deletionTimestamp: removedAtMs, dataChange, ...known } };
}

function metricsOf(files: readonly TableFile[]) {
  const sum = (of: (file: TableFile) => number) =>
    String(files.reduce((total, file) => total + of(file), 0));
  return {
    numFiles: String(files.length),
    numOutputRows: sum(({ rowCount }) => rowCount),
    numOutputBytes: sum(({ bytes }) => bytes),
  };
}

function nameOf(finalPath: string): ParsedFileName {
  const parsed = parsePath(finalPath);
  assert(parsed !== null && parsed.kind === "events", "the table has event files alone");
  return parsed;
}

function placeOf(finalPath: string): Pick<AddFile, "path" | "partitionValues"> {
  return {
    path: encodePath(finalPath),
    partitionValues: { [PARTITION_COLUMN]: folderOf(finalPath).slice("date=".length) },
  };
}

function addOf(file: TableFile, dataChange: boolean): AddFile {
  const { finalPath, bytes } = file;
  return {
    ...placeOf(finalPath),
    size: bytes,
    modificationTime: nameOf(finalPath).stagedAtMs,
    dataChange,
    stats: statsOf(file),
  };
}

/**
 * What readers leave files out by. Nothing of an event but the bounds of its times: an event_id, or a field that
 * is a pseudonym, has no business in a log.
 */
function statsOf({ finalPath, rowCount, minTsMicroseconds, maxTsMicroseconds }: TableFile): string {
  const stagedAt = BigInt(nameOf(finalPath).stagedAtMs) * 1000n;
  const processing_ts = isoMicroseconds(stagedAt);
  // A manifest that was read back from files says when they were staged in place of their bounds.
  const isKnown = minTsMicroseconds !== stagedAt || maxTsMicroseconds !== stagedAt;
  const bounds = (microseconds: bigint) =>
    isKnown ? { ts: isoMicroseconds(microseconds), processing_ts } : { processing_ts };
  return JSON.stringify({
    numRecords: rowCount,
    minValues: bounds(minTsMicroseconds),
    maxValues: bounds(maxTsMicroseconds),
    nullCount: { event_id: 0, ts: 0, usuario_id: 0, monto: 0, processing_ts: 0 },
  });
}

/** `2026-11-24T10:15:00.123456Z`. */
function isoMicroseconds(microseconds: bigint): string {
  const rest = ((microseconds % 1000n) + 1000n) % 1000n;
  const ms = new Date(Number((microseconds - rest) / 1000n)).toISOString();
  return `${ms.slice(0, -1)}${String(rest).padStart(3, "0")}Z`;
}
