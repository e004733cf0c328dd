import assert from "node:assert/strict";
import type { StoreRebuild } from "../../src/checkpoint/store_rebuild.ts";
import { beginStoreRebuild, openReader } from "../../src/checkpoint/open_store.ts";
import { LOCK_FILE, lockOutDir } from "../../src/checkpoint/lock.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { keyRing } from "../lake/key_rings.ts";
import { runOnce, scratchFolder, testSession } from "./lake_run.ts";
import { MemoryTopic, variedTopic } from "./memory_topic.ts";
import { type ServerKind, type SharedLake, withLake } from "./shared_crash_matrix.ts";
import {
  contentOf,
  expectSame,
  findingsOf,
  processOf,
  rebuildShared,
  REBUILT_AT_MS,
  runShared,
} from "./shared_rebuild.ts";
import { differencesOf } from "./shared_rebuild_contract.ts";

const TOPIC = variedTopic(40), LONGER_TOPIC = variedTopic(60);

function refusedWith(exitCode: number, text: RegExp) {
  return (error: unknown) =>
    error instanceof OrillaError && error.exitCode === exitCode && text.test(error.message);
}

function begin({ url }: SharedLake, silentMs?: number): Promise<StoreRebuild> {
  const waiting = silentMs === undefined ? {} : { silentMs };
  return beginStoreRebuild({ url }, {
    ...{ ttlMs: 0, duplicateTtlMs: 0, nowMs: REBUILT_AT_MS },
    ...waiting,
  });
}

/** Gives the action a lake whose store is lost, with what that knew. */
async function withLostStore(
  { newUrl }: ServerKind,
  action: (lake: SharedLake, before: Awaited<ReturnType<typeof contentOf>>) => Promise<void>,
): Promise<void> {
  await withLake(newUrl(), async (lost) => {
    await runShared(lost, variedTopic(25));
    await runShared(lost, TOPIC);
    await action({ ...lost, url: newUrl() }, await contentOf(lost));
  });
}

/** Duplicates of one event, whose batches leave no file. */
function withDuplicates(topic: MemoryTopic, count: number): MemoryTopic {
  const date = "2026-11-20";
  const value = `{"event_id":"e0","ts":"${date}T10:00:00Z","usuario_id":0}`;
  for (let i = 0; i < count; i++) {
    topic.append(0, { value, truth: { kind: "valid", eventId: "e0", date } });
  }
  return topic;
}

/** Holds a kind of store against who may make it anew, and when. */
export function testSharedRebuildRefusals(kind: ServerKind): void {
  const { name, newUrl } = kind;

  Deno.test(`${name}: a store that knows commits is not made anew`, async () => {
    await withLake(newUrl(), async (lake) => {
      await runShared(lake, TOPIC);
      const before = await contentOf(lake);
      await assert.rejects(() => rebuildShared(lake), refusedWith(2, /knows commits.*\?lake=/));
      assert.deepEqual(await contentOf(lake), before);
      await runShared(lake, LONGER_TOPIC);
      assert.deepEqual(await differencesOf(lake, LONGER_TOPIC), []);
    });
  });

  Deno.test(`${name}: a store that a process has open is not made anew`, async () => {
    await withLostStore(kind, async (lake, before) => {
      const other = { ...lake, outDir: await scratchFolder() };
      {
        await using session = await LakeSession.open(testSession(other.outDir, processOf(other)));
        await assert.rejects(() => rebuildShared(lake), refusedWith(1, /Stop all processes/));
        await session.close();
      }
      await Deno.remove(other.outDir, { recursive: true });
      await rebuildShared(lake);
      await expectSame(lake, before);
    });
  });

  Deno.test(`${name}: nobody opens a store while it is made anew, and two do not make it at once`, async () => {
    await withLostStore(kind, async (lake, before) => {
      {
        await using _first = await begin(lake);
        await assert.rejects(() => rebuildShared(lake), refusedWith(1, /Another orilla rebuild/));
        const open = () => LakeSession.open(testSession(lake.outDir, processOf(lake)));
        await assert.rejects(open, refusedWith(1, /being made anew/));
        await using reader = await openReader({ checkpointDir: lake.outDir, url: lake.url });
        await assert.rejects(() => reader.status(1), refusedWith(1, /being made anew/));
        await assert.rejects(() => reader.positions(), refusedWith(1, /being made anew/));
        assert.notEqual((await reader.soundness()).kind, "sound");
      }
      await assert.rejects(() => rebuildShared(lake), refusedWith(1, /after 30 s/));
      await rebuildShared(lake, { silentMs: 0 });
      await expectSame(lake, before);
    });
  });

  Deno.test(`${name}: a rebuild that was silent for too long ends where another one has begun`, async () => {
    await withLostStore(kind, async (lake, before) => {
      await using slow = await begin(lake);
      await using next = await begin(lake, 0);
      const ids = { instanceId: "0123456789ab", sequence: 1, seenAtMs: REBUILT_AT_MS };
      const hashes = Uint32Array.of(1, 2, 3, 4);
      const isTaken = refusedWith(1, /has begun to make/);
      await assert.rejects(() => slow.adoptIds([{ ...ids, hashes }]), isTaken);
      const nothing = { commitCount: 0, lastSequence: 0, instanceIds: [], settings: new Map() };
      await assert.rejects(() => slow.end(nothing), isTaken);
      await next.adoptIds([{ ...ids, hashes }]);
      await rebuildShared(lake, { silentMs: 0 });
      await expectSame(lake, before);
    });
  });

  Deno.test(`${name}: a store that has lost commits while it was made anew stays closed`, async () => {
    await withLostStore(kind, async (lake, before) => {
      {
        await using rebuild = await begin(lake);
        const lacking = { commitCount: 1, lastSequence: 1, instanceIds: [], settings: new Map() };
        await assert.rejects(() => rebuild.end(lacking), refusedWith(1, /has lost commits/));
      }
      const open = () => LakeSession.open(testSession(lake.outDir, processOf(lake)));
      await assert.rejects(open, refusedWith(1, /being made anew/));
      await rebuildShared(lake, { silentMs: 0 });
      await expectSame(lake, before);
    });
  });

  Deno.test(`${name}: a lake that a process writes to meanwhile is begun anew`, async () => {
    await withLostStore(kind, async (lake, before) => {
      const [{ finalPath = "" } = {}] = before.files;
      const other = `${lake.outDir}/${finalPath.replace(/_\d+\.parquet$/, "_0000000099.parquet")}`;
      assert.ok(!other.endsWith(finalPath));
      const onProgress = () => Deno.copyFileSync(`${lake.outDir}/${finalPath}`, other);
      const isRefused = refusedWith(1, /files have changed/);
      await assert.rejects(() => rebuildShared(lake, { onProgress }), isRefused);
      await Deno.remove(other);
      await rebuildShared(lake, { silentMs: 0 });
      await expectSame(lake, before);
      {
        using _lock = lockOutDir(lake.outDir);
        const isLocked = refusedWith(1, /is writing to/);
        await assert.rejects(() => rebuildShared({ ...lake, url: newUrl() }), isLocked);
      }
      await Deno.remove(`${lake.outDir}/${LOCK_FILE}`);
    });
  });

  Deno.test(`${name}: a file that cannot be read ends it, and its rows are gone once it is moved away`, async () => {
    await withLostStore(kind, async (lake, before) => {
      const last = before.files.findLast(({ kind }) => kind === "events");
      const path = `${lake.outDir}/${last?.finalPath}`;
      const bytes = await Deno.readFile(path);
      await Deno.writeFile(path, bytes.subarray(0, bytes.length - 9));
      const isRefused = refusedWith(3, /Move it out of the lake and rebuild again/);
      await assert.rejects(() => rebuildShared(lake), isRefused);
      await Deno.remove(path);
      // What was read of this one before is in the store that was not finished.
      const first = before.files.find(({ kind }) => kind === "events");
      await Deno.remove(`${lake.outDir}/${first?.finalPath}`);
      const { incomplete, eventCount } = await rebuildShared(lake, { silentMs: 0 });
      assert.equal(incomplete.length, 2);
      assert.deepEqual(await findingsOf(lake), []);
      assert.equal((await contentOf(lake)).seenIdCount, eventCount);
    });
  });

  Deno.test(`${name}: the protection of a lake is remembered by a store that is made anew`, async () => {
    const protection = { keys: keyRing("k1"), pseudonymizedFields: ["usuario_id"] };
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, variedTopic(25), { protection });
      await runShared(lost, TOPIC, { protection });
      const before = await contentOf(lost);
      const lake = { ...lost, url: newUrl() };
      await rebuildShared(lake);
      await expectSame(lake, before);
      await assert.rejects(() => runShared(lake, LONGER_TOPIC), { exitCode: 2 });
      await runShared(lake, LONGER_TOPIC, { protection });
      assert.deepEqual(await findingsOf(lake), []);
    });
  });

  Deno.test(`${name}: commits with the same number are refused`, async () => {
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, TOPIC);
      const other = await scratchFolder();
      await runOnce(other, { topic: variedTopic(10) });
      for await (const { name, isDirectory } of Deno.readDir(other)) {
        if (!isDirectory || !name.startsWith("date=")) continue;
        for await (const file of Deno.readDir(`${other}/${name}`)) {
          const path = `${name}/${file.name}`;
          await Deno.copyFile(`${other}/${path}`, `${lost.outDir}/${path}`);
        }
      }
      await Deno.remove(other, { recursive: true });
      const lake = { ...lost, url: newUrl() };
      const isRefused = refusedWith(3, /two commits with number 1,.*Without CHECKPOINT_URL/s);
      await assert.rejects(() => rebuildShared(lake), isRefused);
    });
  });

  Deno.test(`${name}: duplicates at the end, which left no file, are read and counted again`, async () => {
    await withLake(newUrl(), async (lost) => {
      const topic = withDuplicates(variedTopic(40), 60);
      await runShared(lost, topic);
      const before = await contentOf(lost);
      const lake = { ...lost, url: newUrl() };
      await rebuildShared(lake);
      const { committed, instanceIds } = await contentOf(lake);
      assert.ok(committed.counters.received < before.committed.counters.received);
      assert.deepEqual(await findingsOf(lake), []);
      {
        await using session = await LakeSession.open(testSession(lake.outDir, processOf(lake)));
        // The rule for the start asks which offsets of the group may be ahead: see start_offset_test.ts.
        const rebuilt = await session.checkpoint.rebuiltInstanceIds();
        assert.deepEqual(rebuilt.toSorted(), instanceIds.toSorted());
        const all = await session.checkpoint.instanceIds();
        assert.ok(all.includes(session.checkpoint.instanceId) && all.length === rebuilt.length + 1);
        await session.close();
      }
      await runShared(lake, topic);
      assert.deepEqual(await differencesOf(lake, topic), []);
    });
  });

  Deno.test(`${name}: ids that are expired are left out`, async () => {
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, variedTopic(25));
      const before = await contentOf(lost);
      await runShared(lost, TOPIC);
      const all = await contentOf(lost);
      const firstRow = Math.max(...before.files.map(({ finalPath }) => stagedAtMs(finalPath)));
      const ttlMs = 3_600_000;
      const lake = { ...lost, url: newUrl() };
      // Ids of the first process are as old as that at least, those of the second are not.
      await rebuildShared(lake, { ttlMs, nowMs: firstRow + ttlMs });
      const { seenIdCount, seenIdCounter } = await contentOf(lake);
      assert.equal(seenIdCount, all.seenIdCount - before.seenIdCount);
      assert.equal(seenIdCounter, seenIdCount);
      assert.ok(seenIdCount > 0);
      assert.deepEqual(await findingsOf(lake), []);
    });
  });
}

function stagedAtMs(path: string): number {
  const [, date = "", time = "", ms = ""] = /_(\d{8})T(\d{6})(\d{3})Z_/.exec(path) ?? [];
  const digits = (text: string) => text.replace(/(..)(..)(..)$/, "$1:$2:$3");
  const day = date.replace(/(....)(..)(..)/, "$1-$2-$3");
  return Date.parse(`${day}T${digits(time)}.${ms}Z`);
}
