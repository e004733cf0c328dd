import assert from "node:assert/strict";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { refusing } from "../refusing_encoder.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { differences } from "./lake_oracle.ts";
import { runOnce, scratchFolder } from "./lake_run.ts";
import { MemoryDeadLetterTopic, MemoryTopic } from "./memory_topic.ts";

/** Records 3, 14, 25, … cannot be encoded, and records 5, 16, 27, … are not JSON. */
function isPoison(i: number): boolean {
  return i % 11 === 3;
}

/** A topic in which the invalid records are of both kinds, and poison is alone on its date. */
function poisonedTopic(recordCount: number): MemoryTopic {
  const topic = new MemoryTopic(2);
  for (let i = 0; i < recordCount; i++) {
    const date = isPoison(i) ? "2026-11-29" : `2026-11-2${i % 2}`;
    const value = `{"event_id":"e${i}","ts":"${date}","usuario_id":${i}}`;
    const isInvalid = isPoison(i) || i % 11 === 5;
    topic.append(i % 2, {
      value: i % 11 === 5 ? value.slice(1) : value,
      truth: isInvalid ? { kind: "invalid" } : { kind: "valid", eventId: `e${i}`, date },
    });
  }
  return topic;
}

const topic = poisonedTopic(60);
const { encoder } = refusing((id) => isPoison(Number(id.slice(1))));
const overrides = { encoder };
const INVALID_COUNT = topic.truths().filter(({ kind }) => kind === "invalid").length;

async function runToCrash(
  outDir: string,
  point: CrashPoint | null,
  deadLetterTopic: MemoryDeadLetterTopic,
): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  try {
    await runOnce(outDir, { topic, hooks, overrides, deadLetterTopic });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** One run of the matrix: crash, perhaps a power cut, start again, compare. */
async function check(point: CrashPoint | null, isPowerCut: boolean) {
  const outDir = await scratchFolder();
  const deadLetterTopic = new MemoryDeadLetterTopic();
  try {
    const hooks = await runToCrash(outDir, point, deadLetterTopic);
    assert.equal(hooks.hasCrashed, point !== null);
    if (isPowerCut) await hooks.cutPower(outDir);
    await runOnce(outDir, { topic, overrides, deadLetterTopic });
    const where = `${point?.side} ${hooks.operations.at(-1)}`;
    assert.deepEqual(await differences(outDir, topic), [], where);
    const letters = await readDeadLetters(outDir);
    const positions = letters.map(({ partition, offset }) => `${partition}/${offset}`).sort();
    assert.deepEqual([...new Set(deadLetterTopic.positions)].sort(), positions, where);
    // What one crash can make come again is one batch.
    const copies = deadLetterTopic.positions.length - INVALID_COUNT;
    assert.ok(point === null ? copies === 0 : copies <= 40, `${copies} copies, ${where}`);
    const rows = await readLake(outDir);
    assert.ok(rows.every(({ event_id }) => !isPoison(Number(event_id.slice(1)))));
    return { operations: hooks.operations, copies };
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

Deno.test("poison and a dead-letter topic: a crash or a power cut at every operation leaves an exact lake", async () => {
  const { operations } = await check(null, false);
  assert.ok(operations.filter((name) => name === "topic:send dead").length >= 2);
  let copiesSeen = 0;
  for (let index = 0; index < operations.length; index++) {
    for (const side of ["before", "after"] as const) {
      const isPowerCut = (index % 2 === 0) === (side === "before");
      copiesSeen += (await check({ index, side }, isPowerCut)).copies;
    }
  }
  assert.ok(copiesSeen > 0, "some crashes came between the topic and the transaction");
});
