import { createHash } from "node:crypto";
import type { Batch } from "../core/batch.ts";
import type { ManifestFile, OffsetRange } from "../core/commit.ts";
import { type FileIdentity, finalPath, stagedPath, STAGING_FOLDER } from "../core/lake_path.ts";
import type { LakePartitionRows } from "../core/grouping.ts";
import { Unwritable } from "../core/poison.ts";
import { MICROSECONDS_A_DAY, microsecondsOf, momentOfMs } from "../core/timestamp.ts";
import { type Replay, replaysText } from "../core/replay.ts";
import { mapAtOnce } from "../runtime/at_once.ts";
import type { Files } from "../runtime/files.ts";
import type { Encoder } from "./encoder.ts";
import { type Protection, PROTECTION_METADATA, recordedText } from "./protection.ts";
import type { LakeStorage } from "./storage.ts";

/** What is staged: a batch after deduplication, and where its files say they come from. */
export interface StageRequest {
  readonly batch: Batch;
  /** The fresh rows, by lake partition. */
  readonly groups: readonly LakePartitionRows[];
  readonly ranges: readonly OffsetRange[];
  readonly replays: readonly Replay[];
  readonly sequence: number;
  readonly instanceId: string;
  readonly stagedAtMs: number;
  readonly version: string;
  readonly protection: Protection;
  readonly encode: Encoder;
}

/**
 * Stages each lake partition's rows, and the dead letters, as one durable Parquet file each.
 * Nothing refers to them yet: if the commit does not follow, the next start deletes them.
 *
 * @throws Unwritable where events cannot be encoded
 */
export async function stage(
  storage: LakeStorage,
  request: StageRequest,
): Promise<readonly ManifestFile[]> {
  const { batch, groups } = request;
  const files: (() => Promise<FileToStage>)[] = groups.map((group) => () =>
    eventsFile(request, group)
  );
  if (batch.rejected.length > 0) files.push(() => deadLettersFile(request));
  const staged = await mapAtOnce(files, storage.stagesAtOnce, async (make) => {
    return await stageFile(storage, await make());
  });
  // The manifest names these files, so their names must be as durable as their bytes.
  if (staged.length > 0) await storage.syncStaged();
  return staged;
}

async function eventsFile(request: StageRequest, group: LakePartitionRows): Promise<FileToStage> {
  const bytes = await encodeEvents(request, group);
  const bounds = timeBounds(request.batch, group);
  const rowCount = group.rows.length;
  return { ...request, kind: "events", day: group.day, bytes, rowCount, bounds };
}

async function deadLettersFile(request: StageRequest): Promise<FileToStage> {
  const { batch: { rejected }, stagedAtMs, protection, encode } = request;
  const now = momentOfMs(stagedAtMs);
  const stagedAt = microsecondsOf(now);
  const { deadLetterColumns, parquetTable } = await columnMakers();
  const columns = deadLetterColumns(rejected, stagedAt, protection.cipher);
  const bytes = await encode(parquetTable(columns, fileMetadata(request)));
  const bounds: Bounds = [stagedAt, stagedAt];
  return {
    ...request,
    kind: "dead_letters",
    day: now.day,
    bytes,
    rowCount: rejected.length,
    bounds,
  };
}

/**
 * The Parquet file of some rows of one lake partition.
 *
 * @throws Unwritable where it cannot be made of them
 */
export async function encodeEvents(
  request: Omit<StageRequest, "groups">,
  group: LakePartitionRows,
): Promise<Uint8Array> {
  const { batch, stagedAtMs, encode, protection: { pseudonyms } } = request;
  const { eventColumns, parquetTable, utf8Column } = await columnMakers();
  try {
    const inClear = eventColumns(batch, group, microsecondsOf(momentOfMs(stagedAtMs)));
    const columns = pseudonyms?.inColumns(inClear, utf8Column) ?? inClear;
    return await encode(parquetTable(columns, fileMetadata(request)));
  } catch (error) {
    throw new Unwritable("encode", error);
  }
}

/** Makes the folder that staged files are written in, durably. */
export async function prepareStaging(files: Files): Promise<void> {
  await files.makeFolder(STAGING_FOLDER, "publish:mkdir");
  for (const folder of files.unsyncedFolders) await files.syncFolder(folder, "publish:fsync");
}

/** What needs Arrow, which is loaded with the first commit: a start does without its 40 ms. */
async function columnMakers() {
  const [columns, events, letters, table] = await Promise.all([
    import("./arrow_columns.ts"),
    import("./event_file.ts"),
    import("./dead_letter_file.ts"),
    import("./parquet_table.ts"),
  ]);
  return { ...columns, ...events, ...letters, ...table };
}

type Bounds = readonly [min: bigint, max: bigint];

/** The rows are sorted by time, so the first and the last one bound it. */
function timeBounds(batch: Batch, { day, rows }: LakePartitionRows): Bounds {
  const midnight = BigInt(day) * BigInt(MICROSECONDS_A_DAY);
  const at = (row = 0) => midnight + BigInt(batch.microseconds[row] ?? 0);
  return [at(rows[0]), at(rows[rows.length - 1])];
}

interface FileToStage extends FileIdentity {
  readonly bytes: Uint8Array;
  readonly rowCount: number;
  readonly bounds: Bounds;
}

async function stageFile(storage: LakeStorage, file: FileToStage): Promise<ManifestFile> {
  const { bytes, rowCount } = file;
  return {
    kind: file.kind,
    stagedPath: await storage.stage(stagedPath(file), bytes),
    finalPath: finalPath(file),
    rowCount,
    bytes: bytes.length,
    checksum: createHash("sha256").update(bytes).digest("hex"),
    minTsMicroseconds: file.bounds[0],
    maxTsMicroseconds: file.bounds[1],
  };
}

/** What each file says of itself: enough to know its commit without the checkpoint. */
function fileMetadata(
  request: Omit<StageRequest, "groups">,
): Map<string, string> {
  const { version, sequence, instanceId, ranges, replays, protection: { recorded } } = request;
  const offsets = ranges.map((range) => ({
    ...range,
    firstOffset: String(range.firstOffset),
    nextOffset: String(range.nextOffset),
  }));
  return new Map([
    ["orilla.version", version],
    ["orilla.instance", instanceId],
    ["orilla.sequence", String(sequence)],
    ["orilla.offset_ranges", JSON.stringify(offsets)],
    ...(recorded === null ? [] : [[PROTECTION_METADATA, recordedText(recorded)] as const]),
    ...(replays.length === 0 ? [] : [["orilla.replays", replaysText(replays)] as const]),
  ]);
}
