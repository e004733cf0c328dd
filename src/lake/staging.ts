import type { FileFilter, ManifestFile, OffsetRange } from "../core/commit.ts";
import { type FileIdentity, finalPath, stagedPath, STAGING_FOLDER } from "../core/lake_path.ts";
import { Unwritable } from "../core/poison.ts";
import { microsecondsOf, momentOfMs } from "../core/timestamp.ts";
import type { RejectedRecords } from "../core/rejected_records.ts";
import { type Replay, replaysText } from "../core/replay.ts";
import { mapAtOnce } from "../runtime/at_once.ts";
import type { Files } from "../runtime/files.ts";
import type { BatchEncoding, EncodableRows, EncodedFile, FileOrigin } from "./encoder.ts";
import { rangesText } from "./range_metadata.ts";
import { type Protection, PROTECTION_METADATA, recordedText } from "./protection.ts";
import type { LakeStorage } from "./storage.ts";

/** What is staged: a batch after deduplication, and where its files say they come from. */
export interface StageRequest {
  readonly encoding: BatchEncoding;
  /** The fresh rows, by lake partition. */
  readonly groups: readonly EncodableRows[];
  readonly rejected: RejectedRecords;
  readonly ranges: readonly OffsetRange[];
  readonly replays: readonly Replay[];
  readonly sequence: number;
  readonly instanceId: string;
  readonly stagedAtMs: number;
  readonly version: string;
  readonly protection: Protection;
}

/** Staged files, and what a trace finds event ids in them by. */
export interface Staged {
  readonly files: readonly ManifestFile[];
  readonly filters: readonly FileFilter[];
}

/**
 * Stages each lake partition's rows, and the dead letters, as one durable Parquet file each.
 * Nothing refers to them yet: if the commit does not follow, the next start deletes them.
 *
 * @throws Unwritable where events cannot be encoded
 */
export async function stage(storage: LakeStorage, request: StageRequest): Promise<Staged> {
  const { groups, rejected } = request;
  const origin = originOf(request);
  const toStage = groups.map((group, place) => () => eventsFile(request, { group, place, origin }));
  if (rejected.length > 0) toStage.push(() => lettersFile(request, origin));
  const staged = await mapAtOnce(toStage, storage.stagesAtOnce, async (encode) => {
    return await stageFile(storage, await encode());
  });
  // The manifest names these files, so their names must be as durable as their bytes.
  if (staged.length > 0) await storage.syncStaged();
  return {
    files: staged.map(({ file }) => file),
    filters: staged.map(({ file: { finalPath }, filter }) => ({ finalPath, filter })),
  };
}

/** Makes the folder that staged files are written in, durably. */
export async function prepareStaging(files: Files): Promise<void> {
  await files.makeFolder(STAGING_FOLDER, "publish:mkdir");
  for (const folder of files.unsyncedFolders) await files.syncFolder(folder, "publish:fsync");
}

interface FileToStage extends FileIdentity {
  readonly encoded: EncodedFile;
  readonly rowCount: number;
  readonly bounds: EncodableRows["bounds"];
}

async function eventsFile(
  request: StageRequest,
  { group, place, origin }: {
    readonly group: EncodableRows;
    readonly place: number;
    readonly origin: FileOrigin;
  },
): Promise<FileToStage> {
  try {
    const encoded = await request.encoding.encodeEvents(place, origin);
    return { ...request, ...group, kind: "events", encoded };
  } catch (error) {
    throw new Unwritable("encode", error);
  }
}

async function lettersFile(request: StageRequest, origin: FileOrigin): Promise<FileToStage> {
  const { encoding, rejected, stagedAtMs } = request;
  const now = momentOfMs(stagedAtMs);
  const stagedAt = microsecondsOf(now);
  const encoded = await encoding.encodeLetters(rejected, origin);
  const rowCount = rejected.length;
  const bounds = [stagedAt, stagedAt] as const;
  return { ...request, kind: "dead_letters", day: now.day, rowCount, bounds, encoded };
}

async function stageFile(
  storage: LakeStorage,
  file: FileToStage,
): Promise<{ readonly file: ManifestFile; readonly filter: Uint8Array }> {
  const { encoded: { bytes, checksum, filter }, kind, rowCount, bounds } = file;
  const path = await storage.stage(stagedPath(file), bytes);
  const [minTsMicroseconds, maxTsMicroseconds] = bounds;
  const staged = { kind, stagedPath: path, finalPath: finalPath(file), rowCount, checksum };
  return {
    file: { ...staged, bytes: bytes.length, minTsMicroseconds, maxTsMicroseconds },
    filter,
  };
}

/** What each file says of itself: enough to know its commit without the checkpoint. */
export function originOf(request: Omit<StageRequest, "encoding" | "groups">): FileOrigin {
  const { version, sequence, instanceId, ranges, replays, stagedAtMs } = request;
  const { recorded } = request.protection;
  const metadata = new Map([
    ["orilla.version", version],
    ["orilla.instance", instanceId],
    ["orilla.sequence", String(sequence)],
    ["orilla.offset_ranges", rangesText(ranges)],
    ...(recorded === null ? [] : [[PROTECTION_METADATA, recordedText(recorded)] as const]),
    ...(replays.length === 0 ? [] : [["orilla.replays", replaysText(replays)] as const]),
  ]);
  return { stagedAtMs, metadata };
}
