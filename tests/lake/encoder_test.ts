import assert from "node:assert/strict";
import { groupByDay } from "../../src/core/grouping.ts";
import { encodeThere } from "../../src/lake/encoder.ts";
import { encodeHere, serveEncoder } from "../../src/lake/encoder_server.ts";
import { eventColumns } from "../../src/lake/event_file.ts";
import { parquetTable } from "../../src/lake/parquet_table.ts";
import { batchOfEvents } from "../core/samples.ts";
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
  const encode = encodeThere(port2);
  return { encode, [Symbol.dispose]: () => [port1, port2].forEach((port) => port.close()) };
}

Deno.test("encodeThere() gives the same file as encodeHere(), and takes the table's memory away", async () => {
  using there = channel();
  const table = tableOf(["e1", "e2"]);
  const file = await there.encode(table);
  assert.equal(table.stream.length, 0);
  assert.deepEqual(file, await encodeHere(tableOf(["e1", "e2"])));
});

Deno.test("encodeThere() answers each of many requests with its own file", async () => {
  using there = channel();
  const ids = Array.from({ length: 20 }, (_, i) => `e${i}`);
  const files = await Promise.all(ids.map((id) => there.encode(tableOf([id]))));
  for (const [i, file] of files.entries()) {
    const [row] = await readParquet(file);
    assert.equal(row?.["event_id"], ids[i]);
  }
});

Deno.test("encodeThere() rejects where there is no file, and goes on", async () => {
  using there = channel();
  const broken = { ...tableOf(["e1"]), stream: Uint8Array.of(1, 2, 3) };
  await assert.rejects(there.encode(broken), Error);
  assert.ok((await there.encode(tableOf(["e2"]))).length > 0);
});
