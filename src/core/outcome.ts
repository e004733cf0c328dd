/**
 * Why a record was rejected: a closed list of short codes, used as dead-letter reasons and label values.
 * The texts say what is wrong in words, for people.
 */
export const REASONS = {
  no_value: "the record has no value (a tombstone) or an empty one",
  too_large: "the record has more bytes than MAX_RECORD_BYTES, and was not read",
  not_utf8: "the value is not UTF-8",
  not_json: "the value is not JSON",
  not_object: "the value is JSON, but not an object",
  nested_too_deep: "objects or arrays are nested too deep to keep the unknown fields",
  event_id_missing: "there is no event_id",
  event_id_not_string: "event_id is not a string",
  event_id_empty: "event_id is empty",
  event_id_not_unicode: "event_id holds half of a surrogate pair, which UTF-8 cannot hold",
  ts_missing: "there is no ts",
  ts_not_string: "ts is not a string",
  ts_not_iso8601: "ts is not an ISO 8601 date or date-time of the years 0000 to 9999",
  usuario_id_missing: "there is no usuario_id",
  usuario_id_not_integer: "usuario_id is not an integer from -(2^53-1) to 2^53-1",
  accion_not_allowed: "accion is not one of click, view, purchase",
  monto_not_number: "monto is neither a number nor null",
  monto_not_finite: "monto is larger than a 64-bit float can hold",
  monto_negative: "monto is below zero",
  monto_not_exact: "monto has digits that a 64-bit float does not give back",
  not_encodable: "the event could not be written as Parquet",
} as const;

export type Reason = keyof typeof REASONS;

/** Stands in a rebuilt checkpoint for the reasons of dead letters whose file is gone. */
export const GONE = "unknown";

/** All reasons, in the order in which they are looked for. */
export const REASON_CODES = Object.keys(REASONS).filter(isReason);

/** Whether a text is one of the reason codes. */
export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}

/** Where in the pipeline a record was rejected. */
export const STAGES = ["decode", "validate", "encode"] as const;
export type Stage = (typeof STAGES)[number];

/** The stages of those reasons that are not the schema's. */
const OTHER_STAGES: Readonly<Partial<Record<Reason, Stage>>> = {
  no_value: "decode",
  not_utf8: "decode",
  not_json: "decode",
  not_object: "decode",
  not_encodable: "encode",
};

/** The stage that gives a reason. */
export function stageOf(reason: Reason): Stage {
  return OTHER_STAGES[reason] ?? "validate";
}

/** A record that did not satisfy the schema. Bad data is a value, never an exception. */
export interface Rejected {
  readonly kind: "rejected";
  readonly reason: Reason;
  /** The failing field, null where the record as a whole failed. */
  readonly path: string | null;
  /** The event_id where one could be read, else null. */
  readonly eventId: string | null;
}

/** Which limit ended a batch; `compact` for files that were merged. */
export const TRIGGERS = ["events", "bytes", "dates", "latency", "drain", "end", "compact"] as const;
export type Trigger = (typeof TRIGGERS)[number];
