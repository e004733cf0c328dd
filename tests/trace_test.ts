import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import type { RawRecord } from "../src/core/record.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { type EventTrace, traceEvent } from "../src/pipeline/trace.ts";
import { Files } from "../src/runtime/files.ts";
import { SimulatedCrash } from "../src/runtime/operations.ts";
import { bytesOf, eventRecord, recordOf } from "./core/samples.ts";
import {
  checkpointValue,
  copyLake,
  editCheckpoint,
  filesOf,
  firstFile,
  publishTwice,
  withScratch,
} from "./crash/damaged_lake.ts";
import { rebuildLake, testSession } from "./crash/lake_run.ts";
import { lakeIn } from "./lake_in.ts";
import { limits, watchingHooks } from "./pipeline_parts.ts";

const NOW_MS = 1_795_000_000_000;

/** The records of a partition: an event for each id, "!" before it makes it invalid. */
function recordsOf(ids: readonly string[], first = 0): RawRecord[] {
  return ids.map((id, i) =>
    eventRecord(
      id.startsWith("!")
        ? { event_id: id.slice(1), usuario_id: "none" }
        : { event_id: id, ts: `2026-11-2${i % 3}T10:15:00.123456Z` },
      { offset: BigInt(first + i) },
    )
  );
}

/** A commit: by partition, its records. */
type Planned = Readonly<Record<number, readonly RawRecord[]>>;

async function write(outDir: string, commits: readonly Planned[]): Promise<void> {
  await using session = await LakeSession.open(testSession(outDir, { limits: limits({}) }));
  for (const commit of commits) {
    for (const [partition, records] of Object.entries(commit)) {
      await session.pipeline.add({
        topic: "t",
        partition: Number(partition),
        records: new RecordList(records),
      });
    }
    await session.pipeline.commit("end");
  }
  await session.close();
}

/** Files that get published right after one was looked for by its final name. */
class FilesBeingPublished extends Files {
  override async size(path: string): Promise<number | null> {
    const bytes = await super.size(path);
    if (bytes === null && !path.startsWith("_staging/")) await write(this.absolute("."), []);
    return bytes;
  }
}

function trace(lake: string | Files, id: string): Promise<EventTrace> {
  return traceEvent(lakeIn(lake), id);
}

/** The lists of a trace as `commit: topic/partition offset`, a rejected one with its reason. */
function answers({ published, duplicates, rejected, unreadable }: EventTrace) {
  const at = (
    row: { sequence: number | null; topic: string; partition: number; offset: bigint },
  ) => `${row.sequence}: ${row.topic}/${row.partition} ${row.offset}`;
  return {
    published: published.map(at),
    duplicates: duplicates.map(at),
    rejected: rejected.map((row) => `${at(row)} ${row.reason}`),
    unreadable: unreadable.length,
  };
}

const NOTHING = { published: [], duplicates: [], rejected: [], unreadable: 0 };

Deno.test("trace finds a published event with its file, position and times", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: recordsOf(["a", "b"]) }, { 1: recordsOf(["c", "d"], 70) }]);
    const { published: [row], ...rest } = await trace(outDir, "d");
    assert.deepEqual(row, {
      topic: "t",
      partition: 1,
      offset: 71n,
      tsMicroseconds: BigInt(Date.parse("2026-11-21T10:15:00.123Z")) * 1000n + 456n,
      processingTsMicroseconds: BigInt(NOW_MS) * 1000n,
      file: (await filesOf(outDir)).find((path) => /21\/events_.*2\.parquet$/.test(path)),
      sequence: 2,
      committedAtMs: NOW_MS,
    });
    const { duplicates, rejected, unreadable, fileCount, openedCount } = rest;
    assert.deepEqual([duplicates, rejected, unreadable], [[], [], []]);
    assert.deepEqual([fileCount, openedCount], [4, 1]);
  });
});

Deno.test("trace finds the duplicates of an event in its batch, in later ones and in other partitions", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [
      { 0: recordsOf(["a", "b", "a"]), 1: recordsOf(["a"]) },
      { 0: recordsOf(["b", "c"], 3) },
      { 0: recordsOf(["a", "a"], 5), 1: recordsOf(["a", "b"], 1) },
    ]);
    assert.deepEqual(answers(await trace(outDir, "a")), {
      ...NOTHING,
      published: ["1: t/0 0"],
      duplicates: ["1: t/0 2", "1: t/1 0", "3: t/0 5", "3: t/0 6", "3: t/1 1"],
    });
    assert.deepEqual(answers(await trace(outDir, "c")), { ...NOTHING, published: ["2: t/0 4"] });
  });
});

Deno.test("trace finds the dead letters of an event, repaired or not", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: recordsOf(["!a", "!b", "b"]) }, { 0: recordsOf(["!a"], 3) }]);
    const reason = "usuario_id_not_integer";
    assert.deepEqual(answers(await trace(outDir, "a")), {
      ...NOTHING,
      rejected: [`1: t/0 0 ${reason}`, `2: t/0 3 ${reason}`],
    });
    const traced = await trace(outDir, "b");
    assert.deepEqual(answers(traced), {
      ...NOTHING,
      published: ["1: t/0 2"],
      rejected: [`1: t/0 1 ${reason}`],
    });
    const [row] = traced.rejected;
    assert.equal(row?.path, "usuario_id");
    assert.equal(row?.rejectedAtMicroseconds, BigInt(NOW_MS) * 1000n);
    assert.match(row?.file ?? "", /^_dead_letters\/date=.*\/dead_letters_.*_0000000001\.parquet$/);
  });
});

Deno.test("trace finds an event that was published again after its time to live twice, oldest first", async () => {
  await withScratch(async (outDir) => {
    await publishTwice(outDir, { afterMs: 8 * 86_400_000, between: () => {} });
    const { published } = await trace(outDir, "again");
    assert.deepEqual(
      published.map(({ partition, sequence, committedAtMs }) => [
        partition,
        sequence,
        committedAtMs,
      ]),
      [[0, 1, NOW_MS], [1, 2, NOW_MS + 8 * 86_400_000]],
    );
  });
});

Deno.test("trace finds nothing of an event that was never seen, and opens no file for it", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: recordsOf(["a", "!b", "a"]) }]);
    const traced = await trace(outDir, "never");
    assert.deepEqual(answers(traced), NOTHING);
    assert.equal(traced.openedCount, 0);
  });
});

Deno.test("trace tells ids apart that look alike", async () => {
  const ids = ["a", "a ", "A", "ñ", "n\u0303", "\ufeffa", "a\0", "🌊", "x".repeat(5_000), "1"];
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: recordsOf([...ids, ...ids]) }]);
    for (const [i, id] of ids.entries()) {
      const expected = { published: [`1: t/0 ${i}`], duplicates: [`1: t/0 ${i + ids.length}`] };
      assert.deepEqual(answers(await trace(outDir, id)), { ...NOTHING, ...expected }, id);
    }
    assert.deepEqual(answers(await trace(outDir, "n")), NOTHING);
  });
});

Deno.test("trace finds a row among very many of one file", async () => {
  await withScratch(async (outDir) => {
    const ids = Array.from({ length: 9_000 }, (_, i) => `e${i}`);
    const records = ids.map((event_id, i) => eventRecord({ event_id }, { offset: BigInt(i) }));
    await using session = await LakeSession.open(
      testSession(outDir, { limits: limits({ maxEvents: 100_000, maxBytes: 1 << 30 }) }),
    );
    await session.pipeline.add({ topic: "t", partition: 0, records: new RecordList(records) });
    await session.pipeline.commit("end");
    for (const i of [0, 1_023, 1_024, 4_500, 8_999]) {
      assert.deepEqual(answers(await trace(outDir, `e${i}`)).published, [`1: t/0 ${i}`]);
    }
  });
});

Deno.test("trace knows of several topics in one commit which one an event came from", async () => {
  await withScratch(async (outDir) => {
    await using session = await LakeSession.open(testSession(outDir, { limits: limits({}) }));
    const add = (topic: string, partition: number, records: readonly RawRecord[]) =>
      session.pipeline.add({ topic, partition, records: new RecordList(records) });
    await add("t", 0, recordsOf(["a"], 90));
    await add("u", 0, recordsOf(["b", "a"], 5));
    await add("v", 1, recordsOf(["c"], 90));
    await add("w", 0, recordsOf(["d"], 200));
    await session.pipeline.commit("end");
    assert.deepEqual(answers(await trace(outDir, "a")).published, ["1: t/0 90"]);
    assert.deepEqual(answers(await trace(outDir, "a")).duplicates, ["1: u/0 6"]);
    assert.deepEqual(answers(await trace(outDir, "b")).published, ["1: u/0 5"]);
    assert.deepEqual(answers(await trace(outDir, "c")).published, ["1: v/1 90"]);
    assert.deepEqual(answers(await trace(outDir, "d")).published, ["1: w/0 200"]);
  });
});

Deno.test("trace finds an event whose commit is not published yet, and while it gets published", async () => {
  await withScratch(async (outDir) => {
    const hooks = watchingHooks((label) => {
      if (label === "publish:link") throw new SimulatedCrash(label);
    });
    {
      await using session = await LakeSession.open(
        testSession(outDir, { hooks, limits: limits({}) }),
      );
      await session.pipeline.add({
        topic: "t",
        partition: 0,
        records: new RecordList(recordsOf(["a"])),
      });
      await assert.rejects(session.pipeline.commit("end"), SimulatedCrash);
    }
    const staged = await trace(outDir, "a");
    assert.deepEqual(answers(staged).published, ["1: t/0 0"]);
    assert.match(staged.published[0]?.file ?? "", /^_staging\//);
    const published = await trace(new FilesBeingPublished(outDir), "a");
    assert.match(published.published[0]?.file ?? "", /^date=2026-11-20\//);
  });
});

Deno.test("trace looks through files that have no filter, and files that the checkpoint does not know", async () => {
  await withScratch(async (outDir, older) => {
    await write(outDir, [{ 0: recordsOf(["a", "!b"]) }]);
    editCheckpoint(outDir, "DELETE FROM file_filters");
    assert.deepEqual(answers(await trace(outDir, "a")).published, ["1: t/0 0"]);
    assert.equal(answers(await trace(outDir, "b")).rejected.length, 1);
    assert.equal((await trace(outDir, "c")).openedCount, 2);

    await copyLake(outDir, older);
    await write(outDir, [{ 0: recordsOf(["d", "!e"], 2) }]);
    for (const folder of ["date=2026-11-20", "_dead_letters/date=2026-11-18"]) {
      const [name = ""] = (await filesOf(`${outDir}/${folder}`)).filter((name) =>
        name.endsWith("2.parquet")
      );
      await Deno.copyFile(`${outDir}/${folder}/${name}`, `${older}/${folder}/${name}`);
    }
    const { published } = await trace(older, "d");
    assert.deepEqual(published.map(({ sequence, offset }) => [sequence, offset]), [[null, 2n]]);
    assert.equal(answers(await trace(older, "e")).rejected.length, 1);
  });
});

Deno.test("trace finds events and dead letters by filters after the checkpoint was rebuilt or caught up", async () => {
  await withScratch(async (outDir, older) => {
    await write(outDir, [{ 0: recordsOf(["a", "!b", "a"]) }]);
    await copyLake(outDir, older);
    await write(outDir, [{ 0: recordsOf(["c", "!d", "a"], 3) }]);
    const filters = () => checkpointValue(outDir, "SELECT count(*) FROM file_filters");
    const expectAll = async () => {
      assert.deepEqual(answers(await trace(outDir, "a")).published, ["1: t/0 0"]);
      assert.deepEqual(answers(await trace(outDir, "c")).published, ["2: t/0 3"]);
      assert.equal(answers(await trace(outDir, "b")).rejected.length, 1);
      const traced = await trace(outDir, "d");
      assert.equal(answers(traced).rejected.length, 1);
      assert.deepEqual([traced.fileCount, traced.openedCount], [4, 1]);
      assert.equal(filters(), "4");
    };
    await expectAll();
    await rebuildLake(outDir, NOW_MS);
    await expectAll();
    assert.deepEqual(answers(await trace(outDir, "a")).duplicates, []);

    for (const name of (await filesOf(outDir)).filter((path) => path.startsWith("checkpoint."))) {
      await Deno.remove(`${outDir}/${name}`);
    }
    await Deno.copyFile(`${older}/checkpoint.sqlite`, `${outDir}/checkpoint.sqlite`);
    await write(outDir, []);
    await expectAll();
    assert.deepEqual(answers(await trace(outDir, "a")).duplicates, ["1: t/0 2"]);
  });
});

Deno.test("trace says which files may hold the event and cannot be read", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: recordsOf(["a", "!b"]) }]);
    await Deno.remove(`${outDir}/${await firstFile(outDir, "events")}`);
    await Deno.truncate(`${outDir}/${await firstFile(outDir, "dead_letters")}`, 700);
    const { unreadable: [gone] } = await trace(outDir, "a");
    assert.match(gone?.file ?? "", /^date=.*\/events_/);
    assert.equal(gone?.reason, "it was committed, and is not there");
    const { unreadable: [cut] } = await trace(outDir, "b");
    assert.match(cut?.file ?? "", /^_dead_letters\//);
    assert.deepEqual(answers(await trace(outDir, "c")), NOTHING);
  });
});

Deno.test("trace refuses a folder that has no checkpoint", async () => {
  await withScratch(async (outDir) => {
    await assert.rejects(trace(outDir, "a"), /cannot be read as a checkpoint.*orilla rebuild/);
  });
});

Deno.test("a record without a readable event_id is a dead letter that no id finds", async () => {
  await withScratch(async (outDir) => {
    await write(outDir, [{ 0: [recordOf(bytesOf(`{"event_id":"a",`))] }]);
    assert.deepEqual(answers(await trace(outDir, "a")), NOTHING);
  });
});
