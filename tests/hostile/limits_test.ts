import assert from "node:assert/strict";
import { OPTION_ROWS } from "../../src/config.ts";
import { MAX_KEPT_BYTES } from "../../src/core/record.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { bytesOf, eventRecord, eventText, recordOf } from "../core/samples.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { AT, limits, openLake } from "../pipeline_parts.ts";

Deno.test("a batch is committed before a record that would bring it over the most bytes", async () => {
  const record = (offset: number, length: number) =>
    recordOf(new Uint8Array(length), { offset: BigInt(offset) });
  await using lake = await openLake({ limits: limits({ maxBytes: 100 }) });
  const { pipeline } = lake.session;
  await pipeline.add({
    ...AT,
    records: new RecordList([record(0, 60), record(1, 41), record(2, 500)]),
  });
  const seen = lake.reports.map(({ trigger, receivedCount }) => [trigger, receivedCount]);
  assert.deepEqual(seen, [["bytes", 1], ["bytes", 1], ["bytes", 1]]);
  const letters = await readDeadLetters(lake.outDir);
  assert.deepEqual(letters.map(({ value }) => value?.length), [60, 41, 500]);
});

Deno.test("headers count as bytes of a batch", async () => {
  await using lake = await openLake({ limits: limits({ maxBytes: 100 }) });
  const headers = [{ name: "n".repeat(40), value: new Uint8Array(60) }, { name: "", value: null }];
  await lake.session.pipeline.add({
    ...AT,
    records: new RecordList([recordOf(null, { headers })]),
  });
  assert.equal(lake.reports[0]?.trigger, "bytes");
});

Deno.test("a batch is committed when its events have more dates than it may", async () => {
  await using lake = await openLake({ limits: limits({ maxDates: 2 }) });
  const { pipeline } = lake.session;
  const days = [1, 2, 2, 1, 3, 3, 3, 4, 5];
  const records = days.map((day, i) =>
    eventRecord({ event_id: `e${i}`, ts: `2026-11-0${day}` }, { offset: BigInt(i) })
  );
  await pipeline.add({ ...AT, records: new RecordList(records) });
  await pipeline.commit("end");
  const seen = lake.reports.map(({ trigger, receivedCount, files }) =>
    [trigger, receivedCount, files.length].join(" ")
  );
  assert.deepEqual(seen, ["dates 5 3", "dates 4 3"]);
  assert.equal(pipeline.counters.files.dates, 6);
});

Deno.test("a record larger than MAX_RECORD_BYTES becomes a dead letter with all its bytes", async () => {
  const maxRecordBytes = bytesOf(eventText()).length;
  await using lake = await openLake({ limits: limits({ maxRecordBytes }) });
  const long = eventText({ event_id: "e2", more: 1 });
  const { pipeline } = lake.session;
  await pipeline.add({
    ...AT,
    records: new RecordList([
      eventRecord(),
      recordOf(bytesOf(long), { offset: 1n }),
      eventRecord({ event_id: "e3" }, { offset: 2n, key: bytesOf("k") }),
    ]),
  });
  await pipeline.commit("end");
  assert.deepEqual((await readLake(lake.outDir)).map(({ event_id }) => event_id), ["e1"]);
  const letters = await readDeadLetters(lake.outDir);
  assert.deepEqual(letters.map(({ reason, event_id }) => [reason, event_id]), [
    ["too_large", null],
    ["too_large", null],
  ]);
  assert.deepEqual(letters[0]?.value, bytesOf(long));
});

Deno.test("a record that no dead letter can hold stops the pipeline, and is not skipped", async () => {
  await using lake = await openLake({ limits: limits({}) });
  const { pipeline } = lake.session;
  const value = new Uint8Array(MAX_KEPT_BYTES + 1);
  await assert.rejects(
    pipeline.add({
      ...AT,
      records: new RecordList([eventRecord(), recordOf(value, { offset: 1n })]),
    }),
    { exitCode: 4, message: /offset 1 of feed\/0 .* offset to 2 and start with --allow-gaps/ },
  );
  await pipeline.commit("end");
  assert.equal(pipeline.nextOffset(AT), 1n);
});

Deno.test("no batch can outgrow Arrow's 32-bit offsets or V8's longest text", () => {
  for (const name of ["batchMaxBytes", "maxRecordBytes"]) {
    const row = OPTION_ROWS.find(([key]) => key === name)?.[1];
    assert.equal(row?.parse(String(MAX_KEPT_BYTES)), MAX_KEPT_BYTES, name);
    assert.throws(() => row?.parse(String(MAX_KEPT_BYTES + 1)), name);
  }
  // A batch has at most BATCH_MAX_BYTES, or one record of at most MAX_KEPT_BYTES.
  const maxArrowBytes = 2 ** 31 - 1, maxTextUnits = 2 ** 29 - 24;
  assert.ok(MAX_KEPT_BYTES <= maxTextUnits && MAX_KEPT_BYTES <= maxArrowBytes);
  // TextColumn makes room for 3 bytes a unit, and doubles.
  assert.ok(2 * 3 * MAX_KEPT_BYTES <= maxArrowBytes);
});
