import assert from "node:assert/strict";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { folderOf } from "../../src/core/lake_path.ts";
import { loadParquet } from "../../src/lake/parquet.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { repairedLetters } from "../../src/pipeline/letters_to_replay.ts";
import { filesToPurge, purgeFiles } from "../../src/pipeline/purge.ts";
import { replayIntoLake, replayToTopic } from "../../src/pipeline/replay.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { Files } from "../../src/runtime/files.ts";
import { type OperationLabel, SimulatedCrash } from "../../src/runtime/operations.ts";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { runOnce, scratchFolder, testSession } from "./lake_run.ts";
import { MemoryTopic } from "./memory_topic.ts";

const BAD_COUNT = 12;
const PURGE_AT_MS = testSession("").clock.nowMs() + 1;

/** Dead letters at the odd offsets, and events between them. */
function topicWithLetters(): MemoryTopic {
  const topic = new MemoryTopic(1);
  for (let i = 0; i < BAD_COUNT; i++) {
    const date = "2026-11-20";
    const value = `{"event_id":"e${i}","ts":"${date}","usuario_id":1}`;
    topic.append(0, { value, truth: { kind: "valid", eventId: `e${i}`, date } });
    topic.append(0, { value: `{"event_id":"r${i}"`, truth: { kind: "invalid" } });
  }
  return topic;
}

/** What a repaired dead letter is to become. */
function repairOf(i: number): { readonly id: string; readonly outcome: string } {
  if (i % 6 === 5) return { id: "", outcome: "rejected" };
  if (i % 6 === 4) return { id: `e${i}`, outcome: "duplicate" };
  if (i % 6 === 3) return { id: `r${i - 1}`, outcome: "duplicate" };
  return { id: `r${i}`, outcome: "published" };
}

async function* repairedLines(): AsyncGenerator<string> {
  for (let i = 0; i < BAD_COUNT; i++) {
    const { id } = repairOf(i);
    const value = JSON.stringify({ event_id: id, ts: `2026-11-2${i % 3}`, usuario_id: i });
    yield await Promise.resolve(
      JSON.stringify({ position: `memory/0/${2 * i + 1}`, attempts: 1, value }),
    );
  }
}

/** A lake with dead letters, made once and copied for each crash. */
async function lakeWithLetters(outDir: string): Promise<void> {
  await runOnce(outDir, { topic: topicWithLetters() });
}

const LIMITS = { maxEvents: 4, maxBytes: 1 << 20, maxLatencyMs: 60_000 };

async function replayOnce(outDir: string, hooks?: CrashHooks): Promise<void> {
  const overrides = { limits: LIMITS, ...(hooks === undefined ? {} : { hooks }) };
  using session = await LakeSession.open(testSession(outDir, overrides));
  await replayIntoLake(session, repairedLetters(sourceOf(session), repairedLines()), CONTROL);
  await session.close();
}

const CONTROL = { stop: new AbortController().signal, onProgress: () => {} };

function sourceOf({ files, checkpoint }: LakeSession) {
  return {
    files,
    markOf: checkpoint.deadLetters.replayOf.bind(checkpoint.deadLetters),
    onProgress: () => {},
    passedOver: { doneCount: 0, rejectedAgainCount: 0 },
  };
}

/** What differs from the lake that an undisturbed replay leaves, in words. */
async function replayDifferences(outDir: string): Promise<string[]> {
  const found: string[] = [];
  const rows = (await readLake(outDir)).filter(({ event_id }) => event_id.startsWith("r"));
  const ids = rows.map(({ event_id, kafka_offset }) => `${event_id} of ${kafka_offset}`).sort();
  const all = Array.from({ length: BAD_COUNT }, (_, i) => ({ i, ...repairOf(i) }));
  const published = all.filter(({ outcome }) => outcome === "published");
  const expected = published.map(({ i, id }) => `${id} of ${2 * i + 1}`).sort();
  if (ids.join() !== expected.join()) {
    found.push(`rows ${ids.join()} instead of ${expected.join()}`);
  }
  const letters = (await readDeadLetters(outDir)).filter(({ attempts }) => attempts === 2);
  const again = letters.map(({ offset }) => Number(offset)).sort((a, b) => a - b).join();
  const rejected = all.filter(({ outcome }) => outcome === "rejected");
  const expectedAgain = rejected.map(({ i }) => 2 * i + 1).join();
  if (again !== expectedAgain) found.push(`rejected again: ${again} instead of ${expectedAgain}`);
  const marks = inspectCheckpoint(outDir).replays
    .map(({ letter, outcome }) => `${(Number(letter.offset) - 1) / 2} ${outcome}`).sort();
  const expectedMarks = all.map(({ i, outcome }) => `${i} ${outcome}`).sort();
  if (marks.join() !== expectedMarks.join()) found.push(`marks ${marks.join()}`);
  return [...found, ...await findingsOf(outDir)];
}

async function findingsOf(outDir: string): Promise<string[]> {
  const { findings } = await verify({ files: new Files(outDir), ttlMs: 0 }, () => {});
  // A crash may leave it; the next metrics replace it.
  const strays = (await strayFiles(outDir)).filter((path) => path !== "metrics.txt.new")
    .map((path) => `stray file ${path}`);
  return [
    ...findings.map(({ kind, subject, detail }) => `${kind} ${subject} ${detail}`),
    ...strays,
  ];
}

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

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (!isDirectory) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    else {
      await Deno.mkdir(`${to}/${name}`);
      await copyFolder(`${from}/${name}`, `${to}/${name}`);
    }
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
  using session = await LakeSession.open(testSession(outDir, hooks === undefined ? {} : { hooks }));
  const times = { beforeMs: PURGE_AT_MS, nowMs: PURGE_AT_MS };
  const purged = await filesToPurge(session.files, times, () => {});
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
          using session = await LakeSession.open(testSession(outDir));
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
    using session = await LakeSession.open(
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
