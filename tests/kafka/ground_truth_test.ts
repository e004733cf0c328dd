import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { scratchFolder, testSession } from "../crash/lake_run.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { compareWithTruth, generateRecords, GroundTruth, produce } from "./ground_truth.ts";
import { kafkaTest } from "./kafka_case.ts";
import { withAdmin } from "./topics.ts";

Deno.test("generateRecords() makes the same records for the same seed, in the shares that were asked for", () => {
  const records = [...generateRecords({ count: 50_000 })];
  assert.deepEqual(records, [...generateRecords({ count: 50_000 })]);
  assert.notDeepEqual(records[0], [...generateRecords({ count: 1, seed: 2 })][0]);
  const truth = GroundTruth.of(records);
  assert.equal(truth.recordCount, 50_000);
  assert.equal(truth.ids.size + truth.duplicateCount + truth.invalid.size, 50_000);
  assert.deepEqual([...truth.dates.keys()].sort(), ["2026-11-23", "2026-11-24", "2026-11-25"]);
  assert.equal(truth.invalidCounts.size, 5);
  const isNear = (actual: number, ratio: number) => Math.abs(actual / 50_000 - ratio) < ratio / 5;
  assert.ok(isNear(truth.duplicateCount, 0.01), `${truth.duplicateCount} duplicates`);
  assert.ok(isNear(truth.invalid.size, 0.005), `${truth.invalid.size} invalid`);
  assert.ok(isNear(truth.unknownFieldCount, 0.005), `${truth.unknownFieldCount} unknown fields`);
});

Deno.test("generateRecords() repeats the same bytes within 9,999 records", () => {
  const originals = new Map<string, { readonly position: number; readonly value: string }>();
  let repeatCount = 0, position = 0;
  for (const { key, value, truth } of generateRecords({ count: 30_000, duplicateRatio: 0.3 })) {
    const original = originals.get(key);
    assert.equal(truth.kind === "duplicate", original !== undefined);
    if (original === undefined) originals.set(key, { position, value });
    else {
      repeatCount++;
      assert.equal(value, original.value);
      assert.ok(position - original.position <= 9_999);
    }
    position++;
  }
  assert.equal(position, 30_000);
  assert.ok(repeatCount > 6_000, `${repeatCount} duplicates`);
});

Deno.test("compareWithTruth() finds an exact lake exact, and names what was lost, repeated or moved", async () => {
  const records = [...generateRecords({ count: 2_000, invalidRatio: 0.02 })];
  const truth = GroundTruth.of(records);
  const outDir = await scratchFolder();
  try {
    await fillLake(outDir, records);
    assert.deepEqual(await compareWithTruth(outDir, truth), []);
    const date = `${outDir}/date=2026-11-23`;
    const names = (await Array.fromAsync(Deno.readDir(date))).map(({ name }) => name).sort();
    const file = `${date}/${names[0]}`;
    await Deno.copyFile(file, `${date}/events_again.parquet`);
    await assertDifference(outDir, truth, /event ids stand more than once: e\d+/);
    await Deno.remove(`${date}/events_again.parquet`);
    await Deno.rename(file, `${outDir}/date=2026-11-24/events_moved.parquet`);
    await assertDifference(outDir, truth, /rows lie in the folder of another date/);
    await Deno.remove(`${outDir}/date=2026-11-24/events_moved.parquet`);
    await assertDifference(outDir, truth, /event ids are missing: e\d+/);
    await Deno.remove(`${outDir}/_dead_letters`, { recursive: true });
    await assertDifference(outDir, truth, /dead letters are missing: e\d+/);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
});

kafkaTest("produce() sends every record, each key to one partition", async () => {
  await using broker = await startBroker();
  const topic = uniqueName("truth");
  await broker.createTopic(topic, 4);
  const truth = await produce(generateRecords({ count: 20_000 }), {
    bootstrap: broker.bootstrap,
    topic,
  });
  assert.equal(truth.recordCount, 20_000);
  const ends = await withAdmin(broker.bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  const counts = ends.map(({ high }) => Number(high));
  assert.equal(counts.reduce((sum, count) => sum + count, 0), 20_000);
  assert.ok(counts.every((count) => count > 4_000), `partitions hold ${counts.join(", ")}`);
});

/** Takes records into a lake by orilla's own pipeline, as one partition. */
async function fillLake(
  outDir: string,
  records: readonly { readonly key: string; readonly value: string }[],
): Promise<void> {
  const encoder = new TextEncoder();
  const run = records.map(({ key, value }, i) => ({
    offset: BigInt(i),
    timestampMs: 1_795_000_000_000,
    key: encoder.encode(key),
    value: encoder.encode(value),
    headers: [],
  }));
  await using session = await LakeSession.open(testSession(outDir));
  await session.pipeline.add({ topic: "truth", partition: 0, records: new RecordList(run) });
  await session.pipeline.commit("end");
  await session.close();
}

async function assertDifference(
  outDir: string,
  truth: GroundTruth,
  expected: RegExp,
): Promise<void> {
  const found = await compareWithTruth(outDir, truth);
  assert.ok(found.some((line) => expected.test(line)), `no ${expected} in ${found.join("\n")}`);
}
