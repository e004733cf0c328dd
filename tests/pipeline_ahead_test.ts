import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import type { Encoder } from "../src/lake/encoder.ts";
import { encoderHere } from "../src/lake/encoder_server.ts";
import type { OperationLabel } from "../src/runtime/operations.ts";
import { readLake, strayFiles } from "./lake_reader.ts";
import {
  AT,
  eventRecords,
  HeldGroup,
  limits,
  type OpenLake,
  openLake,
  soon,
  watchingHooks,
} from "./pipeline_parts.ts";

const AHEAD = limits({ maxEvents: 2, isAhead: true });

/** Feeds two full batches and an event, and commits all of it. */
async function commitAll({ session: { pipeline } }: OpenLake): Promise<void> {
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 5)) });
  await pipeline.commit("end");
}

/** Counts the operations that were done, and tells when each of some was done so many times. */
function countingHooks(awaited: Partial<Record<OperationLabel, number>>) {
  const counts = new Map<string, number>();
  const reached = Promise.withResolvers<void>();
  const hooks = watchingHooks((label, side) => {
    if (side !== "after") return;
    const count = (counts.get(label) ?? 0) + 1;
    counts.set(label, count);
    const isReached = Object.entries(awaited).every(([label, n]) => (counts.get(label) ?? 0) >= n);
    if (isReached) reached.resolve();
  });
  return { hooks, reached: reached.promise, countOf: (label: string) => counts.get(label) ?? 0 };
}

Deno.test("working ahead, a batch is staged while the one before it is finished, and committed after that", async () => {
  const { hooks, reached, countOf } = countingHooks({ "stage:folder": 2, "publish:link": 1 });
  const group = new HeldGroup(), finish = Promise.withResolvers<void>();
  group.answer(true);
  group.acknowledge = () => finish.promise;
  await using lake = await openLake({ hooks, limits: AHEAD });
  lake.session.pipeline.joinGroup(group);
  const committed = commitAll(lake);
  await soon(reached);
  // The first one's transaction and publication, and nothing of the second one's.
  assert.deepEqual([countOf("commit:end"), countOf("publish:link")], [1, 1]);
  assert.equal(lake.session.pipeline.isCommitting, true);
  finish.resolve();
  await soon(committed);
  assert.equal(countOf("commit:end"), 3);
  assert.equal((await readLake(lake.outDir)).length, 5);
});

Deno.test("working ahead, no batch is committed behind one that could not be published", async () => {
  let isBroken = true;
  const failures: unknown[] = [];
  const hooks = watchingHooks((label) => {
    if (isBroken && label === "publish:link") throw new Error("a defect of the test's disk");
  });
  const onFailure = (error: unknown) => void failures.push(error);
  await using lake = await openLake({ hooks, onFailure, limits: AHEAD });
  await assert.rejects(commitAll(lake), /a defect of the test's disk/);
  isBroken = false;
  assert.equal(lake.session.pipeline.nextOffset(AT), 2n);
  await assert.rejects(lake.session.pipeline.commit("end"), /a defect of the test's disk/);
  assert.ok(failures.length > 0, "whoever ends the run is told");
  assert.deepEqual(await readLake(lake.outDir), []);
});

Deno.test("working ahead, an id of the batch that is being committed is a duplicate in the next one", async () => {
  const group = new HeldGroup();
  await using lake = await openLake({ limits: AHEAD });
  lake.session.pipeline.joinGroup(group);
  const [one, two, , , five] = eventRecords(0, 5);
  const again = eventRecords(1, 1).map((record) => ({ ...record, offset: 2n }));
  const fresh = eventRecords(3, 1);
  assert.ok(one && two && five);
  const records = new RecordList([one, two, ...again, ...fresh, five]);
  const added = lake.session.pipeline.add({ ...AT, records });
  await soon(group.asked);
  // The next batch is full, and the checkpoint has been asked for its ids.
  await new Promise((resolve) => setTimeout(resolve, 20));
  group.answer(true);
  await soon(added);
  await lake.session.pipeline.commit("end");
  assert.equal((await readLake(lake.outDir)).length, 4);
  assert.equal(lake.session.pipeline.counters.duplicate, 1);
});

/** An encoder that counts the batches that it holds. */
function countingEncoder(): { readonly encoder: Encoder; readonly held: () => number } {
  const here = encoderHere();
  let held = 0;
  const take: Encoder["take"] = async (batch, how) => {
    held++;
    const encoding = await here.take(batch, how);
    return Object.assign(encoding, { [Symbol.dispose]: () => void held-- });
  };
  return { encoder: { ...here, take }, held: () => held };
}

Deno.test("working ahead, the encoder has the next full batch already, and gives it up when it is dropped", async () => {
  const { encoder, held } = countingEncoder();
  const group = new HeldGroup();
  await using lake = await openLake({ encoder, limits: AHEAD });
  const { pipeline } = lake.session;
  pipeline.joinGroup(group);
  let isCurrent = true;
  const added = pipeline.add(
    { ...AT, records: new RecordList(eventRecords(0, 5)) },
    () => isCurrent,
  );
  await soon(group.asked);
  assert.equal(held(), 2);
  isCurrent = false;
  pipeline.drop();
  group.answer(true);
  assert.equal(await soon(added), false);
  await pipeline.settle();
  assert.equal(held(), 0);
  // What comes next is taken in anew.
  await commitAll(lake);
  assert.deepEqual([held(), (await readLake(lake.outDir)).length], [0, 5]);
  assert.deepEqual(await strayFiles(lake.outDir), []);
});
