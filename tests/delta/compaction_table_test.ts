import assert from "node:assert/strict";
import { decodePath } from "../../src/core/delta_actions.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { REPLACED_KEPT_MS } from "../../src/pipeline/compaction.ts";
import { compactOnce, findingsOf, movingClock } from "../crash/compacted_lake.ts";
import { CrashHooks, type CrashPoint } from "../crash/crash_hooks.ts";
import { copyLake, withScratch } from "../crash/damaged_lake.ts";
import { rebuildLake, runOnce } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { readParquetFile } from "../lake_reader.ts";

const topic = variedTopic(150);
const START_MS = 1_795_000_100_000;
const EVENT_IDS = [
  ...new Set(topic.truths().flatMap((truth) => truth.kind === "valid" ? [truth.eventId] : [])),
].sort();

async function prepare(outDir: string): Promise<void> {
  await runOnce(outDir, { topic, overrides: { tableFormat: "delta", clock: movingClock() } });
}

/** Merges until the crash; says which operations were begun. */
async function compactToCrash(
  outDir: string,
  { point = null, nowMs = START_MS }: {
    readonly point?: CrashPoint | null;
    readonly nowMs?: number;
  } = {},
): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  try {
    await compactOnce(outDir, { hooks, clock: movingClock(nowMs) });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

interface Version {
  readonly operation: string;
  readonly ids: readonly string[];
  readonly paths: readonly string[];
}

/** The rows of each version, as whoever replays the log finds them. */
async function versionsOf(outDir: string): Promise<readonly Version[]> {
  const names = [];
  for await (const { name } of Deno.readDir(`${outDir}/_delta_log`)) {
    if (/^\d{20}\.json$/.test(name)) names.push(name);
  }
  const paths = new Set<string>(), versions: Version[] = [], idsOf = new Map<string, string[]>();
  for (const name of names.sort()) {
    let operation = "";
    for (
      const line of (await Deno.readTextFile(`${outDir}/_delta_log/${name}`)).trim().split("\n")
    ) {
      const { add, remove, commitInfo } = JSON.parse(line);
      if (add) paths.add(decodePath(add.path));
      if (remove) assert.ok(paths.delete(decodePath(remove.path)), `${name} removes what is there`);
      operation = commitInfo?.operation ?? operation;
    }
    for (const path of paths) {
      if (idsOf.has(path)) continue;
      const rows = await readParquetFile(`${outDir}/${path}`);
      idsOf.set(path, rows.map(({ event_id }) => String(event_id)));
    }
    const ids = [...paths].flatMap((path) => idsOf.get(path) ?? []).sort();
    versions.push({ operation, ids, paths: [...paths] });
  }
  return versions;
}

/** What a merge must not do to a table: change the rows of any version. */
async function assertSameRows(outDir: string, name: string): Promise<number> {
  const versions = await versionsOf(outDir);
  let mergeCount = 0;
  versions.forEach(({ operation, ids }, index) => {
    const before = versions[index - 1]?.ids ?? [];
    assert.equal(new Set(ids).size, ids.length, `${name}: a row is in version ${index} twice`);
    if (operation !== "OPTIMIZE") return;
    mergeCount++;
    assert.deepEqual(ids, before, `${name}: version ${index} changes rows`);
  });
  assert.deepEqual(versions.at(-1)?.ids, EVENT_IDS, name);
  return mergeCount;
}

async function fileCount(outDir: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(outDir)) {
    if (!name.startsWith("date=")) continue;
    for await (const _ of Deno.readDir(`${outDir}/${name}`)) count++;
  }
  return count;
}

Deno.test("a merge of a table's files is one version a date, and the replaced files stay for their time", async () => {
  await withScratch(async (outDir) => {
    await prepare(outDir);
    const before = await fileCount(outDir);
    await compactToCrash(outDir);
    assert.equal(await assertSameRows(outDir, "merged"), 3);
    assert.equal(await fileCount(outDir), before + 3, "nothing was removed");
    assert.deepEqual(await findingsOf(outDir), []);
    await compactToCrash(outDir, { nowMs: START_MS + REPLACED_KEPT_MS - 60_000 });
    assert.equal(await fileCount(outDir), before + 3, "a minute too early");
    await compactToCrash(outDir, { nowMs: START_MS + REPLACED_KEPT_MS + 60_000 });
    assert.equal(await fileCount(outDir), 3);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("a crash before and after every operation of a merge leaves each version of the table its rows", async () => {
  await withScratch(async (before, whole) => {
    await prepare(before);
    await copyLake(before, whole);
    const { operations } = await compactToCrash(whole);
    for (const label of ["compact:write", "replace:end", "publish:link", "table:link"]) {
      assert.ok(operations.some((name) => name.startsWith(`${label} `)), `${label} is covered`);
    }
    for (const index of operations.keys()) {
      for (const side of ["before", "after"] as const) {
        await withScratch(async (outDir) => {
          await copyLake(before, outDir);
          const name = `${side} ${operations[index]}`;
          const hooks = await compactToCrash(outDir, { point: { index, side } });
          assert.ok(hooks.hasCrashed, name);
          assert.deepEqual(await findingsOf(outDir), [], `verify at once, ${name}`);
          await runOnce(outDir, { topic });
          assert.deepEqual(await findingsOf(outDir), [], name);
          await compactToCrash(outDir);
          assert.equal(await assertSameRows(outDir, name), 3, name);
          assert.deepEqual(await findingsOf(outDir), [], `merged again, ${name}`);
        });
      }
    }
  });
});

Deno.test("a rebuild leaves a merged table as it is, and a lake that was merged becomes a table", async () => {
  await withScratch(async (outDir, plain) => {
    await prepare(outDir);
    await compactToCrash(outDir);
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    const { table } = await rebuildLake(outDir, START_MS + 60_000);
    assert.deepEqual(table, { addedCount: 0, removedCount: 0 });
    await runOnce(outDir, { topic });
    assert.equal(await assertSameRows(outDir, "rebuilt"), 3);
    assert.deepEqual(await findingsOf(outDir), []);
    await runOnce(plain, { topic, overrides: { clock: movingClock() } });
    await compactToCrash(plain);
    await runOnce(plain, { topic, overrides: { tableFormat: "delta" } });
    assert.equal(await assertSameRows(plain, "a table later"), 0);
    assert.deepEqual(await findingsOf(plain), []);
  });
});
