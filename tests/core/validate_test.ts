import assert from "node:assert/strict";
import { decode } from "../../src/core/decode.ts";
import { isReason, type Reason, REASON_CODES, REASONS } from "../../src/core/outcome.ts";
import { validate } from "../../src/core/validate.ts";
import { batchOf, bytesOf, eventText } from "./samples.ts";

interface Rejection {
  readonly value: Uint8Array | string | null;
  readonly path: string | null;
  /** The event_id that the dead letter names; e1 where nothing is said and there is a path. */
  readonly eventId?: string | null;
}

function wrongField(path: string, ...values: readonly unknown[]): Rejection[] {
  return values.map((value) => ({ value: eventText({ [path]: value }), path }));
}

/** A field written as JSON text, for numbers that JSON.stringify does not write. */
function rawField(path: string, ...texts: readonly string[]): Rejection[] {
  return texts.map((text) => ({
    value: eventText({ [path]: "?" }).replace('"?"', text),
    path,
  }));
}

const LONE_SURROGATE = String.raw`"\ud800"`;

/** A record's own text decides these; what the writer refuses is for tests of poison. */
type IngestReason = Exclude<Reason, "not_encodable">;

const REJECTIONS: Readonly<Record<IngestReason, readonly Rejection[]>> = {
  no_value: [{ value: null, path: null }, { value: "", path: null }],
  not_utf8: [{ value: Uint8Array.of(0x7b, 0xff, 0x7d), path: null }],
  not_json: [{ value: '{"event_id":"e1"', path: null }],
  not_object: [{ value: `[${eventText()}]`, path: null }],
  nested_too_deep: [{
    value: `${eventText().slice(0, -1)},"big":1e999,"deep":${"[".repeat(100_000)}${
      "]".repeat(100_000)
    }}`,
    path: null,
    eventId: "e1",
  }],
  event_id_missing: wrongField("event_id", undefined).map(withoutId),
  event_id_not_string: wrongField("event_id", 1, null, true, ["e1"], { a: 1 }).map(withoutId),
  event_id_empty: wrongField("event_id", "").map(withoutId),
  event_id_not_unicode: rawField("event_id", LONE_SURROGATE, String.raw`"a\udc00b"`)
    .map(withoutId),
  ts_missing: wrongField("ts", undefined),
  ts_not_string: wrongField("ts", 1764000000, null, ["2026-11-24"]),
  ts_not_iso8601: wrongField("ts", "yesterday", "", "2026-11-31", "2016-12-31T23:59:60Z"),
  usuario_id_missing: wrongField("usuario_id", undefined),
  usuario_id_not_integer: [
    ...wrongField("usuario_id", "7", 7.5, null, true, [7], 2 ** 53, -(2 ** 53)),
    ...rawField("usuario_id", "1e400", "9007199254740993"),
  ],
  accion_not_allowed: wrongField("accion", "hover", "Click", "", null, 1, ["click"]),
  monto_not_number: wrongField("monto", "12.5", true, [1], {}),
  monto_not_finite: rawField("monto", "1e400", "-1e400"),
  monto_negative: wrongField("monto", -0.01, -1e300),
};

function withoutId(rejection: Rejection): Rejection {
  return { ...rejection, eventId: null };
}

function isIngestReason(reason: Reason): reason is IngestReason {
  return reason !== "not_encodable";
}

for (const reason of REASON_CODES.filter(isIngestReason)) {
  Deno.test(`validate() gives the reason ${reason}, with its path and event_id`, () => {
    for (const { value, path, eventId = path === null ? null : "e1" } of REJECTIONS[reason]) {
      const batch = batchOf([typeof value === "string" ? bytesOf(value) : value]);
      const found = batch.rejected.map(({ rejected }) => rejected);
      assert.deepEqual(found, [{ kind: "rejected", reason, path, eventId }], String(value));
      assert.equal(batch.length, 0);
    }
  });
}

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
