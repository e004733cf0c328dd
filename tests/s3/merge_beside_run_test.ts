import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { mergeHere } from "../../src/lake/merge.ts";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import type { Compacted } from "../../src/pipeline/compaction.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { noFaults, SimulatedCrash } from "../../src/runtime/operations.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { compactIn, compactOnce, movingClock } from "../crash/compacted_lake.ts";
import { testLimits, testSession } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { type NthCrash, NthCrashHooks } from "../crash/nth_crash_hooks.ts";
import { AT, eventRecords, soon } from "../pipeline_parts.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import {
  bucketDifferences,
  type BucketLake,
  runIntoBucket,
  withCheckpointDir,
} from "./bucket_lake.ts";
import { PASSING, withFaultyLake } from "./faulty_lake.ts";
import { bucketAt, type S3Server, startS3Server } from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

/** Share of the crashes and faults that are tried, by chance; 1 tries all, which takes twenty minutes. */
const SHARE = Number(Deno.env.get("ORILLA_TEST_SHARE") ?? 0.15);
/** The second begins with the first. */
const [before, topic] = [variedTopic(60), variedTopic(90)];
const limits = testLimits({ maxEvents: 10 });
const LATER_MS = 1_795_000_100_000;
/** All dates of the topic are over, and no id is expired. */
const OVER_MS = 1_795_400_000_000;

/** Makes a lake of three dates with small files. */
async function fill(lake: BucketLake): Promise<void> {
  await runIntoBucket(lake, { topic: before, overrides: { clock: movingClock(), limits } });
}

async function withLake(
  { endpoint, newBucket }: S3Server,
  action: (lake: BucketLake) => Promise<void>,
): Promise<void> {
  const place = { bucket: await newBucket(), prefix: "lake/" };
  await withCheckpointDir(async (checkpointDir) => {
    const lake = { bucket: bucketAt({ endpoint, place }), checkpointDir };
    await fill(lake);
    await action(lake);
  });
}

function openLake(
  { bucket, checkpointDir }: BucketLake,
  overrides: Partial<LakeSessionOptions> = {},
): Promise<LakeSession> {
  return LakeSession.open(testSession(checkpointDir, {
    limits,
    clock: movingClock(LATER_MS),
    storage: ({ hooks }) => new S3Storage(bucket, hooks),
    ...overrides,
  }));
}

async function eventFileCount({ bucket }: BucketLake): Promise<number> {
  return (await new S3Storage(bucket, noFaults).listByPrefix("date=")).length;
}

/** Takes in the rest of the topic and merges at the same time, until the crash; says what was done. */
async function runToCrash(lake: BucketLake, crash: NthCrash | null): Promise<NthCrashHooks> {
  const hooks = new NthCrashHooks(crash);
  try {
    await using session = await openLake(lake, { hooks });
    const both = [topic.feed(session, 3), compactIn(session)];
    // The one that goes on after the crash ends by it too.
    await Promise.allSettled(both);
    await Promise.all(both);
    await session.close();
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** Starts once more, and merges what is left to merge: each row must be there once, in one file a date. */
async function expectExactAndMerged(lake: BucketLake, where: string): Promise<void> {
  await runIntoBucket(lake, { topic, overrides: { clock: movingClock(LATER_MS + 50_000) } });
  assert.deepEqual(await bucketDifferences(lake, topic), [], where);
  await compactOnce(lake.checkpointDir, {
    clock: movingClock(LATER_MS + 100_000),
    storage: ({ hooks }) => new S3Storage(lake.bucket, hooks),
  });
  assert.deepEqual(await bucketDifferences(lake, topic), [], `merged again, ${where}`);
  assert.equal(await eventFileCount(lake), 3, where);
}

s3Test("a commit does not wait for a merge in a bucket that is being written", async () => {
  await using server = await startS3Server();
  await withLake(server, async (lake) => {
    let committedMeanwhile = 0;
    await using session = await openLake(lake, {
      merge: async (request, files) => {
        const records = new RecordList(eventRecords(1_000 + committedMeanwhile * 3, 3));
        await session.pipeline.add({ ...AT, records });
        await soon(session.pipeline.commit("end"));
        committedMeanwhile++;
        return await mergeHere(request, files);
      },
    });
    assert.equal((await compactIn(session)).length, 3);
    assert.equal(committedMeanwhile, 3);
    await session.close();
  });
});

s3Test("a run into a bucket with autoCompact merges dates that are over by itself", async () => {
  await using server = await startS3Server();
  await withLake(server, async (lake) => {
    const found = await eventFileCount(lake);
    const merged: Compacted[] = [];
    const all = Promise.withResolvers<void>();
    await using session = await openLake(lake, {
      clock: movingClock(OVER_MS),
      autoCompact: { targetBytes: 1 << 20, afterMs: 0 },
      onCompacted: (one) => {
        merged.push(one);
        if (merged.length === 3) all.resolve();
      },
    });
    await topic.feed(session, 3);
    await soon(all.promise);
    await session.close();
    assert.ok(found > 10 && merged.every(({ sourceCount }) => sourceCount >= 8));
    assert.deepEqual(await bucketDifferences(lake, topic), []);
  });
});

s3Test(
  "a crash anywhere in a run into a bucket that merges meanwhile leaves an exact lake",
  async () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    await using server = await startS3Server();
    const crashes: NthCrash[] = [];
    await withLake(server, async (lake) => {
      const { done } = await runToCrash(lake, null);
      for (const label of ["compact:fsync", "compact:copy", "replace:end"] as const) {
        assert.ok((done.get(label) ?? 0) >= 3, label);
      }
      assert.ok((done.get("commit:end") ?? 0) >= 3, "commits beside it");
      await expectExactAndMerged(lake, "without a crash");
      for (const [label, count] of done) {
        for (let nth = 1; nth <= count; nth++) {
          crashes.push({ label, nth, side: "before" }, { label, nth, side: "after" });
        }
      }
    });
    // Those of the first merge all.
    const isTried = ({ label, nth }: NthCrash) =>
      /^(compact|replace)/.test(label) && nth === 1 || random() < SHARE;
    let crashed = 0;
    const tried = crashes.filter(isTried);
    for (const crash of tried) {
      await withLake(server, async (lake) => {
        if ((await runToCrash(lake, crash)).hasCrashed) crashed++;
        await expectExactAndMerged(lake, `${JSON.stringify(crash)}; ${replayHint(seed)}`);
      });
    }
    // What overlaps has not always the same number of operations.
    assert.ok(crashed > tried.length * 0.9, `${crashed} of ${tried.length}; ${replayHint(seed)}`);
  },
);

s3Test("any request of a merge may fail in a way that passes, or for good", async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  await using server = await startS3Server();
  const compact = ({ bucket, checkpointDir }: BucketLake) =>
    compactOnce(checkpointDir, {
      clock: movingClock(LATER_MS),
      storage: ({ hooks }) => new S3Storage(bucket, hooks),
    });
  let [first, end] = [0, 0];
  await withFaultyLake(server, async (lake) => {
    await fill(lake.direct);
    first = lake.proxy.requests.length;
    assert.equal((await compact(lake)).length, 3);
    end = lake.proxy.requests.length;
    assert.ok(end - first > 60, `${end - first} requests`);
  });
  for (let index = first; index < end; index++) {
    for (const isForGood of [false, true].filter(() => random() < SHARE)) {
      await withFaultyLake(server, async (lake) => {
        await fill(lake.direct);
        const fault = PASSING[index % PASSING.length] ?? null;
        const isFaulty = (at: number) => isForGood ? at >= index : at === index;
        lake.proxy.faultOf = (request) => isFaulty(request.index) ? fault : null;
        const failure = await compact(lake).then(() => null, String);
        const { method, target } = lake.proxy.requests[index] ?? {};
        const where = `${JSON.stringify(fault)} at ${index}: ${method} ${target}; ${
          replayHint(seed)
        }`;
        assert.equal(failure !== null, isForGood, `${where}: ${failure}`);
        await expectExactAndMerged(lake.direct, where);
        // On a busy machine requests also reach their limit of time by themselves.
      }, isForGood ? 2 : 30);
    }
  }
});
