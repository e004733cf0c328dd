import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { Files } from "../../src/runtime/files.ts";
import { OPERATION_LABELS, SimulatedCrash } from "../../src/runtime/operations.ts";
import { readLake } from "../lake_reader.ts";
import { compactIn, MERGE_LABELS, movingClock } from "./compacted_lake.ts";
import { CrashHooks, type CrashPoint, withoutTimers } from "./crash_hooks.ts";
import { runOnce, testLimits, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";
import { differences, type ServerKind, type SharedLake, withLake } from "./shared_crash_matrix.ts";

const topic = variedTopic(80);
const limits = testLimits({ maxEvents: 30 });
const DATES = new Set(
  topic.truths().flatMap((truth) => truth.kind === "valid" ? [truth.date] : []),
);

/** What a merge does to the disk and the store, all of it labelled. */
const LABELS = [
  ...MERGE_LABELS,
  ...OPERATION_LABELS.filter((label) => /^published:|^publish:(link|unlink|fsync)/.test(label)),
];

/** Whoever gave no sign of life is expelled at once, so that nothing stays staged. */
function optionsOf({ url }: SharedLake): Partial<LakeSessionOptions> {
  return { limits, store: { url }, expelAfterMs: 0 };
}

async function prepare(lake: SharedLake): Promise<void> {
  await runOnce(lake.outDir, { topic, overrides: { ...optionsOf(lake), clock: movingClock() } });
}

function openToMerge(lake: SharedLake, hooks?: CrashHooks): Promise<LakeSession> {
  const clock = movingClock(1_795_000_100_000);
  const options = { ...optionsOf(lake), clock, ...(hooks && { hooks: withoutTimers(hooks) }) };
  return LakeSession.open(testSession(lake.outDir, options));
}

/** Merges the first date until the crash; says which operations were begun. */
async function compactToCrash(lake: SharedLake, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  try {
    await using session = await openToMerge(lake, hooks);
    await compactIn(session, { folderCount: 1 });
    await session.close();
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

async function fileCount(outDir: string): Promise<number> {
  return new Set((await readLake(outDir)).map(({ file }) => file)).size;
}

async function findingsOf({ outDir, url }: SharedLake): Promise<string[]> {
  await using reader = await openReader({ checkpointDir: outDir, url });
  const { findings } = await verify({ files: new Files(outDir), reader, ttlMs: 0 }, () => {});
  return findings.map(({ kind, subject, detail }) => `${kind} ${subject}: ${detail}`);
}

/** A process that was there before the crash goes on: it takes the partitions over, and merges what is left. */
async function goOn(session: LakeSession): Promise<void> {
  await topic.feed(session, 7);
  await compactIn(session);
  await session.close();
}

/** Crashes a merge before and after every operation of it, and expects others to leave an exact lake. */
export function testSharedCompactionMatrix({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: a crash before, and a power cut after, every operation of a merge leaves an exact lake`, async () => {
    let operations: readonly string[] = [];
    await withLake(newUrl(), async (lake) => {
      await prepare(lake);
      ({ operations } = await compactToCrash(lake, null));
      assert.deepEqual(await differences(lake, topic), []);
    });
    for (const label of LABELS) {
      assert.ok(operations.some((text) => text.startsWith(`${label} `)), `${label} is covered`);
    }
    for (let index = 0; index < operations.length; index++) {
      for (const side of ["before", "after"] as const) {
        await withLake(newUrl(), async (lake) => {
          const where = `${side} ${operations[index]}`;
          await prepare(lake);
          const hooks = await compactToCrash(lake, { index, side });
          assert.ok(hooks.hasCrashed, where);
          if (side === "after") await hooks.cutPower(lake.outDir);
          assert.deepEqual(await findingsOf(lake), [], `verify at once, ${where}`);
          await runOnce(lake.outDir, { topic, overrides: optionsOf(lake) });
          assert.deepEqual(await differences(lake, topic), [], where);
          await using session = await openToMerge(lake);
          await compactIn(session);
          await session.close();
          assert.deepEqual(await differences(lake, topic), [], `merged again, ${where}`);
          assert.equal(await fileCount(lake.outDir), DATES.size, where);
        });
      }
    }
  });

  Deno.test(`${name}: where a merge crashes, a process that was there before goes on`, async () => {
    let operations: readonly string[] = [];
    await withLake(newUrl(), async (lake) => {
      await prepare(lake);
      ({ operations } = await compactToCrash(lake, null));
    });
    for (let index = 0; index < operations.length; index++) {
      await withLake(newUrl(), async (lake) => {
        const where = `before ${operations[index]}`;
        await prepare(lake);
        await using other = await openToMerge(lake);
        await compactToCrash(lake, { index, side: "before" });
        await goOn(other);
        // What the dead process had staged goes with the next start.
        await runOnce(lake.outDir, { topic, overrides: optionsOf(lake) });
        assert.deepEqual(await differences(lake, topic), [], where);
        assert.equal(await fileCount(lake.outDir), DATES.size, where);
      });
    }
  });
}
