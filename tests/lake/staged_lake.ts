import assert from "node:assert/strict";
import type { Batch } from "../../src/core/batch.ts";
import type { ManifestFile, OffsetRange } from "../../src/core/commit.ts";
import { groupByDay } from "../../src/core/grouping.ts";
import { BatchEncodingHere, encodableRows, encodeEvents } from "../../src/lake/batch_encoding.ts";
import type { BatchEncoding } from "../../src/lake/encoder.ts";
import { encodeTable } from "../../src/lake/encoder_server.ts";
import { FolderStorage } from "../../src/lake/folder_storage.ts";
import { loadParquet } from "../../src/lake/parquet.ts";
import { NO_PROTECTION } from "../../src/lake/protection.ts";
import { prepareStaging, stage, type StageRequest } from "../../src/lake/staging.ts";
import { Files } from "../../src/runtime/files.ts";
import { type RecordingHooks, recordingHooks } from "../runtime/recording_hooks.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";

/** When batches of these tests are staged. */
export const STAGED_AT_MS = Date.parse("2026-11-25T10:15:00.123Z");

/** An empty lake of a test's own, ready to stage in. */
export interface EmptyLake extends AsyncDisposable {
  readonly outDir: string;
  readonly files: Files;
  readonly hooks: RecordingHooks;
}

export async function emptyLake(): Promise<EmptyLake> {
  await loadParquet();
  const folder = await temporaryFolder();
  const hooks = recordingHooks();
  const files = new Files(folder.path, hooks);
  await prepareStaging(files);
  return {
    outDir: folder.path,
    files,
    hooks,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The offsets of a batch by partition, as if all of its valid events were fresh. */
export function rangesOf(batch: Batch): OffsetRange[] {
  return batch.partitions.map((partition) => ({
    topic: partition.topic,
    partition: partition.partition,
    firstOffset: partition.firstOffset,
    nextOffset: partition.nextOffset,
    publishedCount: partition.receivedCount - partition.rejectedCount,
    duplicateCount: 0,
    rejectedCount: partition.rejectedCount,
  }));
}

/**
 * Stages all rows of a batch as commit 1, or as the request says.
 *
 * @param isDuplicate which rows are left out, as if they had been seen before
 */
export async function stageBatch(
  { files }: Pick<EmptyLake, "files">,
  batch: Batch,
  { isDuplicate = () => false, ...request }: Partial<StageRequest> & {
    readonly isDuplicate?: (row: number) => boolean;
  } = {},
): Promise<readonly ManifestFile[]> {
  const rows = Int32Array.from({ length: batch.length }, (_, row) => row);
  const groups = groupByDay(batch, rows.filter((row) => !isDuplicate(row)));
  const protection = request.protection ?? NO_PROTECTION, encode = encodeTable;
  using whole = new BatchEncodingHere(batch, { idKey: KEY, protection, encode });
  const encoding: BatchEncoding = {
    hashes: whole.hashes,
    split: (isSeen) => whole.split(isSeen),
    canEncode: (rows, origin) => whole.canEncode(rows, origin),
    encodeLetters: (letters, origin) => whole.encodeLetters(letters, origin),
    // Events with equal ids are rows too.
    encodeEvents: (place, origin) => {
      const group = groups[place];
      assert.ok(group !== undefined);
      return encodeEvents(batch, group, { protection, encode, ...origin });
    },
    [Symbol.dispose]: () => {},
  };
  const staged = await stage(new FolderStorage(files), {
    encoding,
    groups: groups.map((group) => encodableRows(batch, group)),
    rejected: batch.rejected,
    ranges: rangesOf(batch),
    replays: [],
    sequence: 1,
    instanceId: "3f9c1a0b77d2",
    stagedAtMs: STAGED_AT_MS,
    version: "1.2.3",
    protection,
    ...request,
  });
  return staged.files;
}

const KEY = Uint32Array.of(1, 2, 3, 4);
