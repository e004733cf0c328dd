import assert from "node:assert/strict";
import { NO_PROTECTION } from "../../src/lake/protection.ts";
import { Pseudonyms } from "../../src/lake/pseudonyms.ts";
import { batchOf, batchOfEvents, bytesOf, eventText } from "../core/samples.ts";
import { readParquetFile } from "../lake_reader.ts";
import { keyBytes } from "./key_rings.ts";
import { emptyLake, stageBatch } from "./staged_lake.ts";
import type { Batch } from "../../src/core/batch.ts";

const SECRET = keyBytes("pseudonym");
const HASH = /^[0-9a-f]{32}$/;

/** The rows that a batch leaves in the lake when these fields are pseudonymized. */
async function rowsOf(batch: Batch, fields: readonly string[], secret = SECRET) {
  await using lake = await emptyLake();
  const protection = { ...NO_PROTECTION, pseudonyms: new Pseudonyms(secret, fields) };
  const [file] = await stageBatch(lake, batch, { protection });
  const rows = await readParquetFile(`${lake.outDir}/${file?.stagedPath}`);
  return rows.sort((a, b) => Number(a["kafka_offset"]) - Number(b["kafka_offset"]));
}

Deno.test("a pseudonym is the HMAC that README describes", async () => {
  const secret = await crypto.subtle.importKey("raw", SECRET.slice(), "HKDF", false, [
    "deriveBits",
  ]);
  const info = bytesOf("orilla-pseudonym").slice();
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  const bits = await crypto.subtle.deriveBits(derivation, secret, 256);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bits, hmac, false, ["sign"]);
  const text = bytesOf("usuario_id\0" + "7").slice();
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, text));
  const expected = Array.from(signature.subarray(0, 16), (b) => b.toString(16).padStart(2, "0"));
  assert.equal(new Pseudonyms(SECRET, []).of("usuario_id", "7"), expected.join(""));
});

Deno.test("equal users have equal pseudonyms in a column of strings, and others are others", async () => {
  const users = [7, 8, 7, -0, 0, Number.MAX_SAFE_INTEGER, -7];
  const rows = await rowsOf(
    batchOfEvents(users.map((usuario_id, i) => ({ event_id: `e${i}`, usuario_id }))),
    ["usuario_id"],
  );
  const found = rows.map((row) => String(row["usuario_id"]));
  for (const text of found) assert.match(text, HASH);
  assert.equal(found[0], found[2]);
  assert.equal(found[3], found[4]);
  assert.equal(new Set(found).size, 5);
  assert.equal(rows[0]?.["accion"], "click");
  const [other] = await rowsOf(batchOfEvents([{}]), ["usuario_id"], keyBytes("another"));
  assert.notEqual(other?.["usuario_id"], found[0]);
});

Deno.test("unknown fields become pseudonyms where they stand, and their neighbours stay to the digit", async () => {
  const value = '{"event_id":"e1","ts":"2026-11-24","usuario_id":7,"dni":"x","dni":"12345678Z",' +
    '"saldo":12345678901234567890.10,"\\u0064ob":{"dni":1},"nada":null,"__proto__":"p"}';
  const fields = ["dni", "dob", "nada", "__proto__"];
  const [row] = await rowsOf(batchOf([bytesOf(value)]), fields);
  const pseudonyms = new Pseudonyms(SECRET, fields);
  const hash = (field: string, text: string) => `"${pseudonyms.of(field, text)}"`;
  assert.equal(
    row?.["extra"],
    `{"dni":${hash("dni", '"12345678Z"')},"saldo":12345678901234567890.10,` +
      `"dob":${hash("dob", '{"dni":1}')},"nada":null,"__proto__":${hash("__proto__", '"p"')}}`,
  );
  assert.equal(row?.["usuario_id"], 7n);
});

Deno.test("a field's pseudonyms cannot be compared with another field's, nor a number's with a text's", () => {
  const pseudonyms = new Pseudonyms(SECRET, ["a", "b"]);
  const found = [["a", "7"], ["b", "7"], ["a", '"7"'], ["a\0", "7"]].map((
    [field = "", text = ""],
  ) => pseudonyms.of(field, text));
  assert.equal(new Set(found).size, 4);
});

Deno.test("rows without unknown fields have no extra, and events without the field keep theirs", async () => {
  const texts = [eventText(), eventText({ event_id: "e2", color: "red" })];
  const rows = await rowsOf(batchOf(texts.map(bytesOf)), ["dni"]);
  assert.deepEqual(rows.map((row) => row["extra"]), [null, '{"color":"red"}']);
});
