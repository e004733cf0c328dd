import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { CrashHooks, type CrashPoint } from "../crash/crash_hooks.ts";
import { scratchFolder, testLimits, testSession } from "../crash/lake_run.ts";
import { DeadLetterCipher } from "../../src/lake/dead_letter_cipher.ts";
import { bytesOf, eventRecord, recordOf } from "../core/samples.ts";
import { keyRing } from "../lake/key_rings.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { AT } from "./protected_lake.ts";

const protection = { keys: keyRing("k1"), pseudonymizedFields: ["usuario_id"] };
const records = Array.from({ length: 20 }, (_, i) => {
  const parts = { offset: BigInt(i) };
  if (i % 4 === 3) return recordOf(bytesOf(`broken ${i}`), parts);
  return eventRecord({ event_id: `e${i}`, usuario_id: i }, parts);
});

/** Opens the lake, takes in what is not committed, and closes it, unless it crashes. */
async function run(outDir: string, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  const limits = testLimits({ maxEvents: 10 });
  try {
    await using session = await LakeSession.open(
      testSession(outDir, { protection, hooks, limits }),
    );
    await session.pipeline.add({ ...AT, records: new RecordList(records) });
    await session.pipeline.commit("end");
    await session.close();
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** What the lake holds: users of events, and values of dead letters, by their offset. */
async function contentOf(outDir: string): Promise<unknown> {
  const cipher = new DeadLetterCipher(protection.keys);
  const letters = (await readDeadLetters(outDir)).map(({ key_id: keyId, file, ...letter }) => {
    assert.equal(keyId, "k1");
    const { value } = cipher.open({ ...letter, keyId }, letter, file);
    return [letter.offset, new TextDecoder().decode(value ?? new Uint8Array())] as const;
  });
  const events = (await readLake(outDir)).map((row) => [row.kafka_offset, row.usuario_id] as const);
  return [...letters, ...events].sort(([a], [b]) => Number(a - b));
}

async function withScratch<T>(action: (outDir: string) => Promise<T>): Promise<T> {
  const outDir = await scratchFolder();
  try {
    return await action(outDir);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

Deno.test("a crash before and after every operation leaves an exact lake, with encryption and pseudonyms", async () => {
  const { operations, expected } = await withScratch(async (outDir) => ({
    operations: (await run(outDir, null)).operations,
    expected: await contentOf(outDir),
  }));
  assert.ok(operations.some((name) => name.startsWith("settings:end")));
  assert.ok(operations.filter((name) => name.startsWith("commit:end")).length === 2);
  for (const index of operations.keys()) {
    for (const side of ["before", "after"] as const) {
      await withScratch(async (outDir) => {
        const hooks = await run(outDir, { index, side });
        assert.ok(hooks.hasCrashed);
        if (index % 2 === 0) await hooks.cutPower(outDir);
        await run(outDir, null);
        assert.deepEqual(await contentOf(outDir), expected, `${side} ${operations[index]}`);
      });
    }
  }
});
