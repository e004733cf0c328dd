import assert from "node:assert/strict";
import { Field, makeData, RecordBatch, Schema, Struct, Table, tableToIPC } from "apache-arrow";
import * as parquet from "parquet-wasm";
import { Batch } from "../../src/core/batch.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { int32Column } from "../../src/lake/arrow_columns.ts";
import { readLakeFile } from "../../src/lake/file_content.ts";
import { listPublished, listStaged } from "../../src/lake/lake_reader.ts";
import { publish } from "../../src/lake/publishing.ts";
import {
  batchOfEvents,
  bytesOf,
  eventText,
  HERE,
  ingestRecord,
  recordOf,
} from "../core/samples.ts";
import { type EmptyLake, emptyLake, rangesOf, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

/** A batch of two dates and two dead letters, one of which has an id. */
function mixedBatch(): Batch {
  const batch = batchOfEvents([
    { event_id: "ñ", ts: "2026-11-23" },
    { event_id: "b", ts: "2026-11-24" },
    { event_id: "a\0", ts: "2026-11-23" },
  ]);
  ingestRecord(batch, HERE, recordOf(null, { offset: 3n }));
  ingestRecord(batch, HERE, recordOf(bytesOf(eventText({ accion: 1 })), { offset: 4n }));
  return batch;
}

async function publishMixed(lake: EmptyLake) {
  const batch = mixedBatch();
  const manifest = await stageBatch(lake, batch);
  await publish(lake.files, manifest);
  return { batch, manifest };
}

Deno.test("listPublished() names data and dead letters, with what their names say", async () => {
  await using lake = await emptyLake();
  assert.deepEqual(await listPublished(lake.files), []);
  const { manifest } = await publishMixed(lake);
  const stagedBy = { stagedAtMs: STAGED_AT_MS, instanceId: "3f9c1a0b77d2", sequence: 1 };
  const common = { ...stagedBy, isMerged: false };
  assert.deepEqual(
    await listPublished(lake.files),
    manifest.map(({ kind, finalPath }) => ({ kind, path: finalPath, ...common })),
  );
});

Deno.test("listPublished() passes over what orilla did not write", async () => {
  await using lake = await emptyLake();
  await publishMixed(lake);
  const strangers = ["date=2026-11-23/notes.txt", "date=2026-11-23/part-0.parquet"];
  await Deno.mkdir(lake.files.absolute("date=soon"));
  for (const path of [...strangers, "date=soon/events_x.parquet", "metrics.txt"]) {
    await Deno.writeTextFile(lake.files.absolute(path), "");
  }
  assert.equal((await listPublished(lake.files)).length, 3);
});

Deno.test("listStaged() names what is staged and not published", async () => {
  await using lake = await emptyLake();
  assert.deepEqual(await listStaged(lake.files), []);
  const manifest = await stageBatch(lake, mixedBatch());
  const paths = (await listStaged(lake.files)).map(({ path }) => path);
  assert.deepEqual(paths, manifest.map(({ stagedPath }) => stagedPath).toSorted());
});

Deno.test("readLakeFile() reads back what the manifest says of a file, and its ids and ranges", async () => {
  await using lake = await emptyLake();
  const { batch, manifest } = await publishMixed(lake);
  const contents = await Promise.all(
    manifest.map(({ finalPath }) => readLakeFile(lake.files, finalPath)),
  );
  contents.forEach((content, i) => {
    const { rowCount, bytes, checksum } = content;
    const { rowCount: rows, bytes: size, checksum: sum } = manifest[i] ?? {};
    assert.deepEqual([rowCount, bytes, checksum], [rows, size, sum]);
    assert.deepEqual(content.ranges, rangesOf(batch));
  });
  assert.deepEqual(contents.map(({ eventIds }) => eventIds), [["ñ", "a\0"], ["b"], [null, "e1"]]);
  assert.deepEqual(contents.map(({ reasons }) => reasons), [
    [],
    [],
    ["no_value", "accion_not_allowed"],
  ]);
});

Deno.test(
  "readLakeFile() reads an id that begins with a byte order mark",
  async () => {
    await using lake = await emptyLake();
    const [file] = await stageBatch(lake, batchOfEvents([{ event_id: "\ufeffbom" }]));
    const { eventIds } = await readLakeFile(lake.files, file?.stagedPath ?? "");
    assert.deepEqual(eventIds, ["\ufeffbom"]);
  },
);

/** A Parquet file of somebody else's: one column, and no metadata. */
function foreignParquet(): Uint8Array {
  const data = int32Column(Int32Array.of(1));
  const schema = new Schema([new Field("n", data.type, false)]);
  const struct = makeData({
    type: new Struct(schema.fields),
    length: 1,
    nullCount: 0,
    children: [data],
  });
  const table = new Table(new RecordBatch(schema, struct));
  return parquet.writeParquet(parquet.Table.fromIPCStream(tableToIPC(table, "stream")));
}

Deno.test("readLakeFile() refuses a file that is not a Parquet file of orilla's", async () => {
  await using lake = await emptyLake();
  const { manifest: [file] } = await publishMixed(lake);
  assert.ok(file !== undefined);
  const whole = await lake.files.read(file.finalPath);
  const flipped = whole.slice();
  flipped.fill(0xff, whole.length - 200, whole.length - 8);
  const wrong = {
    "an empty file": new Uint8Array(),
    "other bytes": new Uint8Array(100),
    "a file cut at its end": whole.slice(0, -1),
    "a file cut in the middle": whole.slice(0, whole.length / 2),
    "a file with a broken footer": flipped,
    "a file without orilla's metadata": foreignParquet(),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    await Deno.writeFile(lake.files.absolute(file.finalPath), bytes);
    const isDamage = (error: unknown) =>
      error instanceof OrillaError && error.exitCode === 3 &&
      error.message.includes(file.finalPath);
    await assert.rejects(readLakeFile(lake.files, file.finalPath), isDamage, what);
  }
});
