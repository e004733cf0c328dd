import assert from "node:assert/strict";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { readLake } from "../lake_reader.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { compactOnce, findingsOf, MERGE_LABELS, movingClock } from "./compacted_lake.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { copyLake, withScratch } from "./damaged_lake.ts";
import { differences } from "./lake_oracle.ts";
import { rebuildLake, runOnce } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const topic = variedTopic(150);

async function prepare(outDir: string): Promise<void> {
  await runOnce(outDir, { topic, overrides: { clock: movingClock() } });
}

/** Merges until the crash; says which operations were begun. */
async function compactToCrash(outDir: string, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  const clock = movingClock(1_795_000_100_000);
  try {
    await compactOnce(outDir, { hooks, clock });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

async function filesAndRows(outDir: string): Promise<{ files: number; rows: number }> {
  const rows = await readLake(outDir);
  return { files: new Set(rows.map(({ file }) => file)).size, rows: rows.length };
}

/** Calls the action with a fresh copy of one lake for each crash point of merging it. */
async function atEachPoint(
  action: (outDir: string, point: CrashPoint, name: string) => Promise<void>,
): Promise<void> {
  await withScratch(async (before, whole) => {
    await prepare(before);
    await copyLake(before, whole);
    const { operations } = await compactToCrash(whole, null);
    for (const label of MERGE_LABELS) {
      assert.ok(operations.some((name) => name.startsWith(`${label} `)), `${label} is covered`);
    }
    assert.equal((await filesAndRows(whole)).files, 3, "one file a date");
    for (const index of operations.keys()) {
      for (const side of ["before", "after"] as const) {
        await withScratch(async (outDir) => {
          await copyLake(before, outDir);
          await action(outDir, { index, side }, `${side} ${operations[index]}`);
        });
      }
    }
  });
}

for (const isPowerCut of [false, true]) {
  const what = isPowerCut ? "a power cut" : "a crash";
  Deno.test(`${what} before and after every operation of a merge leaves an exact lake, and the next merge ends it`, async () => {
    await atEachPoint(async (outDir, point, name) => {
      const hooks = await compactToCrash(outDir, point);
      assert.ok(hooks.hasCrashed, name);
      if (isPowerCut) await hooks.cutPower(outDir);
      assert.deepEqual(await findingsOf(outDir), [], `verify at once, ${name}`);
      await runOnce(outDir, { topic });
      assert.deepEqual(await differences(outDir, topic), [], `${what} ${name}`);
      await compactToCrash(outDir, null);
      assert.deepEqual(await differences(outDir, topic), [], `merged again, ${what} ${name}`);
      assert.deepEqual(await findingsOf(outDir), [], name);
      assert.equal((await filesAndRows(outDir)).files, 3, name);
    });
  });
}

Deno.test("a rebuild at any moment of a merge takes each row once", async () => {
  const rowCount =
    new Set(topic.truths().flatMap((truth) => truth.kind === "valid" ? [truth.eventId] : [])).size;
  await atEachPoint(async (outDir, point, name) => {
    await compactToCrash(outDir, point);
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    for (const suffix of ["-wal", "-shm"]) {
      await Deno.remove(`${outDir}/checkpoint.sqlite${suffix}`).catch(() => {});
    }
    const report = await rebuildLake(outDir, 1_795_000_200_000);
    assert.deepEqual(report.incomplete, [], name);
    assert.equal(report.eventCount, rowCount, name);
    assert.equal(report.seenIdCount, rowCount, name);
    // What was staged under the old checkpoint's name is nobody's now.
    const ofLake = (await findingsOf(outDir)).filter((text) => !text.includes("_staging/"));
    assert.deepEqual(ofLake, [], name);
    // The next start removes what is there twice.
    await runOnce(outDir, { topic });
    assert.equal((await filesAndRows(outDir)).rows, rowCount, name);
    assert.deepEqual(await findingsOf(outDir), [], name);
  });
});

Deno.test("a checkpoint that is older than a merge is brought up to it, also where the merge crashed", async () => {
  await withScratch(async (older) => {
    await runOnce(older, { topic: variedTopic(60), overrides: { clock: movingClock() } });
    await atEachPoint(async (outDir, point, name) => {
      // The same lake, some commits further: its checkpoint goes back to `older`'s.
      for await (const { name } of Deno.readDir(outDir)) {
        await Deno.remove(`${outDir}/${name}`, { recursive: true });
      }
      await copyLake(older, outDir);
      await runOnce(outDir, { topic, overrides: { clock: movingClock(1_795_000_050_000) } });
      await compactToCrash(outDir, point);
      for (const suffix of ["", "-wal", "-shm"]) {
        const path = `checkpoint.sqlite${suffix}`;
        await Deno.remove(`${outDir}/${path}`).catch(() => {});
        await Deno.copyFile(`${older}/${path}`, `${outDir}/${path}`).catch(() => {});
      }
      await runOnce(outDir, { topic });
      assert.deepEqual(await differences(outDir, topic), [], name);
      assert.deepEqual(await findingsOf(outDir), [], name);
    });
  });
});

Deno.test("a second crash while the first one is recovered, or the merge tried again, leaves an exact lake", async () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  await atEachPoint(async (outDir, point, name) => {
    const first = await compactToCrash(outDir, point);
    if (random() < 0.5) await first.cutPower(outDir);
    const side = random() < 0.5 ? "before" : "after";
    const second = await compactToCrash(outDir, { index: Math.floor(random() * 60), side });
    if (random() < 0.5) await second.cutPower(outDir);
    await runOnce(outDir, { topic });
    const where = `${name}, then ${side} ${second.operations.at(-1)}; ${replayHint(seed)}`;
    assert.deepEqual(await differences(outDir, topic), [], where);
    assert.deepEqual(await findingsOf(outDir), [], where);
  });
});
