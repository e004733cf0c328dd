import { type Reason, REASON_CODES } from "../../src/core/outcome.ts";
import { eventText } from "./samples.ts";

/** A record's value that is rejected, with what its dead letter must say. */
export interface Rejection {
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

/** Reasons that a record's bytes alone decide. */
export type ReasonOfBytes = Exclude<Reason, "too_large" | "not_encodable">;

/** Values for each reason. */
export const REJECTIONS: Readonly<Record<ReasonOfBytes, readonly Rejection[]>> = {
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
    ...rawField("usuario_id", "1e400", "9007199254740993", "9007199254740990.6"),
    ...rawField("usuario_id", "7.00000000000000000001", "1e-400"),
  ],
  accion_not_allowed: wrongField("accion", "hover", "Click", "", null, 1, ["click"]),
  monto_not_number: wrongField("monto", "12.5", true, [1], {}),
  monto_not_finite: rawField("monto", "1e400", "-1e400"),
  monto_negative: wrongField("monto", -0.01, -1e300),
  monto_not_exact: rawField("monto", "9007199254740993", "123456789.123456789", "1e-400"),
};

function withoutId(rejection: Rejection): Rejection {
  return { ...rejection, eventId: null };
}

/** The reasons that a record's bytes alone decide. */
export const REASONS_OF_BYTES = REASON_CODES.filter((code) =>
  code !== "too_large" && code !== "not_encodable"
);
