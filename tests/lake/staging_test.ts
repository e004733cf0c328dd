import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { parquetMetadata } from "hyparquet";
import { Batch } from "../../src/core/batch.ts";
import { STAGING_FOLDER } from "../../src/core/lake_path.ts";
import { prepareStaging } from "../../src/lake/staging.ts";
import { batchOfEvents, eventRecord, HERE, ingestRecord, recordOf } from "../core/samples.ts";
import { readParquetFile } from "../lake_reader.ts";
import { InjectedFailure } from "../runtime/recording_hooks.ts";
import { emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

/** Two events of different dates, and a record that is rejected. */
function mixedBatch(): Batch {
  const batch = batchOfEvents([
    { ts: "2026-11-24T10:00:00Z" },
    { ts: "2026-11-23T01:00:00.000001Z" },
    { ts: "2026-11-23T00:00:00Z" },
  ]);
  ingestRecord(batch, HERE, recordOf(null, { offset: 3n }));
  return batch;
}

Deno.test("stage() writes a file for each lake partition, and one for the dead letters", async () => {
  await using lake = await emptyLake();
  const staged = await stageBatch(lake, mixedBatch(), { sequence: 7 });
  const name = "20261125T101500123Z_3f9c1a0b77d2_0000000007.parquet";
  assert.deepEqual(staged.map(({ kind, rowCount, finalPath }) => [kind, rowCount, finalPath]), [
    ["events", 2, `date=2026-11-23/events_${name}`],
    ["events", 1, `date=2026-11-24/events_${name}`],
    ["dead_letters", 1, `_dead_letters/date=2026-11-25/dead_letters_${name}`],
  ]);
  assert.deepEqual(
    await lake.files.list(STAGING_FOLDER),
    staged.map(({ stagedPath }) => stagedPath.slice(STAGING_FOLDER.length + 1)).toSorted(),
  );
  assert.deepEqual(await lake.files.list("."), [STAGING_FOLDER]);
});

Deno.test("stage() tells each file's size, checksum and bounds of time", async () => {
  await using lake = await emptyLake();
  const staged = await stageBatch(lake, mixedBatch());
  for (const { stagedPath, bytes, checksum } of staged) {
    const content = await lake.files.read(stagedPath);
    assert.equal(content.length, bytes);
    assert.equal(createHash("sha256").update(content).digest("hex"), checksum);
  }
  const midnight = BigInt(Date.parse("2026-11-23")) * 1000n;
  const at = BigInt(STAGED_AT_MS) * 1000n;
  const ten = BigInt(Date.parse("2026-11-24T10:00:00Z")) * 1000n;
  assert.deepEqual(
    staged.map((
      { minTsMicroseconds, maxTsMicroseconds },
    ) => [minTsMicroseconds, maxTsMicroseconds]),
    [[midnight, midnight + 3_600_000_001n], [ten, ten], [at, at]],
  );
});

Deno.test("stage() writes each file's version, instance, commit and offset ranges into it", async () => {
  await using lake = await emptyLake();
  const batch = mixedBatch();
  ingestRecord(batch, { topic: "events", partition: 1 }, eventRecord({}, { offset: 2n ** 60n }));
  const staged = await stageBatch(lake, batch, { sequence: 7 });
  assert.equal(staged.length, 3);
  for (const { stagedPath } of staged) {
    const { key_value_metadata } = parquetMetadata((await lake.files.read(stagedPath)).buffer);
    const metadata = new Map(key_value_metadata?.map(({ key, value }) => [key, value]));
    assert.equal(metadata.get("orilla.version"), "1.2.3");
    assert.equal(metadata.get("orilla.instance"), "3f9c1a0b77d2");
    assert.equal(metadata.get("orilla.sequence"), "7");
    const ranges = JSON.parse(metadata.get("orilla.offset_ranges") ?? "");
    assert.deepEqual(ranges, [
      {
        ...HERE,
        firstOffset: "0",
        nextOffset: "4",
        publishedCount: 3,
        duplicateCount: 0,
        rejectedCount: 1,
      },
      {
        topic: "events",
        partition: 1,
        firstOffset: "1152921504606846976",
        nextOffset: "1152921504606846977",
        publishedCount: 1,
        duplicateCount: 0,
        rejectedCount: 0,
      },
    ]);
  }
});

Deno.test("stage() writes only the fresh rows", async () => {
  await using lake = await emptyLake();
  const batch = batchOfEvents(["a", "b", "c"].map((event_id) => ({ event_id })));
  const [file] = await stageBatch(lake, batch, { isDuplicate: (row) => row === 1 });
  const rows = await readParquetFile(`${lake.outDir}/${file?.stagedPath}`);
  assert.deepEqual(rows.map(({ event_id }) => event_id), ["a", "c"]);
});

Deno.test("stage() writes nothing where all rows are duplicates", async () => {
  await using lake = await emptyLake();
  const batch = batchOfEvents([{}]);
  assert.deepEqual(await stageBatch(lake, batch, { isDuplicate: () => true }), []);
  assert.deepEqual(await lake.files.list(STAGING_FOLDER), []);
});

Deno.test("stage() makes every file durable, then their names", async () => {
  await using lake = await emptyLake();
  lake.hooks.done.length = 0;
  const staged = await stageBatch(lake, mixedBatch());
  const { done } = lake.hooks;
  const ofFiles = staged.flatMap(({ stagedPath }) =>
    ["stage:write", "stage:fsync"].map((label) => `${label} ${stagedPath}`)
  );
  assert.deepEqual(done.slice(0, -1).sort(), ofFiles.toSorted());
  for (const { stagedPath } of staged) {
    assert.ok(
      done.indexOf(`stage:write ${stagedPath}`) < done.indexOf(`stage:fsync ${stagedPath}`),
    );
  }
  assert.equal(done.at(-1), `stage:folder ${STAGING_FOLDER}`);
});

Deno.test("stage() can be called again after it failed", async () => {
  await using lake = await emptyLake();
  lake.hooks.tear = "stage:write";
  lake.hooks.failBefore = "stage:fsync";
  await assert.rejects(stageBatch(lake, mixedBatch()), InjectedFailure);
  lake.hooks.tear = null;
  const staged = await stageBatch(lake, mixedBatch());
  assert.equal((await lake.files.list(STAGING_FOLDER)).length, 3);
  for (const { stagedPath, bytes, rowCount } of staged) {
    assert.equal(await lake.files.size(stagedPath), bytes);
    assert.equal((await readParquetFile(`${lake.outDir}/${stagedPath}`)).length, rowCount);
  }
});

Deno.test("prepareStaging() makes the folder, and leaves one that is there as it is", async () => {
  await using lake = await emptyLake();
  await stageBatch(lake, mixedBatch());
  await prepareStaging(lake.files);
  assert.equal((await lake.files.list(STAGING_FOLDER)).length, 3);
});
