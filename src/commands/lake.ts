import { openReader } from "../checkpoint/open_store.ts";
import { FolderStorage } from "../lake/folder_storage.ts";
import { S3Bucket } from "../lake/s3_bucket.ts";
import { S3Client } from "../lake/s3_client.ts";
import { S3Storage } from "../lake/s3_storage.ts";
import type { LakeStorage } from "../lake/storage.ts";
import { s3AddressOf, s3PlaceOf } from "../options/s3_options.ts";
import type { StorageSurroundings } from "../pipeline/lake_session.ts";
import type { ReadLake } from "../pipeline/read_lake.ts";
import { Files } from "../runtime/files.ts";
import { noFaults } from "../runtime/operations.ts";
import { type CommandContext, locationOf } from "./context.ts";
import { duckdbLine, duckdbLineOfS3 } from "./duckdb_line.ts";
import { retryingOf } from "./retrying.ts";
import type { SummaryOptions } from "./summary.ts";

/** The lake of a command, to look at or to write to outside of a session. */
export async function lakeOf(
  context: CommandContext,
): Promise<ReadLake & AsyncDisposable & { readonly files: LakeStorage }> {
  const reader = await openReader(locationOf(context));
  return {
    files: storageOf(context),
    reader,
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** Where the files of a command's lake lie. */
export function storageOf(
  context: CommandContext,
  around: StorageSurroundings = { hooks: noFaults, onRetry: () => {} },
): LakeStorage {
  const bucket = bucketOf(context, around);
  return bucket === null
    ? new FolderStorage(localFiles(context, around))
    : new S3Storage(bucket, around.hooks);
}

/** The bucket of a command's lake; null where it is in a folder. */
export function bucketOf(
  context: CommandContext,
  { onRetry, attempts = context.config.retryAttempts }: Pick<StorageSurroundings, "onRetry"> & {
    /** Tries of each request. */
    readonly attempts?: number;
  },
): S3Bucket | null {
  const { config, s3Credentials: credentials, log } = context;
  const place = s3PlaceOf(config);
  if (place === null || credentials === null) return null;
  const { endpoint, isPathStyle } = s3AddressOf(config, place);
  const { s3Region: region, s3TimeoutMs: timeoutMs } = config;
  const connection = { place, endpoint, isPathStyle, region, timeoutMs, credentials };
  const { policy, ...rest } = retryingOf(context, onRetry);
  const retrying = { ...rest, policy: { ...policy, attempts } };
  return new S3Bucket(new S3Client(connection, { retrying, log }));
}

/** Where things lie after a run, for people. */
export function placesOf(
  { config, outDir, checkpointDir, store }: CommandContext,
): Pick<SummaryOptions, "outDir" | "metricsFile" | "duckdb"> {
  const place = s3PlaceOf(config);
  const duckdb = place === null ? duckdbLine(outDir) : duckdbLineOfS3(outDir, {
    region: config.s3Region,
    ...(config.s3Endpoint !== null && s3AddressOf(config, place)),
  });
  // See LakeSession: processes that share a folder write none, and where nothing lies on this machine there is no place.
  const hasNone = checkpointDir === "" || place === null && store.url !== null;
  const metricsFile = hasNone ? null : `${checkpointDir}/metrics.txt`;
  return { outDir, metricsFile, duckdb };
}

/** The folder of checkpoint and metrics.txt. */
export function localFiles(
  { checkpointDir, config }: CommandContext,
  { hooks }: Pick<StorageSurroundings, "hooks"> = { hooks: noFaults },
): Files {
  return new Files(checkpointDir, hooks, { fileMode: config.fileMode });
}
