import assert from "node:assert/strict";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import { noFaults, SimulatedCrash } from "../../src/runtime/operations.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { type NthCrash, NthCrashHooks } from "../crash/nth_crash_hooks.ts";
import { differences } from "../crash/shared_crash_matrix.ts";
import { rebuildShared } from "../crash/shared_rebuild.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { type BucketLake, copyOut, runIntoBucket, withCheckpointDir } from "./bucket_lake.ts";
import { bucketAt, type S3Server, startS3Server } from "./s3_server.ts";
import { s3TestBeside } from "./s3_case.ts";

/** A lake in a bucket whose checkpoint is on a server. */
interface SharedBucketLake extends BucketLake {
  readonly url: string;
}

const topic = variedTopic(60);

/** Runs until the crash; whoever gave no sign of life is expelled at once, so that nothing stays staged. */
async function runToCrash(lake: SharedBucketLake, crash: NthCrash | null): Promise<NthCrashHooks> {
  const hooks = new NthCrashHooks(crash);
  const overrides = { store: { url: lake.url }, expelAfterMs: 0 };
  try {
    await runIntoBucket(lake, { topic, hooks, overrides });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

async function sharedDifferences(lake: SharedBucketLake): Promise<string[]> {
  return await withCheckpointDir(async (copy) => {
    await copyOut(lake, copy);
    // It is no part of the lake, and stays.
    await Deno.remove(`${copy}/_orilla_probe`);
    const found = await differences({ outDir: copy, url: lake.url }, topic);
    for (const { key } of await lake.bucket.listUploads("")) found.push(`upload left: ${key}`);
    return found;
  });
}

/** Gives the action an empty lake in a bucket, and under a name in the store, of its own. */
async function withLake(
  { endpoint, newBucket }: S3Server,
  storeUrl: string,
  action: (lake: SharedBucketLake) => Promise<void>,
): Promise<void> {
  const place = { bucket: await newBucket(), prefix: "lake/" };
  const url = `${storeUrl}?lake=t_${crypto.randomUUID().replaceAll("-", "_")}`;
  await withCheckpointDir((checkpointDir) =>
    action({ bucket: bucketAt({ endpoint, place }), checkpointDir, url })
  );
}

s3TestBeside(
  "a shared checkpoint that is lost where a run into a bucket crashes is made anew, and nothing with it",
  redisLeftOut(),
  async () => {
    await using server = await startS3Server();
    await using redis = await startRedis();
    const crashes: NthCrash[] = [];
    await withLake(server, redis.url, async (lake) => {
      const { done } = await runToCrash(lake, null);
      for (const [label, count] of done) {
        for (let nth = 1; nth <= count; nth++) crashes.push({ label, nth, side: "before" });
      }
    });
    let rebuiltCount = 0;
    for (const crash of crashes) {
      await withLake(server, redis.url, async (lost) => {
        const where = JSON.stringify(crash);
        assert.ok((await runToCrash(lost, crash)).hasCrashed, where);
        const lake = { ...lost, url: `${redis.url}?lake=made_anew_${crashes.indexOf(crash)}` };
        const storage = new S3Storage(lake.bucket, noFaults);
        const here = { outDir: "", url: lake.url };
        const { commitCount } = await rebuildShared(here, { storage });
        rebuiltCount += commitCount;
        await runToCrash(lake, null);
        const differences = await sharedDifferences(lake);
        // Where duplicates lay is not told by files.
        const others = differences.filter((text) => !text.startsWith("recorded duplicates"));
        assert.deepEqual(others, [], where);
      });
    }
    assert.ok(rebuiltCount > 0);
  },
);

s3TestBeside(
  "a crash before and after every operation of a run into a bucket with a shared checkpoint leaves an exact lake",
  redisLeftOut(),
  async () => {
    await using server = await startS3Server();
    await using redis = await startRedis();
    const crashes: NthCrash[] = [];
    await withLake(server, redis.url, async (lake) => {
      const { done } = await runToCrash(lake, null);
      assert.deepEqual(await sharedDifferences(lake), []);
      // Other processes have theirs, each in its own folder.
      const metrics = await Deno.readTextFile(`${lake.checkpointDir}/metrics.txt`);
      assert.match(metrics, /^orilla_events_published_total [1-9]/m);
      for (const [label, count] of done) {
        for (let nth = 1; nth <= count; nth++) {
          crashes.push({ label, nth, side: "before" }, { label, nth, side: "after" });
        }
      }
    });
    for (const crash of crashes) {
      await withLake(server, redis.url, async (lake) => {
        const where = JSON.stringify(crash);
        assert.ok((await runToCrash(lake, crash)).hasCrashed, where);
        await runToCrash(lake, null);
        assert.deepEqual(await sharedDifferences(lake), [], where);
      });
    }
  },
);
