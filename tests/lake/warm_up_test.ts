import assert from "node:assert/strict";
import { encodeTable } from "../../src/lake/encoder_server.ts";
import { warmUp } from "../../src/lake/warm_up.ts";
import { readParquet } from "../lake_reader.ts";

Deno.test("warmUp() encodes what a batch of events has: files of several dates, each row in one of them", async () => {
  const files: Uint8Array<ArrayBuffer>[] = [];
  await warmUp(async (table) => {
    const file = await encodeTable(table);
    files.push(file.slice());
    return file;
  });
  const rows = (await Promise.all(files.map((file) => readParquet(file)))).flat();
  assert.equal(files.length, 2);
  assert.equal(new Set(rows.map(({ event_id }) => event_id)).size, rows.length);
  assert.ok(rows.length > 1_000, "enough that its loops are compiled");
});
