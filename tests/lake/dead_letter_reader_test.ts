import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { stageOf } from "../../src/core/outcome.ts";
import type { RawRecord } from "../../src/core/record.ts";
import { readDeadLetters } from "../../src/lake/dead_letter_reader.ts";
import { publish } from "../../src/lake/publishing.ts";
import { type ReasonOfBytes, REASONS_OF_BYTES, REJECTIONS } from "../core/rejections.ts";
import { bytesOf, ingestRecord, recordOf } from "../core/samples.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { type EmptyLake, emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

const AT = { topic: "events", partition: 3 };

/** Publishes a commit of records; a replay has a topic of its own. */
async function publishRecords(
  lake: EmptyLake,
  records: readonly RawRecord[],
  { sequence = 1, stagedAtMs = STAGED_AT_MS } = {},
): Promise<void> {
  const batch = new Batch();
  for (const record of records) ingestRecord(batch, AT, record);
  await publish(lake.files, await stageBatch(lake, batch, { sequence, stagedAtMs }));
}

function recordOfReason(reason: ReasonOfBytes, offset: number): RawRecord {
  const value = REJECTIONS[reason][0]?.value ?? null;
  return recordOf(typeof value === "string" ? bytesOf(value) : value, { offset: BigInt(offset) });
}

Deno.test("a dead letter of each reason is read back whole", async () => {
  await using lake = await emptyLake();
  const records = REASONS_OF_BYTES.map(recordOfReason);
  await publishRecords(lake, records);
  const letters = await Array.fromAsync(readDeadLetters(lake.files));
  assert.deepEqual(letters.map(({ reason }) => reason), REASONS_OF_BYTES);
  letters.forEach(({ reason, file, path, eventId, ...letter }, i) => {
    const code = REASONS_OF_BYTES[i];
    assert.ok(code !== undefined && file.startsWith("_dead_letters/date=2026-11-25/dead_letters_"));
    assert.deepEqual(letter, {
      position: { ...AT, offset: BigInt(i) },
      timestampMs: 1_000,
      key: null,
      value: records[i]?.value,
      headers: [],
      stage: stageOf(code),
      attempts: 1,
      rejectedAtMs: STAGED_AT_MS,
    });
    const isOfValue = stageOf(code) === "decode" || code === "nested_too_deep";
    assert.equal(path === null, isOfValue, reason);
    assert.equal(
      eventId,
      isOfValue && code !== "nested_too_deep" || path === "event_id" ? null : "e1",
    );
  });
});

Deno.test("dead letters of many files and rows come in their order, one file after the other", async () => {
  await using lake = await emptyLake();
  const records = (first: number, count: number) =>
    Array.from({ length: count }, (_, i) => recordOf(bytesOf("{"), { offset: BigInt(first + i) }));
  await publishRecords(lake, records(0, 3_000));
  await publishRecords(lake, records(3_000, 5), { sequence: 2, stagedAtMs: STAGED_AT_MS + 1 });
  const progress: string[] = [];
  const onProgress = (done: number, total: number) => progress.push(`${done}/${total}`);
  const offsets: bigint[] = [];
  for await (const { position } of readDeadLetters(lake.files, { onProgress })) {
    offsets.push(position.offset);
  }
  assert.deepEqual(offsets, Array.from({ length: 3_005 }, (_, i) => BigInt(i)));
  assert.deepEqual(progress, ["1/2", "2/2"]);
  const later = readDeadLetters(lake.files, { sinceMs: STAGED_AT_MS + 1 });
  assert.deepEqual((await Array.fromAsync(later)).length, 5);
});

Deno.test("a replay that was rejected again is read at the position of its dead letter", async () => {
  await using lake = await emptyLake();
  const origin = { topic: "old", partition: 9, offset: 77n, attempts: 2 };
  await publishRecords(lake, [recordOf(null, { offset: 5n, origin })]);
  const [letter] = await Array.fromAsync(readDeadLetters(lake.files));
  assert.deepEqual(letter?.position, { topic: "old", partition: 9, offset: 77n });
  assert.equal(letter?.attempts, 3);
});

Deno.test("a file that is purged while others are read is passed over, a damaged one is refused", async () => {
  await using lake = await emptyLake();
  await publishRecords(lake, [recordOf(null)]);
  await publishRecords(lake, [recordOf(null, { offset: 1n })], {
    sequence: 2,
    stagedAtMs: STAGED_AT_MS + 1,
  });
  const files: string[] = [];
  for await (const { file } of readDeadLetters(lake.files)) {
    files.push(file);
    for (const name of await lake.files.list("_dead_letters/date=2026-11-25")) {
      if (!file.endsWith(name)) {
        await Deno.remove(`${lake.outDir}/_dead_letters/date=2026-11-25/${name}`);
      }
    }
  }
  assert.equal(files.length, 1);
  await Deno.writeTextFile(`${lake.outDir}/${files[0]}`, "PAR1 damaged PAR1");
  await assert.rejects(Array.fromAsync(readDeadLetters(lake.files)), { exitCode: 3 });
});

Deno.test("dead letters keep any bytes, headers and timestamps", async () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.constant(bytesOf("\ufeffno object")),
  );
  const plain = { noNullPrototype: true };
  const anyRecord = fc.record({
    // No JSON object begins so.
    value: fc.option(anyBytes.map((bytes) => Uint8Array.of(0x21, ...bytes))),
    key: fc.option(anyBytes),
    headers: fc.array(
      fc.record({ name: fc.string({ unit: "grapheme" }), value: anyBytes }, plain),
      { maxLength: 3 },
    ),
    timestampMs: fc.integer({ min: -1, max: 2 ** 41 }),
  }, plain);
  const anyRecords = fc.array(anyRecord, { minLength: 1, maxLength: 20 });
  await checkAsyncProperty(
    fc.asyncProperty(anyRecords, async (records) => {
      await using lake = await emptyLake();
      await publishRecords(
        lake,
        records.map(({ value, ...parts }, i) => recordOf(value, { ...parts, offset: BigInt(i) })),
      );
      const letters = await Array.fromAsync(readDeadLetters(lake.files));
      const found = letters.map(({ value, key, headers, timestampMs }) => ({
        value,
        key,
        headers,
        timestampMs,
      }));
      assert.deepEqual(found, records);
    }),
    { runs: 25 },
  );
});
