import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import { LakeSession, type LakeSessionOptions } from "../src/pipeline/lake_session.ts";
import { noFaults, SimulatedCrash } from "../src/runtime/operations.ts";
import { eventRecord } from "./core/samples.ts";
import { scratchFolder, testSession } from "./crash/lake_run.ts";
import { AT, limits, watchingHooks } from "./pipeline_parts.ts";
import { recordedDuplicates } from "./recorded_duplicates.ts";

const START_MS = 1_795_000_000_000;
const TTL_MS = 60_000;

/** A lake whose clock the test moves. */
class MovingLake implements AsyncDisposable {
  nowMs = START_MS;
  readonly outDir: string;

  constructor(outDir: string) {
    this.outDir = outDir;
  }

  open(overrides: Partial<LakeSessionOptions> = {}): Promise<LakeSession> {
    const clock = { nowMs: () => this.nowMs, monotonicMs: () => performance.now() };
    return LakeSession.open(
      testSession(this.outDir, {
        clock,
        duplicateTtlMs: TTL_MS,
        limits: limits({}),
        ...overrides,
      }),
    );
  }

  /** Commits the same event once more: a duplicate, but for the first time. */
  async commitOnce({ pipeline }: LakeSession): Promise<void> {
    const record = eventRecord({ event_id: "e" }, { offset: pipeline.nextOffset(AT) ?? 0n });
    await pipeline.add({ ...AT, records: new RecordList([record]) });
    await pipeline.commit("end");
  }

  offsets(): number[] {
    return recordedDuplicates(this.outDir).map(({ offset }) => Number(offset));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.outDir, { recursive: true });
  }
}

Deno.test("a running lake drops recorded duplicates after their time to live", async () => {
  await using lake = new MovingLake(await scratchFolder());
  await using session = await lake.open();
  for (let i = 0; i < 4; i++) {
    await lake.commitOnce(session);
    lake.nowMs += 20_000;
  }
  // At 0, 20, 40 and 60 s: the record of the first second was no duplicate.
  assert.deepEqual(lake.offsets(), [1, 2, 3]);
  await lake.commitOnce(session);
  assert.deepEqual(lake.offsets(), [2, 3, 4], "at 80 s that of 20 s goes");
  lake.nowMs += 10 * TTL_MS;
  await lake.commitOnce(session);
  assert.deepEqual(lake.offsets(), [5]);
});

Deno.test("a lake keeps duplicates for ever where their time to live is 0", async () => {
  await using lake = new MovingLake(await scratchFolder());
  await using session = await lake.open({ duplicateTtlMs: 0 });
  for (let i = 0; i < 4; i++) {
    await lake.commitOnce(session);
    lake.nowMs += 10 * TTL_MS;
  }
  assert.deepEqual(lake.offsets(), [1, 2, 3]);
});

for (const side of ["before", "after"] as const) {
  for (const part of ["begin", "write", "end"] as const) {
    Deno.test(`a crash ${side} expire:${part} drops each recorded duplicate once, and no younger one`, async () => {
      await using lake = new MovingLake(await scratchFolder());
      let isArmed = false;
      const hooks = watchingHooks((label, at) => {
        if (isArmed && label === `expire:${part}` && at === side) throw new SimulatedCrash(label);
      });
      {
        await using session = await lake.open({ hooks });
        for (let i = 0; i < 3; i++) await lake.commitOnce(session);
        lake.nowMs += TTL_MS;
        isArmed = true;
        await assert.rejects(lake.commitOnce(session), SimulatedCrash);
      }
      const isDropped = side === "after" && part === "end";
      assert.deepEqual(lake.offsets(), isDropped ? [3] : [1, 2, 3]);
      await using session = await lake.open({ hooks: noFaults });
      await lake.commitOnce(session);
      assert.deepEqual(lake.offsets(), [3, 4]);
    });
  }
}
