import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import { OrillaError } from "../src/core/errors.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import type { OperationLabel } from "../src/runtime/operations.ts";
import { bytesOf, eventRecord, recordOf } from "./core/samples.ts";
import { testSession } from "./crash/lake_run.ts";
import { hashesOf } from "./checkpoint/commits.ts";
import { readDeadLetters, readLake, strayFiles } from "./lake_reader.ts";
import {
  AT,
  conservation,
  eventRecords,
  HeldGroup,
  limits,
  noSpace,
  type OpenLake,
  openLake,
  soon,
  watchingHooks,
} from "./pipeline_parts.ts";

/** The offsets in the lake, in ascending order. */
async function publishedOffsets(outDir: string): Promise<number[]> {
  return (await readLake(outDir)).map(({ kafka_offset }) => Number(kafka_offset))
    .sort((a, b) => a - b);
}

Deno.test("a batch is committed as soon as it has the most events", async () => {
  await using lake = await openLake({ limits: limits({ maxEvents: 3 }) });
  const { pipeline } = lake.session;
  assert.equal(await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) }), true);
  assert.deepEqual([lake.reports.length, pipeline.bufferedCount], [0, 2]);
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(2, 5)) });
  const seen = lake.reports.map(({ trigger, receivedCount }) => [trigger, receivedCount]);
  assert.deepEqual(seen, [["events", 3], ["events", 3]]);
  assert.equal(pipeline.bufferedCount, 1);
  assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1, 2, 3, 4, 5]);
});

Deno.test("a batch is committed as soon as its keys and values have the most bytes", async () => {
  const value = bytesOf(`{"event_id":"x","ts":"2026-11-24","usuario_id":1}`);
  const record = (offset: number) =>
    recordOf(value, { offset: BigInt(offset), key: new Uint8Array(10) });
  const maxBytes = 3 * (value.length + 10);
  await using lake = await openLake({ limits: limits({ maxBytes }) });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList([record(0), record(1)]) });
  assert.deepEqual([lake.reports.length, pipeline.bufferedBytes], [0, 2 * (value.length + 10)]);
  await pipeline.add({ ...AT, records: new RecordList([record(2), record(3)]) });
  const seen = lake.reports.map(({ trigger, receivedCount }) => [trigger, receivedCount]);
  assert.deepEqual(seen, [["bytes", 3]]);
  assert.equal(pipeline.bufferedBytes, value.length + 10);
});

Deno.test("a batch on an idle feed is committed when its first record has waited the longest time", async () => {
  await using lake = await openLake({ limits: limits({ maxLatencyMs: 30 }) });
  const { pipeline } = lake.session;
  const startMs = performance.now();
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
  assert.equal(lake.reports.length, 0);
  const { trigger, receivedCount } = await soon(lake.firstCommit);
  assert.deepEqual([trigger, receivedCount], ["latency", 2]);
  assert.ok(performance.now() - startMs >= 29, "not before its time");
  assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1]);
});

for (const trigger of ["events", "latency", "end"] as const) {
  Deno.test(`add takes nothing while a commit by ${trigger} is under way, and goes on after it`, async () => {
    const reached = { events: { maxEvents: 2 }, latency: { maxLatencyMs: 10 }, end: {} }[trigger];
    await using lake = await openLake({ limits: limits(reached) });
    const { pipeline } = lake.session;
    const group = new HeldGroup();
    pipeline.joinGroup(group);
    const first = pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
    const ended = trigger === "end" ? pipeline.commit("end") : Promise.resolve();
    await soon(group.asked);
    assert.equal(pipeline.isCommitting, true);
    const second = pipeline.add({ ...AT, records: new RecordList(eventRecords(2, 1)) });
    // Without back-pressure the record would be in the buffer already: add takes records in synchronously.
    assert.equal(pipeline.bufferedCount, 2);
    assert.equal(lake.reports.length, 0);
    group.answer(true);
    assert.deepEqual(await Promise.all([first, second]), [true, true]);
    await ended;
    assert.deepEqual([pipeline.isCommitting, pipeline.bufferedCount], [false, 1]);
    assert.deepEqual(lake.reports.map((report) => report.trigger), [trigger]);
    assert.equal(pipeline.nextOffset(AT), 2n);
    assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1]);
  });
}

Deno.test("add gives up after a wait when its partition was taken away, and says so", async () => {
  await using lake = await openLake({ limits: limits({ maxEvents: 2 }) });
  const { pipeline } = lake.session;
  const group = new HeldGroup();
  pipeline.joinGroup(group);
  let isCurrent = true;
  const added = pipeline.add(
    { ...AT, records: new RecordList(eventRecords(0, 5)) },
    () => isCurrent,
  );
  await soon(group.asked);
  isCurrent = false;
  pipeline.drop();
  group.answer(true);
  assert.equal(await added, false);
  assert.deepEqual([pipeline.bufferedCount, pipeline.nextOffset(AT)], [0, undefined]);
});

const DROPS = ["while it is staged", "while the group is asked"] as const;
for (const moment of DROPS) {
  Deno.test(`a batch dropped ${moment} leaves nothing behind, and can be fed again`, async () => {
    const group = new HeldGroup();
    let drop = () => {};
    const hooks = watchingHooks((label, side) => {
      if (moment === "while it is staged" && label === "stage:fsync" && side === "after") drop();
    });
    await using lake = await openLake({ hooks });
    const { pipeline } = lake.session;
    pipeline.joinGroup(group);
    drop = () => pipeline.drop();
    await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 3)) });
    const committing = pipeline.commit("end");
    if (moment === "while the group is asked") {
      await soon(group.asked);
      pipeline.drop();
    }
    group.answer(true);
    await committing;
    assert.equal(group.confirmCount, moment === "while it is staged" ? 0 : 1);
    assert.deepEqual([pipeline.sequence, pipeline.bufferedCount, lake.reports.length], [0, 0, 0]);
    assert.equal(pipeline.nextOffset(AT), undefined);
    assert.deepEqual((await lake.session.checkpoint.read()).partitions, []);
    assert.deepEqual(group.acknowledged, []);
    assert.deepEqual(await strayFiles(lake.outDir), []);
    assert.deepEqual(await readLake(lake.outDir), []);

    drop = () => {};
    await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 3)) });
    await pipeline.commit("end");
    assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1, 2]);
    assert.equal(pipeline.counters.received, 3);
  });
}

Deno.test("a batch that the group does not confirm is dropped: nothing is committed or acknowledged", async () => {
  await using lake = await openLake();
  const { pipeline } = lake.session;
  const group = new HeldGroup();
  pipeline.joinGroup(group);
  await pipeline.add({
    ...AT,
    records: new RecordList([...eventRecords(0, 2), recordOf(null, { offset: 2n })]),
  });
  group.answer(false);
  await pipeline.commit("end");
  assert.equal(group.confirmCount, 1);
  assert.deepEqual([pipeline.sequence, pipeline.bufferedCount, pipeline.counters.received], [
    0,
    0,
    0,
  ]);
  assert.deepEqual((await lake.session.checkpoint.read()).partitions, []);
  const { hashes } = hashesOf(["e0", "e1"], lake.session.checkpoint.idKey);
  assert.deepEqual([...await lake.session.checkpoint.seenAmong(hashes, 0)], [0, 0]);
  assert.deepEqual(group.acknowledged, []);
  assert.deepEqual(await strayFiles(lake.outDir), []);
  assert.deepEqual([await readLake(lake.outDir), await readDeadLetters(lake.outDir)], [[], []]);
});

Deno.test("the next offsets are acknowledged once, after the last file has its name", async () => {
  const order: (OperationLabel | "confirm" | "acknowledge")[] = [];
  const hooks = watchingHooks((label, side) => side === "after" ? order.push(label) : undefined);
  await using lake = await openLake({ hooks });
  const { pipeline } = lake.session;
  const group = new HeldGroup(() => order.push("acknowledge"));
  group.answer(true);
  pipeline.joinGroup(group);
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(5, 3)) });
  await pipeline.add({ topic: AT.topic, partition: 1, records: new RecordList([recordOf(null)]) });
  order.length = 0;
  await pipeline.commit("end");

  assert.equal(order.filter((label) => label === "acknowledge").length, 1);
  const acknowledged = order.indexOf("acknowledge");
  assert.ok(order.indexOf("publish:link") > order.indexOf("commit:end"));
  for (const label of ["commit:end", "publish:link", "publish:fsync", "publish:unlink"] as const) {
    assert.ok(order.includes(label) && order.lastIndexOf(label) < acknowledged, label);
  }
  const [first] = group.acknowledged;
  assert.equal(first?.sequence, 1);
  const offsets = first?.ranges.map(({ partition, nextOffset }) => [partition, nextOffset]);
  assert.deepEqual(offsets, [[0, 8n], [1, 1n]]);
});

Deno.test("records below the next offset are skipped, whether that one is committed or buffered", async () => {
  await using lake = await openLake();
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 4)) });
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(2, 4)) });
  assert.equal(pipeline.bufferedCount, 6);
  await pipeline.commit("end");
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 6)) });
  assert.equal(pipeline.bufferedCount, 0);
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(3, 5)) });
  await pipeline.commit("end");
  const { received, published, duplicate } = pipeline.counters;
  assert.deepEqual([received, published, duplicate], [8, 8, 0]);
  assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("partitions have next offsets of their own", async () => {
  await using lake = await openLake();
  const { pipeline } = lake.session;
  const other = { topic: AT.topic, partition: 1 };
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 4)) });
  await pipeline.add({
    ...other,
    records: new RecordList([eventRecord({ event_id: "o" }, { offset: 1n })]),
  });
  pipeline.noteHighWatermark(AT, 10n);
  pipeline.noteHighWatermark(other, 2n);
  const lags = () => pipeline.partitionMetrics().map(({ lag, unpublished }) => [lag, unpublished]);
  assert.deepEqual(lags(), [[6, 4], [0, 1]]);
  await pipeline.commit("end");
  assert.deepEqual([pipeline.nextOffset(AT), pipeline.nextOffset(other)], [4n, 2n]);
  assert.deepEqual(lags(), [[6, 0], [0, 0]]);
});

Deno.test("partitions that were given away have no metrics, until they are assigned again", async () => {
  await using lake = await openLake();
  const { pipeline } = lake.session;
  pipeline.noteHighWatermark(AT, 10n);
  pipeline.noteHighWatermark({ topic: AT.topic, partition: 1 }, 2n);
  pipeline.drop();
  assert.deepEqual(pipeline.partitionMetrics(), []);
  pipeline.noteHighWatermark(AT, 11n);
  assert.deepEqual(pipeline.partitionMetrics(), [{ ...AT, lag: 11, unpublished: 0 }]);
});

Deno.test("a latency commit that fails for good is told to onFailure, and its batch stays", async () => {
  for (const isTransient of [false, true]) {
    const failed = Promise.withResolvers<unknown>();
    let isBroken = true;
    const hooks = watchingHooks((label) => {
      if (!isBroken || label !== "stage:write") return;
      throw isTransient ? noSpace() : new Error("a defect of the test's disk");
    });
    await using lake = await openLake({
      hooks,
      onFailure: failed.resolve,
      limits: limits({ maxLatencyMs: 10 }),
    });
    const { pipeline } = lake.session;
    await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
    const error = await soon(failed.promise);
    assert.equal(error instanceof OrillaError && error.exitCode === 1, isTransient);
    assert.match(String(error), isTransient ? /after 5 tries.*no space left/ : /a defect of the/);
    assert.equal(pipeline.counters.retries.stage, isTransient ? 4 : 0);
    assert.deepEqual([pipeline.bufferedCount, pipeline.isCommitting], [2, false]);
    isBroken = false;
    await pipeline.commit("end");
    assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1]);
  }
});

for (
  const [operation, label] of [
    ["stage", "stage:fsync"],
    ["commit", "commit:write"],
    ["publish", "publish:link"],
  ] as const
) {
  Deno.test(`a failure of ${label} that passes is counted as a retry of ${operation}`, async () => {
    let failures = 0;
    const hooks = watchingHooks((failing, side) => {
      if (failing === label && side === "before" && ++failures <= 2) throw noSpace();
    });
    await using lake = await openLake({ hooks });
    const { pipeline } = lake.session;
    await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
    await pipeline.commit("end");
    const counted = Object.entries(pipeline.counters.retries).filter(([, count]) => count > 0);
    assert.deepEqual(counted, [[operation, 2]]);
    assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1]);
  });
}

Deno.test("a commit that fails rejects for whoever asked for it, and is not acknowledged", async () => {
  const hooks = watchingHooks((label) => {
    if (label === "publish:link") throw new Error("a defect of the test's disk");
  });
  await using lake = await openLake({ hooks });
  const { pipeline } = lake.session;
  const group = new HeldGroup();
  group.answer(true);
  pipeline.joinGroup(group);
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
  await assert.rejects(pipeline.commit("end"), /a defect of the test's disk/);
  assert.deepEqual(group.acknowledged, []);
  assert.equal(pipeline.nextOffset(AT), 2n);
});

Deno.test("what is counted while a commit is under way is part of the next one", async () => {
  await using lake = await openLake();
  const { pipeline, checkpoint } = lake.session;
  const group = new HeldGroup();
  pipeline.joinGroup(group);
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 1)) });
  const committing = pipeline.commit("end");
  await soon(group.asked);
  pipeline.noteRebalance();
  pipeline.noteRetry("fetch");
  group.answer(true);
  await committing;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(1, 1)) });
  await pipeline.commit("end");
  const { rebalances, retries } = (await checkpoint.read()).counters;
  assert.deepEqual([rebalances, retries.fetch], [1, 1]);
});

Deno.test("received is published, duplicate, rejected or buffered at every moment", async () => {
  let check = () => {};
  const hooks = watchingHooks((_label, side, path) => {
    // Inside a transaction the counters are about to change, with the buffer, in one turn.
    if (side === "before" && path !== "metrics.txt") check();
  });
  await using lake = await openLake({ hooks, limits: limits({ maxEvents: 4 }) });
  const { pipeline } = lake.session;
  pipeline.noteHighWatermark(AT, 100n);
  let fedCount = 0, checkCount = 0;
  check = () => {
    const { received, handled, unpublished } = conservation(lake.session);
    assert.deepEqual([received, handled], [fedCount, fedCount]);
    assert.equal(unpublished, pipeline.bufferedCount);
    checkCount++;
  };
  for (let i = 0; i < 30; i++) {
    const offset = BigInt(i);
    const isInvalid = i % 5 === 2;
    const record = isInvalid
      ? recordOf(bytesOf("{"), { offset })
      : eventRecord({ event_id: `e${i % 12}` }, { offset });
    fedCount++;
    await pipeline.add({ ...AT, records: new RecordList([record]) });
    check();
  }
  await pipeline.commit("end");
  check();
  assert.ok(checkCount > 100, "it was looked at in the midst of commits");
  const { published, duplicate } = pipeline.counters;
  assert.deepEqual([published, duplicate, conservation(lake.session).rejected], [12, 12, 6]);
});

/** What a run does after a commit that could not publish its file. */
const ENDINGS = {
  "an end in good order": async ({ session }: OpenLake) => {
    await Promise.allSettled([session.pipeline.commit("end")]);
    await Promise.allSettled([session.close()]);
  },
  "a further commit": async ({ session }: OpenLake) => {
    await Promise.allSettled([
      session.pipeline.add({ ...AT, records: new RecordList(eventRecords(1, 1)) }),
    ]);
    await Promise.allSettled([session.pipeline.commit("end")]);
  },
} as const;

for (const [name, end] of Object.entries(ENDINGS)) {
  Deno.test(`a file that a latency commit could not publish is not forgotten by ${name}`, async () => {
    const failed = Promise.withResolvers<unknown>();
    const publishing = Promise.withResolvers<void>();
    const hooks = watchingHooks((label, side, path) => {
      if (label !== "publish:link" || side !== "before" || !path.endsWith("0001.parquet")) return;
      publishing.resolve();
      throw new Error("a defect of the test's disk");
    });
    const latency = limits({ maxLatencyMs: 10 });
    await using lake = await openLake({ hooks, onFailure: failed.resolve, limits: latency });
    await lake.session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 1)) });
    await soon(publishing.promise);
    // The timer's commit is under way: nobody but onFailure is told that it fails.
    await end(lake);
    await soon(failed.promise);
    await lake.session[Symbol.asyncDispose]();
    await using again = await LakeSession.open(testSession(lake.outDir));
    await again.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 2)) });
    await again.pipeline.commit("end");
    assert.deepEqual(await publishedOffsets(lake.outDir), [0, 1]);
  });
}
