import assert from "node:assert/strict";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { CrashHooks, type CrashPoint } from "../crash/crash_hooks.ts";
import { withScratch } from "../crash/damaged_lake.ts";
import { differences } from "../crash/lake_oracle.ts";
import { runOnce } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { tableDifferences } from "./table_oracle.ts";

const topic = variedTopic(110);
const overrides = { tableFormat: "delta" } as const;

/** Runs until the crash; says which operations were begun. */
async function runToCrash(outDir: string, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  try {
    await runOnce(outDir, { topic, hooks, overrides });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** The crash points at which the table has to do with what happens. */
async function crashPoints(): Promise<{ points: CrashPoint[]; operations: readonly string[] }> {
  let operations: readonly string[] = [];
  await withScratch(async (outDir) => {
    operations = (await runToCrash(outDir, null)).operations;
    assert.deepEqual(await differences(outDir, topic), []);
    assert.deepEqual(await tableDifferences(outDir), []);
  });
  const points = operations.flatMap((name, index): CrashPoint[] =>
    /^(table|commit:end|publish)/.test(name)
      ? [{ index, side: "before" }, { index, side: "after" }]
      : []
  );
  return { points, operations };
}

Deno.test("the run that the table's crash matrix is made of appends several commits", async () => {
  const { operations } = await crashPoints();
  const links = operations.filter((name) => name.startsWith("table:link"));
  assert.ok(links.length >= 4, links.join());
});

for (const isPowerCut of [false, true]) {
  const what = isPowerCut ? "a power cut" : "a crash";
  Deno.test(`${what} before and after every operation leaves each commit in the table once`, async () => {
    const { points, operations } = await crashPoints();
    for (const point of points) {
      await withScratch(async (outDir) => {
        const hooks = await runToCrash(outDir, point);
        const where = `${what} ${point.side} ${operations[point.index]}`;
        assert.ok(hooks.hasCrashed, where);
        if (isPowerCut) await hooks.cutPower(outDir);
        await runOnce(outDir, { topic, overrides });
        assert.deepEqual(await differences(outDir, topic), [], where);
        assert.deepEqual(await tableDifferences(outDir), [], where);
      });
    }
  });
}
