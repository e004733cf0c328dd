import assert from "node:assert/strict";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { folderOf } from "../../src/core/lake_path.ts";
import { loadParquet } from "../../src/lake/parquet.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { repairedLetters } from "../../src/pipeline/letters_to_replay.ts";
import { filesToPurge, purgeFiles } from "../../src/pipeline/purge.ts";
import { replayToTopic } from "../../src/pipeline/replay.ts";
import { type OperationLabel, SimulatedCrash } from "../../src/runtime/operations.ts";
import { readDeadLetters } from "../lake_reader.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { copyFolder, scratchFolder, testSession } from "./lake_run.ts";
import { lakeIn } from "../lake_in.ts";
import {
  BAD_COUNT,
  CONTROL,
  findingsOf,
  lakeWithLetters,
  repairedLines,
  replayDifferences,
  replayOnce,
  sourceOf,
} from "./replayed_lake.ts";

const PURGE_AT_MS = testSession("").clock.nowMs() + 1;

/** Runs an action at every crash point of its undisturbed run, on a copy of the lake each. */
async function atEveryOperation(
  run: (outDir: string, hooks?: CrashHooks) => Promise<void>,
  { newHooks, isPowerCut, check }: {
    readonly newHooks: (point: CrashPoint | null, outDir: string) => CrashHooks;
    readonly isPowerCut: boolean;
    readonly check: (outDir: string, where: string) => Promise<void>;
  },
): Promise<readonly string[]> {
  const template = await scratchFolder();
  try {
    await lakeWithLetters(template);
    const { operations } = await onCopy(template, async (outDir) => {
      const hooks = newHooks(null, outDir);
      await run(outDir, hooks);
      await check(outDir, "without a crash");
      return hooks;
    });
    for (let index = 0; index < operations.length; index++) {
      for (const side of ["before", "after"] as const) {
        await onCopy(template, async (outDir) => {
          const hooks = newHooks({ index, side }, outDir);
          await assert.rejects(run(outDir, hooks), SimulatedCrash);
          if (isPowerCut) await hooks.cutPower(outDir);
          await check(outDir, `${side} ${operations[index]}${isPowerCut ? ", power cut" : ""}`);
        });
      }
    }
    return operations;
  } finally {
    await Deno.remove(template, { recursive: true });
  }
}

async function onCopy<T>(template: string, action: (outDir: string) => Promise<T>): Promise<T> {
  const outDir = await scratchFolder();
  try {
    await copyFolder(template, outDir);
    return await action(outDir);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

for (const isPowerCut of [false, true]) {
  const what = isPowerCut ? "a power cut" : "a crash";
  Deno.test(`${what} at every operation of a replay, then the same replay, leaves each letter replayed once`, async () => {
    const operations = await atEveryOperation(replayOnce, {
      newHooks: (point) => new CrashHooks(point),
      isPowerCut,
      check: async (outDir, where) => {
        await replayOnce(outDir);
        assert.deepEqual(await replayDifferences(outDir), [], where);
      },
    });
    assert.ok(operations.filter((name) => name.startsWith("commit:end")).length >= 3);
  });
}

/** Keeps what a purge removes, since a power cut may bring it back until the folder is synced. */
class PurgeHooks extends CrashHooks {
  readonly #outDir: string;
  readonly #removed = new Map<string, Uint8Array>();

  constructor(point: CrashPoint | null, outDir: string) {
    super(point);
    this.#outDir = outDir;
  }

  override before(label: OperationLabel, path: string): void {
    super.before(label, path);
    if (label === "purge:remove") {
      this.#removed.set(path, Deno.readFileSync(`${this.#outDir}/${path}`));
    }
  }

  override after(label: OperationLabel, path: string): void {
    if (label === "purge:fsync") {
      for (const file of this.#removed.keys()) {
        if (folderOf(file) === path) this.#removed.delete(file);
      }
    }
    super.after(label, path);
  }

  override async cutPower(outDir: string): Promise<void> {
    await super.cutPower(outDir);
    for (const [path, bytes] of this.#removed) await Deno.writeFile(`${outDir}/${path}`, bytes);
  }
}

async function purgeOnce(outDir: string, hooks?: CrashHooks): Promise<void> {
  await using session = await LakeSession.open(
    testSession(outDir, hooks === undefined ? {} : { hooks }),
  );
  const times = { beforeMs: PURGE_AT_MS, nowMs: PURGE_AT_MS };
  const purged = await filesToPurge(lakeIn(outDir), times, () => {});
  await purgeFiles(session.files, session.checkpoint, purged);
  await session.close();
}

for (const isPowerCut of [false, true]) {
  const what = isPowerCut ? "a power cut" : "a crash";
  Deno.test(`${what} at every operation of a purge leaves a whole lake, and the next start ends it`, async () => {
    await loadParquet();
    const operations = await atEveryOperation(purgeOnce, {
      newHooks: (point, outDir) => new PurgeHooks(point, outDir),
      isPowerCut,
      check: async (outDir, where) => {
        assert.deepEqual(await findingsOf(outDir), [], `before the next start, ${where}`);
        const before = inspectCheckpoint(outDir).purges.length;
        {
          await using session = await LakeSession.open(testSession(outDir));
          await session.close();
        }
        const letters = await readDeadLetters(outDir);
        assert.equal(letters.length, before === 0 ? BAD_COUNT : 0, where);
        await purgeOnce(outDir);
        assert.equal((await readDeadLetters(outDir)).length, 0, where);
        const { purges } = inspectCheckpoint(outDir);
        assert.equal(
          purges.reduce((sum, { letterCount }) => sum + letterCount, 0),
          BAD_COUNT,
          where,
        );
        for (const { reasons } of purges) assert.deepEqual(Object.keys(reasons), ["not_json"]);
        assert.deepEqual(await findingsOf(outDir), [], where);
      },
    });
    assert.ok(operations.some((name) => name.startsWith("purge:remove")));
  });
}

Deno.test("a crash at every operation of a replay to a topic sends a chunk again at most, and marks all", async () => {
  let sent: string[] = [];
  const run = async (outDir: string, hooks?: CrashHooks) => {
    await using session = await LakeSession.open(
      testSession(outDir, hooks === undefined ? {} : { hooks }),
    );
    await replayToTopic(session, repairedLetters(sourceOf(session), repairedLines()), {
      ...CONTROL,
      topic: "repaired",
      nowMs: () => PURGE_AT_MS,
      send: (letters) => {
        sent.push(...letters.map(({ origin }) => String(origin.offset)));
        return Promise.resolve();
      },
    });
    await session.close();
  };
  await atEveryOperation(run, {
    newHooks: (point) => {
      sent = [];
      return new CrashHooks(point);
    },
    isPowerCut: false,
    check: async (outDir, where) => {
      await run(outDir);
      assert.equal(new Set(sent).size, BAD_COUNT, where);
      const isBetween = sent.length === 2 * BAD_COUNT;
      assert.ok(sent.length === BAD_COUNT || isBetween && / replay:/.test(where), where);
      const { replays } = inspectCheckpoint(outDir);
      assert.deepEqual(
        replays.map(({ outcome, detail, sequence }) => [outcome, detail, sequence]),
        Array(BAD_COUNT).fill(["sent", "repaired", null]),
      );
      assert.deepEqual(await findingsOf(outDir), [], where);
    },
  });
});
