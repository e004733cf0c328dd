import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import { OrillaError } from "../src/core/errors.ts";
import type { RawRecord } from "../src/core/record.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { bytesOf, eventRecord, recordOf } from "./core/samples.ts";
import { testSession } from "./crash/lake_run.ts";
import { readDeadLetters, readLake } from "./lake_reader.ts";
import { runOrilla } from "./orilla_process.ts";
import { AT, eventRecords, limits, openLake, soon } from "./pipeline_parts.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

/** Records at running offsets of which each `every`-th is not JSON. */
function mixedRecords(first: number, count: number, every: number): RawRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const offset = BigInt(first + i);
    return i % every === every - 1
      ? recordOf(bytesOf("{"), { offset })
      : eventRecord({ event_id: `e${first + i}` }, { offset });
  });
}

const TENTH = { ratioMax: 0.1, windowSize: 100 };

function isStop(error: unknown): true {
  assert.ok(error instanceof OrillaError && error.exitCode === 1, String(error));
  assert.match(
    error.message,
    /^11 of the last \d+ records were rejected \(11 not_json\): more than the 10/,
  );
  assert.match(error.message, /nothing is lost.*Fix the producer.*higher --reject-ratio-max/);
  return true;
}

Deno.test("a run stops at the first record too many, and the batch with it is not committed", async () => {
  await using lake = await openLake({ rejectLimit: TENTH, limits: limits({ maxEvents: 50 }) });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 100)) });
  await assert.rejects(
    pipeline.add({ ...AT, records: new RecordList(mixedRecords(100, 80, 2)) }),
    isStop,
  );
  assert.equal(pipeline.nextOffset(AT), 100n);
  await assert.rejects(pipeline.commit("end"), isStop);
  await assert.rejects(lake.session.close(), isStop);
  assert.equal((await readLake(lake.outDir)).length, 100);
  assert.deepEqual(await readDeadLetters(lake.outDir), []);
});

Deno.test("the latency timer does not commit a batch that stopped the run", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using lake = await openLake({
    rejectLimit: TENTH,
    limits: limits({ maxLatencyMs: 20 }),
    onFailure: failed.resolve,
  });
  const { pipeline } = lake.session;
  await assert.rejects(
    pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 30, 2)) }),
    isStop,
  );
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual([pipeline.sequence, lake.reports.length], [0, 0]);
});

Deno.test("as many rejected records as the limit allows go through, over any number of windows", async () => {
  await using lake = await openLake({ rejectLimit: TENTH, limits: limits({ maxEvents: 70 }) });
  const { pipeline } = lake.session;
  await pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 1_000, 10)) });
  await pipeline.commit("end");
  assert.equal((await readDeadLetters(lake.outDir)).length, 100);
});

Deno.test("after a restart it stops again while the data is bad, and goes on once it is good", async () => {
  const overrides = { rejectLimit: TENTH, limits: limits({ maxEvents: 25 }) };
  await using lake = await openLake(overrides);
  await assert.rejects(
    lake.session.pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 100, 2)) }),
    isStop,
  );
  const next = Number(lake.session.pipeline.nextOffset(AT) ?? 0n);
  assert.equal(next, 0, "the first batch would have had 12 rejected records");
  await lake.session[Symbol.asyncDispose]();

  for (let start = 0; start < 5; start++) {
    await using again = await LakeSession.open(testSession(lake.outDir, overrides));
    await assert.rejects(
      again.pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 100, 2)) }),
      isStop,
    );
  }
  assert.deepEqual(await readDeadLetters(lake.outDir), [], "the disk does not fill");
  await using good = await LakeSession.open(testSession(lake.outDir, overrides));
  await good.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 200)) });
  await good.close();
  assert.equal((await readLake(lake.outDir)).length, 200);
});

Deno.test("what earlier commits rejected counts after a restart, until good records push it out", async () => {
  const overrides = { rejectLimit: TENTH, limits: limits({ maxEvents: 10 }) };
  await using lake = await openLake(overrides);
  await lake.session.pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 40, 4)) });
  await lake.session[Symbol.asyncDispose]();
  {
    await using again = await LakeSession.open(testSession(lake.outDir, overrides));
    const bad = again.pipeline.add({ ...AT, records: new RecordList(mixedRecords(40, 10, 1)) });
    await assert.rejects(
      bad,
      /\(\d+ (before this start|not_json), \d+ (before this start|not_json)\)/,
    );
  }
  await using good = await LakeSession.open(testSession(lake.outDir, overrides));
  await good.pipeline.add({ ...AT, records: new RecordList(eventRecords(40, 100)) });
  await good.pipeline.add({ ...AT, records: new RecordList(mixedRecords(140, 10, 1)) });
  await good.close();
  assert.equal((await readDeadLetters(lake.outDir)).length, 20);
});

Deno.test("records that come again after a rebalance are not counted twice", async () => {
  await using lake = await openLake({ rejectLimit: TENTH });
  const { pipeline } = lake.session;
  for (let times = 0; times < 5; times++) {
    await pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 20, 2)) });
    pipeline.drop();
  }
  await soon(pipeline.add({ ...AT, records: new RecordList(mixedRecords(0, 20, 2)) }));
  await pipeline.commit("end");
  assert.equal((await readDeadLetters(lake.outDir)).length, 10);
});

Deno.test("simulate --reject-ratio-max stops with exit 1, the most frequent reasons and what to do", async () => {
  await using folder = await temporaryFolder();
  const args = ["simulate", "--out-dir", folder.path, "--count", "2000", "--invalid-ratio", "0.5"];
  const limit = ["--reject-ratio-max", "0.2", "--reject-window", "1000"];
  const stopped = await runOrilla([...args, ...limit]);
  assert.equal(stopped.code, 1, stopped.stderr);
  assert.match(
    stopped.stderr,
    /orilla: 201 of the last \d+ records were rejected \(\d+ [a-z_0-9]+, /,
  );
  assert.deepEqual(await readDeadLetters(folder.path), []);
  const letThrough = await runOrilla([...args, "--reject-ratio-max", "1"]);
  assert.equal(letThrough.code, 0, letThrough.stderr);
  assert.ok((await readDeadLetters(folder.path)).length > 800);
});
