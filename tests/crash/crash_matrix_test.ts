import assert from "node:assert/strict";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { differences } from "./lake_oracle.ts";
import { unrecordedDuplicateCount } from "../recorded_duplicates.ts";
import { runOnce, scratchFolder, testLimits } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const topic = variedTopic(150);

/** Runs until the crash; says which operations were begun. */
async function runToCrash(
  outDir: string,
  point: CrashPoint | null,
  isAhead = false,
): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  // The commit at the end sees a failure of an earlier one too.
  const overrides = { limits: testLimits({ isAhead }), onFailure: () => {} };
  try {
    await runOnce(outDir, { topic, hooks, overrides });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

async function withScratch(action: (outDir: string) => Promise<void>): Promise<void> {
  const outDir = await scratchFolder();
  try {
    await action(outDir);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

/** All crash points of a run that is not disturbed. */
async function crashPoints(): Promise<{ points: CrashPoint[]; operations: readonly string[] }> {
  let operations: readonly string[] = [];
  await withScratch(async (outDir) => {
    operations = (await runToCrash(outDir, null)).operations;
    assert.deepEqual(await differences(outDir, topic), []);
    assert.equal(unrecordedDuplicateCount(outDir), 0, "all duplicates are recorded");
  });
  const points = operations.flatMap((_, index): CrashPoint[] => [
    { index, side: "before" },
    { index, side: "after" },
  ]);
  return { points, operations };
}

Deno.test("the run that the crash matrix is made of has batches, dates, dead letters and duplicates", async () => {
  const { operations } = await crashPoints();
  const count = (prefix: string) => operations.filter((name) => name.startsWith(prefix)).length;
  assert.ok(count("commit:end") >= 4, "several commits");
  assert.ok(count("stage:write _staging/_dead_letters") >= 4, "dead letters in them");
  assert.ok(count("publish:mkdir date=") === 3, "three dates");
  assert.ok(
    topic.truths().length - new Set(topic.truths().map((t) => JSON.stringify(t))).size > 10,
  );
});

for (const isPowerCut of [false, true]) {
  const what = isPowerCut ? "a power cut" : "a crash";
  Deno.test(`${what} before and after every operation leaves an exact lake`, async () => {
    const { points, operations } = await crashPoints();
    for (const point of points) {
      await withScratch(async (outDir) => {
        const hooks = await runToCrash(outDir, point);
        assert.ok(hooks.hasCrashed, `the run crashes at ${point.side} ${operations[point.index]}`);
        if (isPowerCut) await hooks.cutPower(outDir);
        await runOnce(outDir, { topic });
        const found = await differences(outDir, topic);
        assert.deepEqual(found, [], `${what} ${point.side} ${operations[point.index]}`);
        assert.equal(unrecordedDuplicateCount(outDir), 0, "all duplicates are recorded");
      });
    }
  });
}

Deno.test("a crash or a power cut while a batch is staged beside the one that is published leaves an exact lake", async () => {
  const { points } = await crashPoints();
  let crashCount = 0;
  for (const [i, point] of points.entries()) {
    await withScratch(async (outDir) => {
      const hooks = await runToCrash(outDir, point, true);
      const isPowerCut = i % 4 < 2;
      if (isPowerCut) await hooks.cutPower(outDir);
      await runOnce(outDir, { topic });
      const where = `${isPowerCut ? "power cut" : "crash"} ${point.side} ${
        hooks.operations.at(-1)
      }`;
      assert.deepEqual(await differences(outDir, topic), [], where);
      if (hooks.hasCrashed) crashCount++;
    });
  }
  // Operations overlap, so the last of their numbers are not reached by each run.
  assert.ok(crashCount > 0.9 * points.length, `${crashCount} of ${points.length} runs crashed`);
});

Deno.test("a second crash during the recovery leaves an exact lake", async () => {
  const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 2 ** 32);
  const random = seededRandom(seed);
  const { points, operations } = await crashPoints();
  for (const point of points) {
    await withScratch(async (outDir) => {
      const first = await runToCrash(outDir, point);
      if (random() < 0.5) await first.cutPower(outDir);
      const side = random() < 0.5 ? "before" : "after";
      const second = await runToCrash(outDir, { index: Math.floor(random() * 40), side });
      if (random() < 0.5) await second.cutPower(outDir);
      await runOnce(outDir, { topic });
      const found = await differences(outDir, topic);
      const where = `${point.side} ${operations[point.index]}, then ${side} ${
        second.operations.at(-1)
      }`;
      assert.deepEqual(found, [], `crash ${where} (ORILLA_TEST_SEED=${seed})`);
    });
  }
});
