import { S3Storage } from "../../src/lake/s3_storage.ts";
import type { S3Bucket } from "../../src/lake/s3_bucket.ts";
import type { LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import type { FaultHooks } from "../../src/runtime/operations.ts";
import { unrecordedDuplicateCount } from "../recorded_duplicates.ts";
import { differences } from "../crash/lake_oracle.ts";
import { copyFolder, runOnce, scratchFolder } from "../crash/lake_run.ts";
import type { MemoryTopic } from "../crash/memory_topic.ts";

/** A lake in a bucket, and the folder of its checkpoint. */
export interface BucketLake {
  readonly bucket: S3Bucket;
  readonly checkpointDir: string;
}

/** Gives the action a folder for a checkpoint, and removes it afterwards. */
export async function withCheckpointDir<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await scratchFolder();
  try {
    return await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** As `runOnce`, into the bucket. */
export async function runIntoBucket(
  { bucket, checkpointDir }: BucketLake,
  { topic, hooks, overrides = {} }: {
    readonly topic: MemoryTopic;
    readonly hooks?: FaultHooks;
    readonly overrides?: Partial<LakeSessionOptions>;
  },
): Promise<void> {
  await runOnce(checkpointDir, {
    topic,
    overrides: { ...overrides, storage: ({ hooks }) => new S3Storage(bucket, hooks) },
    ...(hooks && { hooks }),
  });
}

/** Copies what the bucket's lake consists of, its checkpoint included, into a folder: as a reader of the bucket sees it. */
export async function copyOut({ bucket, checkpointDir }: BucketLake, to: string): Promise<void> {
  await copyFolder(checkpointDir, to);
  await copyObjects(bucket, to);
}

/** Copies the objects below a bucket's prefix into a folder. */
export async function copyObjects(bucket: S3Bucket, to: string): Promise<void> {
  const { prefix } = bucket.client.place;
  for (const key of await bucket.list(prefix)) {
    const path = `${to}/${key.slice(prefix.length)}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, await bucket.get(key) ?? new Uint8Array());
  }
}

/** What differs from what the topic must have become, uploads left behind included; empty where all is exact. */
export async function bucketDifferences(lake: BucketLake, topic: MemoryTopic): Promise<string[]> {
  return await withCheckpointDir(async (copy) => {
    await copyOut(lake, copy);
    // It is no part of the lake, and stays.
    await Deno.remove(`${copy}/_orilla_probe`);
    const found = await differences(copy, topic);
    const unrecorded = unrecordedDuplicateCount(copy);
    if (unrecorded > 0) found.push(`${unrecorded} duplicates are not recorded`);
    for (const { key } of await lake.bucket.listUploads("")) found.push(`upload left: ${key}`);
    return found;
  });
}
