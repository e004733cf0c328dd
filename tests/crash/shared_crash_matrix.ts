import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { totalOf } from "../../src/core/counters.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { Files } from "../../src/runtime/files.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { runOnce, scratchFolder, testLimits } from "./lake_run.ts";
import { type MemoryTopic, variedTopic } from "./memory_topic.ts";

/** A kind of store that is on a server, which goes on where a process of orilla crashes. */
export interface ServerKind {
  readonly name: string;
  /** The URL of a lake that no other test has. */
  newUrl(): string;
}

/** A lake with its store. */
export interface SharedLake {
  readonly outDir: string;
  readonly url: string;
}

const topic = variedTopic(60);
const limits = testLimits({ maxEvents: 20 });

/** Runs until the crash; whoever gave no sign of life is expelled at once, so that nothing stays staged. */
async function runToCrash(
  { outDir, url }: SharedLake,
  point: CrashPoint | null,
  isAhead = false,
): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  // The commit at the end sees a failure of an earlier one too.
  const running = { limits: { ...limits, isAhead }, onFailure: () => {} };
  try {
    const overrides = { ...running, store: { url }, expelAfterMs: 0 };
    await runOnce(outDir, { topic, hooks, overrides });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

async function recovered({ outDir, url }: SharedLake): Promise<string[]> {
  await runOnce(outDir, { topic, overrides: { limits, store: { url }, expelAfterMs: 0 } });
  return await differences({ outDir, url }, topic);
}

/** Compares a lake and its store with what the topic's records must have become; empty where all is exact. */
export async function differences(
  { outDir, url }: SharedLake,
  topic: MemoryTopic,
): Promise<string[]> {
  const truths = topic.truths();
  const dates = new Map<string, string>();
  for (const truth of truths) if (truth.kind === "valid") dates.set(truth.eventId, truth.date);
  const rejected = truths.filter(({ kind }) => kind === "invalid").length;
  const counts = [dates.size, truths.length - dates.size - rejected, rejected];
  const found: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected) found.push(`${what}: ${actual} instead of ${expected}`);
  };
  const rows = await readLake(outDir);
  expect("rows", rows.length, dates.size);
  expect("different ids", new Set(rows.map(({ event_id }) => event_id)).size, dates.size);
  for (const { event_id, date } of rows) expect(`date of ${event_id}`, date, dates.get(event_id));
  expect("dead letters", (await readDeadLetters(outDir)).length, rejected);
  expect("stray files", (await strayFiles(outDir)).join(), "");
  await using reader = await openReader({ checkpointDir: outDir, url });
  const { committed: { counters, partitions }, commits, ...content } = await reader.content();
  const { published, duplicate } = counters;
  expect("counters", [published, duplicate, totalOf(counters.rejected)].join(), counts.join());
  expect("received", counters.received, truths.length);
  for (const { partition, nextOffset } of partitions) {
    expect(`offset of ${partition}`, Number(nextOffset), topic.partitions[partition]?.length);
  }
  expect("partitions", partitions.length, topic.partitions.length);
  expect("seen ids", content.seenIdCount, dates.size);
  expect("counted seen ids", content.seenIdCounter, dates.size);
  expect("recorded duplicates", content.recordedDuplicateCount, counts[1]);
  expect("unpublished", commits.filter(({ isPublished }) => !isPublished).length, 0);
  const { findings } = await verify({ files: new Files(outDir), reader, ttlMs: 0 }, () => {});
  expect("findings", JSON.stringify(findings), "[]");
  return found;
}

/** Calls an action with a new lake, whose folder goes afterwards. */
export async function withLake(
  url: string,
  action: (lake: SharedLake) => Promise<void>,
): Promise<void> {
  const outDir = await scratchFolder();
  try {
    await action({ outDir, url });
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

/** Crashes a run before and after every operation of it, and expects the next one to leave an exact lake. */
export function testSharedCrashMatrix({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: a crash before, and a power cut after, every operation leaves an exact lake`, async () => {
    let operations: readonly string[] = [];
    await withLake(newUrl(), async (lake) => {
      ({ operations } = await runToCrash(lake, null));
      assert.deepEqual(await differences(lake, topic), []);
    });
    const count = (label: string) => operations.filter((text) => text.startsWith(label)).length;
    assert.ok(count("commit:end") >= 3 && count("publish:link") >= 6, operations.join("\n"));
    assert.ok(count("claim:end") === 1);
    for (let index = 0; index < operations.length; index++) {
      for (const side of ["before", "after"] as const) {
        await withLake(newUrl(), async (lake) => {
          // Operations overlap where a batch is staged beside the one before: not each run reaches their last ones.
          const isAhead = index % 2 === 1;
          const hooks = await runToCrash(lake, { index, side }, isAhead);
          const where = `${side} ${isAhead ? hooks.operations.at(-1) : operations[index]}`;
          assert.ok(hooks.hasCrashed || isAhead && index > 0.9 * operations.length, where);
          if (side === "after") await hooks.cutPower(lake.outDir);
          assert.deepEqual(await recovered(lake), [], where);
        });
      }
    }
  });
}
