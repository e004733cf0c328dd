import { commitVersion, type DeltaVersion, type TableFile } from "../../src/core/delta_version.ts";
import { DeltaLog, type DeltaLogOptions } from "../../src/lake/delta_log.ts";
import { deltaStorage } from "../../src/lake/delta_storage.ts";
import { encodeTable } from "../../src/lake/encoder_server.ts";
import { FolderStorage } from "../../src/lake/folder_storage.ts";
import { Files } from "../../src/runtime/files.ts";
import type { FaultHooks } from "../../src/runtime/operations.ts";

export const NOW_MS = 1_795_000_000_000;

/** A file of a commit, as a manifest has it; there is none on the disk. */
export function tableFile(
  instanceId: string,
  sequence: number,
  date = "2026-11-18",
): TableFile {
  const number = String(sequence).padStart(10, "0");
  return {
    finalPath: `date=${date}/events_20261118T110640000Z_${instanceId}_${number}.parquet`,
    rowCount: 10 + sequence,
    bytes: 1_000 + sequence,
    minTsMicroseconds: 1_794_999_000_123_456n,
    maxTsMicroseconds: 1_794_999_999_654_321n,
  };
}

/** The version of a commit that has one file. */
export function versionOf(instanceId: string, sequence: number): DeltaVersion {
  return commitVersion([tableFile(instanceId, sequence)], "test");
}

/** A log below a folder, opened to append. */
export function openLog(
  outDir: string,
  { hooks, ...given }: Partial<DeltaLogOptions> & { readonly hooks?: FaultHooks } = {},
): Promise<DeltaLog> {
  const silent = () => {};
  return DeltaLog.open({
    storage: deltaStorage(new FolderStorage(new Files(outDir, hooks))),
    encode: encodeTable,
    log: { debug: silent, info: silent, warning: silent, error: silent },
    engine: "test",
    pseudonymizedFields: [],
    nowMs: () => NOW_MS,
    ...given,
  });
}
