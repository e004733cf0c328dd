import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { FolderStorage } from "../../src/lake/folder_storage.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { OWNER_ONLY } from "../../src/runtime/file_mode.ts";
import { Files } from "../../src/runtime/files.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { CrashHooks, type CrashPoint, withoutTimers } from "./crash_hooks.ts";
import { runOnce, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";
import { type ServerKind, type SharedLake, withLake } from "./shared_crash_matrix.ts";
import {
  contentOf,
  expectSame,
  findingsOf,
  processOf,
  rebuildShared,
  runShared,
} from "./shared_rebuild.ts";
import { differencesOf } from "./shared_rebuild_contract.ts";

const TOPIC = variedTopic(50), LONGER_TOPIC = variedTopic(70);

/** Makes the store anew until the crash; says which operations were begun. */
async function rebuildToCrash(lake: SharedLake, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  const storage = new FolderStorage(new Files(lake.outDir, hooks, { fileMode: OWNER_ONLY }));
  try {
    await rebuildShared(lake, { hooks, storage, silentMs: 0 });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** Runs until the crash; says which operations were begun. */
async function runToCrash(lake: SharedLake, point: CrashPoint | null): Promise<CrashHooks> {
  const hooks = new CrashHooks(point);
  // The commit at the end sees a failure of an earlier one too.
  const overrides = { ...processOf(lake), onFailure: () => {} };
  try {
    await runOnce(lake.outDir, { topic: TOPIC, hooks: withoutTimers(hooks), overrides });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** Neither a process nor a look finds a store open that is not whole. */
async function expectClosed({ outDir, url }: SharedLake, where: string): Promise<void> {
  const isRefused = (error: unknown) => error instanceof OrillaError && error.exitCode !== 2;
  const open = () => LakeSession.open(testSession(outDir, processOf({ outDir, url })));
  await assert.rejects(open, isRefused, where);
  await using reader = await openReader({ checkpointDir: outDir, url });
  await assert.rejects(() => reader.content(), isRefused, where);
}

/** Crashes a store's making anew before and after every operation of it, and expects the next to make it whole. */
export function testSharedRebuildMatrix({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: a rebuild that crashes before or after any operation is begun anew by the next`, async () => {
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, variedTopic(30));
      await runShared(lost, TOPIC, { folderCount: 1 });
      const before = await contentOf(lost);
      const first = { ...lost, url: newUrl() };
      const { operations } = await rebuildToCrash(first, null);
      await expectSame(first, before);
      const steps = operations.filter((text) => text.startsWith("rebuild:end"));
      assert.ok(steps.length > 6, operations.join("\n"));
      for (let index = 0; index < operations.length; index++) {
        for (const side of ["before", "after"] as const) {
          const where = `${side} ${index} ${operations[index]}`;
          const lake = { ...lost, url: newUrl() };
          assert.ok((await rebuildToCrash(lake, { index, side })).hasCrashed, where);
          if (side === "after" && index === operations.length - 1) {
            await assert.rejects(() => rebuildToCrash(lake, null), /knows commits/, where);
          } else {
            await expectClosed(lake, where);
            await rebuildToCrash(lake, null);
          }
          await expectSame(lake, before);
        }
      }
    });
  });

  Deno.test(`${name}: a store that is lost where a process crashes is made anew, and nothing with it`, async () => {
    let operations: readonly string[] = [];
    await withLake(newUrl(), async (lake) => {
      await runShared(lake, variedTopic(30));
      ({ operations } = await runToCrash(lake, null));
    });
    for (let index = 0; index < operations.length; index++) {
      await withLake(newUrl(), async (lost) => {
        const where = `before ${operations[index]}`;
        await runShared(lost, variedTopic(30));
        assert.ok((await runToCrash(lost, { index, side: "before" })).hasCrashed, where);
        const lake = { ...lost, url: newUrl() };
        await rebuildShared(lake);
        assert.deepEqual(await findingsOf(lake), [], where);
        await runShared(lake, LONGER_TOPIC, { folderCount: 1 });
        assert.deepEqual(await differencesOf(lake, LONGER_TOPIC), [], where);
      });
    }
  });
}
