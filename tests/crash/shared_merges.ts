import assert from "node:assert/strict";
import type { ManifestFile } from "../../src/core/commit.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { FolderStorage } from "../../src/lake/folder_storage.ts";
import type { FileToPublish } from "../../src/lake/storage.ts";
import { mergeHere } from "../../src/lake/merge.ts";
import type { Merger } from "../../src/lake/merger.ts";
import { TABLE_FORMATS, type TableFormat } from "../../src/pipeline/lake_table.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { OWNER_ONLY } from "../../src/runtime/file_mode.ts";
import { Files } from "../../src/runtime/files.ts";
import {
  type FaultHooks,
  type OperationLabel,
  SimulatedCrash,
} from "../../src/runtime/operations.ts";
import { type Random, seededRandom } from "../../src/simulation/random.ts";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { readLake } from "../lake_reader.ts";
import { runOrilla } from "../orilla_process.ts";
import { InjectedFailure } from "../runtime/recording_hooks.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { compactIn, movingClock } from "./compacted_lake.ts";
import { CrashHooks, withoutTimers } from "./crash_hooks.ts";
import { runOnce, testLimits, testSession } from "./lake_run.ts";
import { MemoryTopic, variedTopic } from "./memory_topic.ts";
import { differences, type ServerKind, type SharedLake, withLake } from "./shared_crash_matrix.ts";

const limits = testLimits({ maxEvents: 20 });
const FORMATS = TABLE_FORMATS;

/** The processes' clocks differ. */
let clocks = 0;

function optionsOf(
  { url }: SharedLake,
  overrides: Partial<LakeSessionOptions>,
): Partial<LakeSessionOptions> {
  const clock = movingClock(1_795_000_000_000 + ++clocks);
  return { limits, clock, store: { url }, ...overrides };
}

function sessionOf(
  lake: SharedLake,
  overrides: Partial<LakeSessionOptions>,
): Promise<LakeSession> {
  return LakeSession.open(testSession(lake.outDir, optionsOf(lake, overrides)));
}

/** A process that stops before it publishes: it sleeps until it is let go on. */
class SleepingStorage extends FolderStorage {
  readonly asleep = Promise.withResolvers<void>();
  readonly #woken = Promise.withResolvers<void>();
  readonly #sleepsAt: (manifest: readonly FileToPublish[]) => boolean;

  constructor(
    { outDir }: SharedLake,
    sleepsAt: (manifest: readonly FileToPublish[]) => boolean,
  ) {
    super(new Files(outDir, undefined, { fileMode: OWNER_ONLY }));
    this.#sleepsAt = sleepsAt;
  }

  wake(): void {
    this.#woken.resolve();
  }

  override async publish(manifest: readonly FileToPublish[]): Promise<void> {
    if (this.#sleepsAt(manifest)) {
      this.asleep.resolve();
      await this.#woken.promise;
    }
    await super.publish(manifest);
  }
}

const isMerge = (manifest: readonly FileToPublish[]) =>
  manifest.some(({ finalPath }) => finalPath.includes("_merged"));

/** Rows of the files that the manifest has, and the paths of those that are there and not in it. */
async function manifestOf({ outDir, url }: SharedLake) {
  await using reader = await openReader({ checkpointDir: outDir, url });
  const { files } = await reader.content();
  const events = files.filter(({ kind }: ManifestFile) => kind === "events");
  const known = new Set(events.map(({ finalPath }) => finalPath));
  const rows = await readLake(outDir);
  return {
    ids: rows.filter(({ file }) => known.has(file)).map(({ event_id }) => event_id).sort(),
    unknown: [...new Set(rows.map(({ file }) => file))].filter((file) => !known.has(file)),
  };
}

/** Whether a lake is exact: by its manifest, and by its files once a last process has come and gone. */
async function expectExact(lake: SharedLake, topic: MemoryTopic, hint = ""): Promise<void> {
  const valid = topic.truths().filter((truth) => truth.kind === "valid");
  const ids = [...new Set(valid.map(({ eventId }) => eventId))].sort();
  assert.deepEqual((await manifestOf(lake)).ids, ids, hint);
  const overrides = { limits, store: { url: lake.url }, expelAfterMs: 0 };
  await runOnce(lake.outDir, { topic, overrides });
  const { ids: after, unknown } = await manifestOf(lake);
  assert.deepEqual(after, ids, hint);
  assert.deepEqual(await findingsOf(lake), [], hint);
  // Files that a table's readers may still want are kept for a week.
  const isTable = (await new Files(lake.outDir).list("_delta_log")).length > 0;
  if (isTable) return;
  assert.deepEqual(unknown, [], hint);
  assert.deepEqual(await differences(lake, topic), [], hint);
}

async function findingsOf({ outDir, url }: SharedLake): Promise<string[]> {
  await using reader = await openReader({ checkpointDir: outDir, url });
  const { findings } = await verify({ files: new Files(outDir), reader, ttlMs: 0 }, () => {});
  return findings.map(({ kind, subject, detail }) => `${kind} ${subject}: ${detail}`);
}

const TOPIC = variedTopic(60), LONGER_TOPIC = variedTopic(100);

/** Another process takes the partitions over, goes on in them, and merges what there is. */
async function takeOver(lake: SharedLake, overrides: Partial<LakeSessionOptions>): Promise<void> {
  await using other = await sessionOf(lake, overrides);
  await LONGER_TOPIC.feed(other, 7);
  assert.ok((await compactIn(other)).length > 0, "it merged");
  await other.close();
}

/** Holds processes that merge in one lake at once against what a lake must be. */
export function testSharedMerges(kind: ServerKind): void {
  for (const tableFormat of FORMATS) testSleepers(kind, tableFormat);
  for (const tableFormat of FORMATS) testCrowd(kind, tableFormat);
  testLostAnswers(kind);
  testCommand(kind);
}

/** Hooks of a process whose transactions of one kind fail at a moment, however often they are tried. */
function failingReplace(side: "before" | "after"): FaultHooks {
  const fail = (label: OperationLabel) => {
    if (label === "replace:end") throw new InjectedFailure(`${side} ${label}`);
  };
  const pass = () => {};
  return {
    before: side === "before" ? fail : pass,
    after: side === "after" ? fail : pass,
    written: (_label, _path, length) => length,
  };
}

function testLostAnswers({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: a merge whose answers are all lost is finished, and one that never comes through leaves nothing`, async () => {
    for (const side of ["before", "after"] as const) {
      await withLake(newUrl(), async (lake) => {
        await runOnce(lake.outDir, { topic: TOPIC, overrides: optionsOf(lake, {}) });
        await using session = await sessionOf(lake, { hooks: failingReplace(side) });
        const merging = compactIn(session, { folderCount: 1 });
        if (side === "before") await assert.rejects(merging, /before replace:end/);
        else assert.equal((await merging).length, 1);
        assert.deepEqual(await session.files.list("_staging"), []);
        // It goes on.
        await LONGER_TOPIC.feed(session, 7);
        await session.close();
        await expectExact(lake, LONGER_TOPIC);
      });
    }
  });
}

function testCommand({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: orilla compact merges beside a process that has the lake open`, async () => {
    // A process must not write in /dev.
    const lake = { outDir: await Deno.makeTempDir({ prefix: "orilla_" }), url: newUrl() };
    try {
      await compactBeside(lake);
    } finally {
      await Deno.remove(lake.outDir, { recursive: true });
    }
  });
}

async function compactBeside(lake: SharedLake): Promise<void> {
  // The command goes by the system's clock, by which no id may have expired.
  const clock = movingClock(Date.now());
  await runOnce(lake.outDir, { topic: TOPIC, overrides: optionsOf(lake, { clock }) });
  await using other = await sessionOf(lake, { clock });
  const dates = ["--date", "2026-11-20,2026-11-21,2026-11-22"];
  const env = { CHECKPOINT_URL: lake.url };
  const compact = (...args: string[]) =>
    runOrilla(["compact", "--out-dir", lake.outDir, ...dates, ...args], { env });
  const planned = await compact("--dry-run");
  assert.match(planned.stdout, /would be merged/, planned.stderr);
  const merged = await compact("--json");
  assert.equal(merged.code, 0, merged.stderr);
  assert.equal(JSON.parse(merged.stdout).dates.length, 3);
  assert.match((await compact()).stdout, /no date has small files/);
  await LONGER_TOPIC.feed(other, 7);
  await other.close();
  await expectExact(lake, LONGER_TOPIC);
}

function testSleepers({ name, newUrl }: ServerKind, tableFormat: TableFormat): void {
  const test = (what: string, fn: (lake: SharedLake) => Promise<void>) =>
    Deno.test(`${name}: ${what} (${tableFormat})`, () => withLake(newUrl(), fn));

  test("what a process committed may be published and merged by others before it publishes it", async (lake) => {
    const storage = new SleepingStorage(lake, (manifest) => manifest.length > 0);
    await using sleeper = await sessionOf(lake, { tableFormat, storage: () => storage });
    const feeding = TOPIC.feed(sleeper, 7);
    await storage.asleep.promise;
    await takeOver(lake, { tableFormat });
    storage.wake();
    // Its partitions were taken over meanwhile.
    await assert.rejects(feeding, { exitCode: 1 });
    await expectExact(lake, LONGER_TOPIC);
  });

  test("what a process merged may be published, and merged again, by others before it publishes it", async (lake) => {
    await runOnce(lake.outDir, { topic: TOPIC, overrides: optionsOf(lake, { tableFormat }) });
    const storage = new SleepingStorage(lake, isMerge);
    await using sleeper = await sessionOf(lake, { tableFormat, storage: () => storage });
    const merging = compactIn(sleeper);
    await storage.asleep.promise;
    await takeOver(lake, { tableFormat });
    storage.wake();
    await merging;
    await sleeper.close();
    await expectExact(lake, LONGER_TOPIC);
  });

  test("files that another process merges meanwhile are not merged twice", async (lake) => {
    await runOnce(lake.outDir, { topic: TOPIC, overrides: optionsOf(lake, { tableFormat }) });
    const { merge, asleep, woken } = sleepingMerge();
    await using sleeper = await sessionOf(lake, { tableFormat, merge });
    const merging = compactIn(sleeper, { folderCount: 1 });
    await asleep.promise;
    await takeOver(lake, { tableFormat });
    woken.resolve();
    assert.deepEqual(await merging, []);
    await sleeper.close();
    await expectExact(lake, LONGER_TOPIC);
  });

  test("a process that is expelled in the middle of a merge merges nothing", async (lake) => {
    await runOnce(lake.outDir, { topic: TOPIC, overrides: optionsOf(lake, { tableFormat }) });
    const { merge, asleep, woken } = sleepingMerge();
    await using sleeper = await sessionOf(lake, { tableFormat, merge });
    const merging = compactIn(sleeper, { folderCount: 1 });
    await asleep.promise;
    {
      await using other = await sessionOf(lake, { tableFormat, expelAfterMs: 0 });
      assert.deepEqual(await other.files.list("_staging"), []);
      await other.close();
    }
    const before = (await manifestOf(lake)).ids;
    woken.resolve();
    assert.deepEqual(await merging, []);
    assert.deepEqual((await manifestOf(lake)).ids, before);
    await assert.rejects(sleeper.pipeline.claim([{ topic: "memory", partition: 0 }], null), {
      exitCode: 1,
    });
    await expectExact(lake, TOPIC);
  });
}

/** A merge that says when it is asked for, and waits until it is woken. */
function sleepingMerge() {
  const asleep = Promise.withResolvers<void>(), woken = Promise.withResolvers<void>();
  const merge: Merger = async (...args) => {
    asleep.resolve();
    await woken.promise;
    return await mergeHere(...args);
  };
  return { merge, asleep, woken };
}

const PARTITIONS = 3;
const RECORDS = 360;

/** Events of three dates in three partitions; each ninth comes again in another partition. */
function crowdTopic(): MemoryTopic {
  const topic = new MemoryTopic(PARTITIONS);
  for (let i = 0; i < RECORDS; i++) {
    const id = i % 9 === 8 ? i - 4 : i, date = `2026-11-2${id % 3}`;
    const value = `{"event_id":"e${id}","ts":"${date}T10:00:00Z","usuario_id":${id}}`;
    topic.append(i % PARTITIONS, { value, truth: { kind: "valid", eventId: `e${id}`, date } });
  }
  return topic;
}

/** Consumes a partition to its end, and merges beside that. */
async function consume(
  session: LakeSession,
  { topic, partition }: { readonly topic: MemoryTopic; readonly partition: number },
): Promise<void> {
  let isDone = false;
  const feeding = (async () => {
    await session.pipeline.claim([{ topic: topic.name, partition }], null);
    const entries = topic.partitions[partition] ?? [];
    const at = { topic: topic.name, partition };
    for (
      let next = Number(session.pipeline.nextOffset(at) ?? 0n);
      next < entries.length;
      next += 5
    ) {
      const records = entries.slice(next, next + 5).map(({ record }) => record);
      await session.pipeline.add({ ...at, records: new RecordList(records) });
    }
    await session.pipeline.commit("end");
  })().finally(() => isDone = true);
  const merging = (async () => {
    while (!isDone) await compactIn(session);
  })();
  const ends = await Promise.allSettled([feeding, merging]);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  await session.close();
}

/** A process that is killed at random moments, so many times, and started again each time. */
async function consumeWithKills(lake: SharedLake, { kills, random, topic, partition, ...options }: {
  readonly kills: number;
  readonly random: Random;
  readonly topic: MemoryTopic;
  readonly partition: number;
  readonly tableFormat: TableFormat;
}): Promise<{ readonly killed: number; readonly merged: number }> {
  let killed = 0, merged = 0;
  const onCompacted = () => void merged++;
  for (;;) {
    const side = random() < 0.5 ? "before" : "after";
    const point = killed < kills ? { index: Math.floor(random() * 150), side } as const : null;
    const hooks = withoutTimers(new CrashHooks(point));
    try {
      const parts = { ...options, hooks, limits: CROWD_LIMITS, onCompacted };
      await using session = await sessionOf(lake, parts);
      await consume(session, { topic, partition });
      return { killed, merged };
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
      killed++;
    }
  }
}

const CROWD_LIMITS = testLimits({ maxEvents: 10 });

function testCrowd({ name, newUrl }: ServerKind, tableFormat: TableFormat): void {
  Deno.test(`${name}: three processes that consume and merge at once, killed now and then, leave an exact lake (${tableFormat})`, async () => {
    const seed = testSeed(), random = seededRandom(seed);
    await withLake(newUrl(), async (lake) => {
      const topic = crowdTopic();
      const ends = await Promise.all(
        Array.from(
          { length: PARTITIONS },
          (_, partition) =>
            consumeWithKills(lake, { kills: 3, random, topic, partition, tableFormat }),
        ),
      );
      const hint = replayHint(seed);
      assert.ok(ends.some(({ killed }) => killed > 0), hint);
      assert.ok(ends.some(({ merged }) => merged > 0), `${JSON.stringify(ends)} ${hint}`);
      await expectExact(lake, topic, hint);
    });
  });
}
