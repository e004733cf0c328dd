import assert from "node:assert/strict";
import { Batch } from "../../src/core/batch.ts";
import { ingest } from "../../src/core/ingest.ts";
import { decode } from "../../src/core/decode.ts";
import { isReason, REASON_CODES, REASONS, stageOf } from "../../src/core/outcome.ts";
import { validate } from "../../src/core/validate.ts";
import { REASONS_OF_BYTES, REJECTIONS } from "./rejections.ts";
import { batchOf, bytesOf, eventText, HERE, ingestRecord, recordOf } from "./samples.ts";

for (const reason of REASONS_OF_BYTES) {
  Deno.test(`validate() gives the reason ${reason}, with its path and event_id`, () => {
    for (const { value, path, eventId = path === null ? null : "e1" } of REJECTIONS[reason]) {
      const batch = batchOf([typeof value === "string" ? bytesOf(value) : value]);
      const found = [...batch.rejected].map(({ rejected }) => rejected);
      assert.deepEqual(found, [{ kind: "rejected", reason, path, eventId }], String(value));
      assert.equal(batch.length, 0);
    }
  });
}

Deno.test("ingest() gives the reason too_large to a record that is, without reading it", () => {
  const batch = new Batch();
  const take: typeof ingest = (batch, at, cursor) =>
    ingest(batch, at, cursor, { maxRecordBytes: eventText().length });
  ingestRecord(batch, HERE, recordOf(bytesOf(eventText())), take);
  ingestRecord(batch, HERE, recordOf(bytesOf(`${eventText()} `), { offset: 1n }), take);
  const found = [...batch.rejected].map(({ rejected }) => rejected);
  assert.deepEqual(found, [{ kind: "rejected", reason: "too_large", path: null, eventId: null }]);
  assert.equal(batch.length, 1);
});

function validated(text: string) {
  const decoded = decode(bytesOf(text));
  assert.ok(decoded.kind === "decoded");
  return validate(decoded);
}

const ACCEPTED: readonly string[] = [
  eventText(),
  eventText({ accion: undefined, monto: undefined }),
  eventText({ accion: "view" }),
  eventText({ accion: "purchase" }),
  eventText({ monto: null }),
  eventText({ monto: 0 }),
  eventText({ monto: Number.MIN_VALUE }),
  eventText({ monto: Number.MAX_VALUE }),
  eventText({ monto: "?" }).replace('"?"', "-0"),
  eventText({ monto: "?" }).replace('"?"', "0.10000000000000001"),
  eventText({ monto: "?" }).replace('"?"', "12.500000000000000000000"),
  eventText({ usuario_id: 0 }),
  eventText({ usuario_id: -1 }),
  eventText({ usuario_id: Number.MAX_SAFE_INTEGER }),
  eventText({ usuario_id: Number.MIN_SAFE_INTEGER }),
  eventText({ usuario_id: "?" }).replace('"?"', "1.0"),
  eventText({ usuario_id: "?" }).replace('"?"', "1e3"),
  eventText({ event_id: " " }),
  eventText({ event_id: "\0" }),
  eventText({ event_id: "ñ日本🌊" }),
  eventText({ event_id: "x".repeat(100_000) }),
  eventText({ ts: "0000-01-01" }),
  eventText({ ts: "9999-12-31T23:59:59.999999Z" }),
  eventText({ otro: { anidado: [1] }, constructor: 1, toString: null }),
  `{"__proto__":{"event_id":5},${eventText().slice(1)}`,
];

Deno.test("validate() accepts values at the edges of the schema", () => {
  for (const text of ACCEPTED) assert.equal(validated(text).kind, "valid", text.slice(0, 200));
});

Deno.test("validate() keeps the event as it was, and reads its time", () => {
  const valid = validated(
    eventText({ accion: undefined, monto: null, ts: "1970-01-02T00:00:01Z" }),
  );
  assert.ok(valid.kind === "valid");
  const { event_id, usuario_id, accion, monto } = valid.event;
  assert.deepEqual([event_id, usuario_id, accion, monto], ["e1", 7, undefined, null]);
  assert.deepEqual(valid.moment, { day: 1, microseconds: 1_000_000 });
});

Deno.test("validate() does not take fields from an object's prototype", () => {
  const result = validated(`{"__proto__":${eventText()}}`);
  assert.ok(result.kind === "rejected");
  assert.equal(result.reason, "event_id_missing");
});

Deno.test("validate() lets the first failing field decide", () => {
  const reason = (text: string) => {
    const result = validated(text);
    return result.kind === "rejected" ? result.reason : null;
  };
  assert.equal(reason("{}"), "event_id_missing");
  assert.equal(reason('{"event_id":"a"}'), "ts_missing");
  assert.equal(reason('{"event_id":"a","ts":"2026-11-24"}'), "usuario_id_missing");
  assert.equal(reason(eventText({ accion: "x", monto: -1 })), "accion_not_allowed");
});

Deno.test("isReason() knows the codes and nothing else", () => {
  assert.deepEqual(REASON_CODES.filter(isReason), Object.keys(REASONS));
  for (const text of ["", "toString", "__proto__", "NO_VALUE"]) assert.equal(isReason(text), false);
  for (const code of REASON_CODES) assert.match(code, /^[a-z0-9_]{1,40}$/);
});

Deno.test("each reason has a stage", () => {
  assert.deepEqual(
    ["no_value", "not_utf8", "not_json", "not_object"].filter(isReason).map(stageOf),
    [
      "decode",
      "decode",
      "decode",
      "decode",
    ],
  );
  assert.deepEqual([stageOf("nested_too_deep"), stageOf("ts_missing")], ["validate", "validate"]);
  assert.equal(stageOf("not_encodable"), "encode");
  const ofSchema = REASON_CODES.filter((code) => stageOf(code) === "validate");
  assert.equal(ofSchema.length, REASON_CODES.length - 5);
});
