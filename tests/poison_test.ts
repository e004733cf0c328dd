import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { RecordList } from "../src/core/record_list.ts";
import type { RawRecord } from "../src/core/record.ts";
import { OrillaError } from "../src/core/errors.ts";
import { tableFromIPC } from "apache-arrow";
import type { TableEncoder } from "../src/lake/encoder.ts";
import { encoderHere, encodeTable } from "../src/lake/encoder_server.ts";
import { refusing } from "./refusing_encoder.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { hashesOf } from "./checkpoint/commits.ts";
import { bytesOf, eventRecord, eventText, recordOf } from "./core/samples.ts";
import { testSession } from "./crash/lake_run.ts";
import { readDeadLetters, readLake, strayFiles } from "./lake_reader.ts";
import {
  AT,
  conservation,
  eventRecords,
  limits,
  noSpace,
  type OpenLake,
  openLake,
  watchingHooks,
} from "./pipeline_parts.ts";

function ids(rows: readonly { readonly event_id: string | null }[]): string[] {
  return rows.map(({ event_id }) => String(event_id)).sort();
}

/** received = published + duplicate + rejected, in the counters, the checkpoint and the lake. */
async function assertCloses({ session, outDir }: OpenLake, received: number): Promise<void> {
  const { counters } = session.pipeline;
  const { received: exported, handled, rejected } = conservation(session);
  assert.deepEqual([exported, handled], [received, received]);
  assert.deepEqual((await session.checkpoint.read()).counters.rejected, counters.rejected);
  const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
  assert.deepEqual([rows.length, letters.length], [counters.published, rejected]);
  assert.deepEqual(await strayFiles(outDir), []);
}

const POISONED = new Set(["e3", "e4", "e9"]);

Deno.test("events that the encoder cannot take become dead letters, the others rows, in one commit", async () => {
  const { encoder } = refusing((id) => POISONED.has(id));
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  const headers = [{ name: "h", value: bytesOf("v") }];
  const records = Array.from({ length: 20 }, (_, i): RawRecord => {
    const text = eventText({ event_id: `e${i}`, ts: `2026-11-2${i % 3}`, ...(i % 2 && { n: i }) });
    return recordOf(bytesOf(` ${text}`), { offset: BigInt(i), key: bytesOf(`k${i}`), headers });
  });
  await pipeline.add({ ...AT, records: new RecordList(records.slice(0, 7)) });
  await pipeline.add({ ...AT, records: new RecordList(records.slice(7)) });
  await pipeline.commit("end");

  assert.equal(lake.reports.length, 1);
  const { receivedCount, publishedCount, rejectedCount, files } = lake.reports[0] ?? {};
  assert.deepEqual([receivedCount, publishedCount, rejectedCount, files?.length], [20, 17, 3, 4]);
  const rows = await readLake(lake.outDir);
  assert.deepEqual(
    ids(rows),
    Array.from({ length: 20 }, (_, i) => `e${i}`).filter((id) => !POISONED.has(id)).sort(),
  );
  for (const { event_id, date, extra, kafka_offset } of rows) {
    const i = Number(event_id.slice(1));
    assert.deepEqual([date, extra, kafka_offset], [
      `2026-11-2${i % 3}`,
      i % 2 ? `{"n":${i}}` : null,
      BigInt(i),
    ]);
  }
  for (const letter of await readDeadLetters(lake.outDir)) {
    const record = records[Number(letter.offset)];
    assert.equal(letter.event_id, `e${letter.offset}`);
    assert.deepEqual([letter.reason, letter.path], ["not_encodable", null]);
    assert.deepEqual([letter.value, letter.key], [record?.value, record?.key]);
    assert.deepEqual(letter.headers, headers);
  }
  assert.equal(pipeline.counters.rejected["not_encodable"], 3);
  assert.equal(pipeline.nextOffset(AT), 20n);
  await assertCloses(lake, 20);
});

Deno.test("an event that cannot be written leaves its id unseen: an equal one later is fresh", async () => {
  let isBroken = true;
  const { encoder } = refusing((id) => isBroken && id === "e1");
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 3)) });
  await pipeline.commit("end");
  isBroken = false;
  await pipeline.add({
    ...AT,
    records: new RecordList([eventRecord({ event_id: "e1" }, { offset: 3n })]),
  });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readLake(lake.outDir)), ["e0", "e1", "e2"]);
  await assertCloses(lake, 4);
});

Deno.test("what was a duplicate of an event that cannot be written is judged by itself", async () => {
  const { encoder } = refusing((id) => id === "e1");
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  const again = eventRecord({ event_id: "e1" }, { offset: 3n });
  await pipeline.add({ ...AT, records: new RecordList([...eventRecords(0, 3), again]) });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), ["e1", "e1"]);
  assert.equal(pipeline.counters.duplicate, 0);
  await assertCloses(lake, 4);
});

Deno.test("an encoder that takes everything is asked once for each file", async () => {
  const { encoder, seen } = refusing(() => false);
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  await pipeline.add({
    ...AT,
    records: new RecordList([...eventRecords(0, 5), recordOf(null, { offset: 5n })]),
  });
  await pipeline.commit("end");
  assert.equal(seen.calls, 2);
});

for (const count of [2, 30]) {
  Deno.test(`an encoder that fails on each of ${count} events is exit 1, and nothing is dead-lettered`, async () => {
    const { encoder } = refusing(() => true);
    await using lake = await openLake({ encoder });
    const { pipeline } = lake.session;
    await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, count)) });
    await assert.rejects(pipeline.commit("end"), (error) => {
      assert.ok(error instanceof OrillaError && error.exitCode === 1);
      assert.match(error.message, /the reason is not in the data.*Nothing is lost/);
      return true;
    });
    assert.equal(pipeline.sequence, 0);
    assert.deepEqual(await readDeadLetters(lake.outDir), []);
    assert.equal(conservation(lake.session).received, conservation(lake.session).handled);
  });
}

Deno.test("many events that fail, each of them, are not taken for poison even if a sound one passes", async () => {
  const { encoder } = refusing((id) => id.startsWith("e"));
  await using lake = await openLake({ encoder });
  await lake.session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 30)) });
  await assert.rejects(lake.session.pipeline.commit("end"), /Not one of 30 events/);
  assert.deepEqual(await readDeadLetters(lake.outDir), []);
});

Deno.test("a batch of one event that cannot be written does not block: a sound one tells that it is the data", async () => {
  const { encoder } = refusing((id) => id === "e0");
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 1)) });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), ["e0"]);
  await assertCloses(lake, 1);
});

Deno.test("events that fail together and not alone are exit 1 with advice, and nothing is dead-lettered", async () => {
  const encode: TableEncoder = (table) =>
    tableFromIPC(table.stream).numRows > 4
      ? Promise.reject(new RangeError("memory"))
      : encodeTable(table);
  const encoder = encoderHere(encode);
  await using lake = await openLake({ encoder });
  await lake.session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 20)) });
  await assert.rejects(lake.session.pipeline.commit("end"), /lower --batch-max-events/);
  assert.deepEqual(await readDeadLetters(lake.outDir), []);
});

Deno.test("a disk that is full while poison is set aside is waited for, and not taken for poison", async () => {
  const { encoder } = refusing((id) => id === "e2");
  let failures = 0;
  const hooks = watchingHooks((label, side, path) => {
    const isLetters = path.includes("dead_letters");
    if (label === "stage:write" && side === "before" && isLetters && ++failures <= 3) {
      throw noSpace();
    }
  });
  await using lake = await openLake({ encoder, hooks });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 5)) });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), ["e2"]);
  assert.equal(pipeline.counters.retries.stage, 3);
  await assertCloses(lake, 5);
});

Deno.test("an event whose id the checkpoint cannot take becomes a dead letter, the others rows", async () => {
  await using lake = await openLake();
  const { pipeline } = lake.session;
  using database = new DatabaseSync(`${lake.outDir}/checkpoint.sqlite`);
  const { hashes } = hashesOf(["e2"], lake.session.checkpoint.idKey);
  const hex = new Uint8Array(hashes.slice().buffer).toHex();
  database.exec(
    `CREATE TRIGGER poison BEFORE INSERT ON seen_chunks WHEN instr(NEW.hashes, x'${hex}') > 0
     BEGIN SELECT RAISE(ABORT, 'the test''s table cannot take it'); END`,
  );
  const onItsOwnDate = eventRecord({ event_id: "e2", ts: "2001-01-01" }, { offset: 2n });
  const records = [...eventRecords(0, 2), onItsOwnDate, ...eventRecords(3, 4)];
  await pipeline.add({ ...AT, records: new RecordList(records) });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), ["e2"]);
  assert.deepEqual(ids(await readLake(lake.outDir)), ["e0", "e1", "e3", "e4", "e5", "e6"]);
  assert.equal(lake.session.checkpoint.seenIdCount, 6);
  await assertCloses(lake, 7);
});

Deno.test("a transaction that fails whatever it writes is passed on as it is, and nothing is dead-lettered", async () => {
  const hooks = watchingHooks((label) => {
    if (label === "commit:write") throw new Error("a defect of the test's checkpoint");
  });
  await using lake = await openLake({ hooks });
  await lake.session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 4)) });
  const failing = lake.session.pipeline.commit("end");
  await assert.rejects(failing, /^Error: a defect of the test's checkpoint$/);
  assert.deepEqual(await readDeadLetters(lake.outDir), []);
});

Deno.test("poison of many batches and dates comes out exact after a stop in the midst of it", async () => {
  const isPoison = (id: string) => Number(id.slice(1)) % 13 === 5;
  const { encoder } = refusing(isPoison);
  const records = Array.from(
    { length: 200 },
    (_, i) =>
      eventRecord({ event_id: `e${i}`, ts: `2026-11-${10 + i % 7}` }, { offset: BigInt(i) }),
  );
  await using lake = await openLake({ encoder, limits: limits({ maxEvents: 30 }) });
  await lake.session.pipeline.add({ ...AT, records: new RecordList(records.slice(0, 100)) });
  await lake.session[Symbol.asyncDispose]();
  await using session = await LakeSession.open(
    testSession(lake.outDir, { encoder, limits: limits({ maxEvents: 30 }) }),
  );
  const next = Number(session.pipeline.nextOffset(AT));
  assert.equal(next, 90);
  await session.pipeline.add({ ...AT, records: new RecordList(records.slice(next)) });
  await session.pipeline.commit("end");
  await session.close();
  const all = records.map((_, i) => `e${i}`).sort();
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), all.filter(isPoison));
  assert.deepEqual(ids(await readLake(lake.outDir)), all.filter((id) => !isPoison(id)));
});

Deno.test("a batch that is dropped while its poison is looked for leaves nothing behind, and can be fed again", async () => {
  let drop = () => {};
  const { encoder } = refusing((id) => {
    if (id === "e2") drop();
    return id === "e2";
  });
  await using lake = await openLake({ encoder });
  const { pipeline } = lake.session;
  drop = () => pipeline.drop();
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 5)) });
  await pipeline.commit("end");
  assert.deepEqual([pipeline.sequence, await strayFiles(lake.outDir)], [0, []]);
  drop = () => {};
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 5)) });
  await pipeline.commit("end");
  assert.deepEqual(ids(await readDeadLetters(lake.outDir)), ["e2"]);
  await assertCloses(lake, 5);
});
