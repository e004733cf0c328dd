import assert from "node:assert/strict";
import { Batch } from "../../src/core/batch.ts";
import { groupByDay } from "../../src/core/grouping.ts";
import { ingest } from "../../src/core/ingest.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { Encoder } from "../../src/lake/encoder.ts";
import { encoderThere } from "../../src/lake/encoder_port.ts";
import { encoderHere, encodeTable, serveEncoder } from "../../src/lake/encoder_server.ts";
import { eventColumns } from "../../src/lake/event_file.ts";
import { parquetTable } from "../../src/lake/parquet_table.ts";
import { NO_PROTECTION } from "../../src/lake/protection.ts";
import { batchOfEvents, eventRecord } from "../core/samples.ts";
import { readParquet } from "../lake_reader.ts";

function tableOf(ids: readonly string[]) {
  const batch = batchOfEvents(ids.map((event_id) => ({ event_id })));
  const [group] = groupByDay(batch, Int32Array.from(ids, (_, row) => row));
  assert.ok(group !== undefined);
  return parquetTable(eventColumns(batch, group, 1n), new Map([["a", "b"]]));
}

/** An encoder at the other end of a channel, in the same thread. */
function channel() {
  const { port1, port2 } = new MessageChannel();
  serveEncoder(port1);
  return {
    encoder: encoderThere(port2),
    [Symbol.dispose]: () => [port1, port2].forEach((port) => port.close()),
  };
}

Deno.test("encoderThere() gives the same file as encodeTable(), and takes the table's memory away", async () => {
  using there = channel();
  const table = tableOf(["e1", "e2"]);
  const file = await there.encoder.encode(table);
  assert.equal(table.stream.length, 0);
  assert.deepEqual(file, await encodeTable(tableOf(["e1", "e2"])));
});

Deno.test("encoderThere() answers each of many requests with its own file", async () => {
  using there = channel();
  const ids = Array.from({ length: 20 }, (_, i) => `e${i}`);
  const files = await Promise.all(ids.map((id) => there.encoder.encode(tableOf([id]))));
  for (const [i, file] of files.entries()) {
    const [row] = await readParquet(file);
    assert.equal(row?.["event_id"], ids[i]);
  }
});

Deno.test("encoderThere() rejects where there is no file, and goes on", async () => {
  using there = channel();
  const broken = { ...tableOf(["e1"]), stream: Uint8Array.of(1, 2, 3) };
  await assert.rejects(there.encoder.encode(broken), Error);
  assert.ok((await there.encoder.encode(tableOf(["e2"]))).length > 0);
});

/** A batch with all that columns may hold: unknown fields, replays, several partitions and dates, duplicates. */
function variedBatch(): Batch {
  const batch = new Batch();
  for (let i = 0; i < 60; i++) {
    const record = eventRecord({
      event_id: `é${i % 50}`,
      ts: `2026-11-${10 + i % 3}T10:00:0${i % 7}Z`,
      ...(i % 4 === 0 ? { origen: `app-${i}` } : {}),
    }, { offset: BigInt(i) });
    const origin = { topic: "before", partition: 9, offset: BigInt(1000 + i), attempts: 2 };
    const cursor = new RecordList([i % 11 === 0 ? { ...record, origin } : record]);
    cursor.next();
    ingest(batch, { topic: "feed", partition: i % 2 }, cursor);
  }
  return batch;
}

const ORIGIN = { stagedAtMs: 1_795_000_000_000, metadata: new Map([["orilla.version", "1"]]) };

/** Everything that an encoder gives for a batch, of which every third id was seen before. */
async function allOf(encoder: Encoder, batch: Batch) {
  const idKey = Uint32Array.of(1, 2, 3, 4);
  using encoding = await encoder.take(batch, { idKey, protection: NO_PROTECTION });
  const hashes = encoding.hashes.slice();
  const split = await encoding.split(
    Uint8Array.from({ length: 50 }, (_, i) => Number(i % 3 === 0)),
  );
  const files = await Promise.all(split.groups.map((_, i) => encoding.encodeEvents(i, ORIGIN)));
  const letters = await encoding.encodeLetters(batch.rejected, ORIGIN);
  return { hashes, split, files, letters };
}

Deno.test("encoderThere() gives for a batch what encoderHere() gives, and leaves the batch as it is", async () => {
  using there = channel();
  const batch = variedBatch();
  const given = await allOf(there.encoder, batch);
  assert.equal(given.split.groups.length, 3);
  assert.ok(given.split.duplicates.length > 10 && given.split.recorded !== null);
  assert.deepEqual(given, await allOf(encoderHere(), batch));
  assert.deepEqual(given, await allOf(there.encoder, variedBatch()));
});

Deno.test("encoderThere() says which rows cannot be encoded, and knows no batch that was released", async () => {
  using there = channel();
  const batch = variedBatch(), idKey = Uint32Array.of(1, 2, 3, 4);
  const encoding = await there.encoder.take(batch, { idKey, protection: NO_PROTECTION });
  assert.equal(await encoding.canEncode(Int32Array.of(3, 1), ORIGIN), true);
  encoding[Symbol.dispose]();
  await assert.rejects(encoding.canEncode(Int32Array.of(0), ORIGIN), /until it is released/);
});

Deno.test("a batch that is released takes with it what was made for it", async () => {
  const collected: unknown[] = [], before = Object.getOwnPropertyDescriptor(globalThis, "gc");
  const gc = (options: unknown) => collected.push(options);
  Object.defineProperty(globalThis, "gc", { value: gc, configurable: true });
  try {
    using there = channel();
    const idKey = Uint32Array.of(1, 2, 3, 4);
    const encoding = await there.encoder.take(variedBatch(), { idKey, protection: NO_PROTECTION });
    assert.deepEqual(collected, []);
    encoding[Symbol.dispose]();
    await there.encoder.encode(tableOf(["e1"]));
    assert.deepEqual(collected, [{ type: "minor" }]);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "gc");
    else Object.defineProperty(globalThis, "gc", before);
  }
});
