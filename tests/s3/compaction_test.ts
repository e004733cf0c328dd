import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import { REPLACED_KEPT_MS } from "../../src/pipeline/compaction.ts";
import { noFaults, SimulatedCrash } from "../../src/runtime/operations.ts";
import { compactOnce, findingsOf, movingClock } from "../crash/compacted_lake.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { type NthCrash, NthCrashHooks } from "../crash/nth_crash_hooks.ts";
import {
  bucketDifferences,
  type BucketLake,
  copyOut,
  runIntoBucket,
  withCheckpointDir,
} from "./bucket_lake.ts";
import { bucketAt, type S3Server, startS3Server } from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

const topic = variedTopic(100);

/** Gives the action a lake of many small files in a bucket of its own. */
async function withLake(
  { endpoint, newBucket }: S3Server,
  action: (lake: BucketLake) => Promise<void>,
): Promise<void> {
  const place = { bucket: await newBucket(), prefix: "lake/" };
  await withCheckpointDir(async (checkpointDir) => {
    const lake = { bucket: bucketAt({ endpoint, place }), checkpointDir };
    await runIntoBucket(lake, { topic, overrides: { clock: movingClock() } });
    await action(lake);
  });
}

/** Merges until the crash; says what was done. */
async function compactToCrash(
  { bucket, checkpointDir }: BucketLake,
  crash: NthCrash | null,
): Promise<NthCrashHooks> {
  const hooks = new NthCrashHooks(crash);
  try {
    await compactOnce(checkpointDir, {
      hooks,
      clock: movingClock(1_795_000_100_000),
      storage: ({ hooks }) => new S3Storage(bucket, hooks),
    });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** What a verification of a copy finds, the table included. */
async function findingsIn(lake: BucketLake): Promise<readonly string[]> {
  return await withCheckpointDir(async (copy) => {
    await copyOut(lake, copy);
    await Deno.remove(`${copy}/_orilla_probe`);
    return await findingsOf(copy);
  });
}

async function fileCount({ bucket }: BucketLake): Promise<number> {
  return (await new S3Storage(bucket, noFaults).listByPrefix("date=")).length;
}

s3Test("a merge in a bucket leaves one object a date, with the same rows", async () => {
  await using server = await startS3Server();
  await withLake(server, async (lake) => {
    assert.ok(await fileCount(lake) > 6, "many small files");
    const { done } = await compactToCrash(lake, null);
    for (
      const label of ["compact:write", "replace:end", "publish:link", "compact:remove"] as const
    ) {
      assert.ok((done.get(label) ?? 0) >= 3, label);
    }
    assert.equal(await fileCount(lake), 3);
    assert.deepEqual(await bucketDifferences(lake, topic), []);
  });
});

s3Test(
  "a crash before and after every operation of a merge in a bucket leaves an exact lake",
  async () => {
    await using server = await startS3Server();
    const crashes: NthCrash[] = [];
    await withLake(server, async (lake) => {
      for (const [label, count] of (await compactToCrash(lake, null)).done) {
        for (let nth = 1; nth <= count; nth++) {
          crashes.push({ label, nth, side: "before" }, { label, nth, side: "after" });
        }
      }
    });
    for (const crash of crashes) {
      await withLake(server, async (lake) => {
        const name = JSON.stringify(crash);
        assert.ok((await compactToCrash(lake, crash)).hasCrashed, name);
        await runIntoBucket(lake, { topic });
        assert.deepEqual(await bucketDifferences(lake, topic), [], name);
        await compactToCrash(lake, null);
        assert.deepEqual(await bucketDifferences(lake, topic), [], `merged again, ${name}`);
        assert.equal(await fileCount(lake), 3, name);
      });
    }
  },
);

s3Test(
  "a merge in a bucket that is a table keeps the replaced objects for their time",
  async () => {
    await using server = await startS3Server();
    const place = { bucket: await server.newBucket(), prefix: "lake/" };
    await withCheckpointDir(async (checkpointDir) => {
      const lake = { bucket: bucketAt({ endpoint: server.endpoint, place }), checkpointDir };
      const overrides = { clock: movingClock(), tableFormat: "delta" } as const;
      await runIntoBucket(lake, { topic, overrides });
      const before = await fileCount(lake);
      await compactToCrash(lake, null);
      assert.equal(await fileCount(lake), before + 3);
      assert.deepEqual(await findingsIn(lake), []);
      const clock = movingClock(1_795_000_200_000 + REPLACED_KEPT_MS);
      await runIntoBucket(lake, { topic, overrides: { clock } });
      assert.equal(await fileCount(lake), 3);
      assert.deepEqual(await findingsIn(lake), []);
      assert.deepEqual(await bucketDifferences(lake, topic), []);
    });
  },
);

s3Test("a large file is staged in parts as it grows, and is read by ranges", async () => {
  await using server = await startS3Server();
  const place = { bucket: await server.newBucket(), prefix: "lake/" };
  const bucket = bucketAt({ endpoint: server.endpoint, place });
  const storage = new S3Storage(bucket, noFaults);
  const bytes = new Uint8Array(35 << 20).map((_, at) => (at * 31) >> 7);
  const finalPath =
    "date=2026-11-24/events_20261124T101500123Z_3f9c1a0b77d2_0000000001_merged.parquet";
  const stagedPath =
    "_staging/date=2026-11-24__events_20261124T101500123Z_3f9c1a0b77d2_0000000000_merged.parquet";
  const file = await storage.stageMerged(stagedPath);
  for (let at = 0; at < bytes.length; at += 3_000_001) {
    await file.append(bytes.slice(at, at + 3_000_001));
  }
  const [upload] = await bucket.listUploads("");
  const parts = upload && await bucket.listParts(upload);
  assert.deepEqual(parts?.map(({ bytes }) => bytes), [16 << 20, 16 << 20]);
  assert.deepEqual(await storage.listByPrefix("date="), []);
  await file.finish();
  assert.deepEqual(await storage.list("_staging"), [stagedPath.slice("_staging/".length)]);
  assert.deepEqual(await storage.listByPrefix("date="), []);
  const checksum = createHash("sha256").update(bytes).digest("hex");
  await storage.publish([{ stagedPath, finalPath, bytes: bytes.length, checksum }]);
  assert.equal(await storage.checksum(finalPath), checksum);
  assert.deepEqual(await storage.list("_staging"), []);
  assert.deepEqual(await bucket.listUploads(""), []);
  const range = { start: (16 << 20) - 5, end: (16 << 20) + 7 };
  assert.deepEqual(await storage.readRange(finalPath, range), bytes.slice(range.start, range.end));
  assert.deepEqual(await storage.readRange(finalPath, { start: 4, end: 4 }), new Uint8Array(0));
  await assert.rejects(storage.readRange(finalPath, { start: 0, end: bytes.length + 1 }));
});

s3Test("what was staged of a merge that failed is dropped, and nothing else", async () => {
  await using server = await startS3Server();
  await withLake(server, async (lake) => {
    const before = await fileCount(lake);
    await assert.rejects(
      compactOnce(lake.checkpointDir, {
        storage: ({ hooks }) => new S3Storage(lake.bucket, hooks),
        merge: async (_, { write }) => {
          await write(new Uint8Array(17 << 20));
          throw new Error("no merge today");
        },
      }),
      /no merge today/,
    );
    assert.equal(await fileCount(lake), before);
    assert.deepEqual(await bucketDifferences(lake, topic), []);
  });
});
