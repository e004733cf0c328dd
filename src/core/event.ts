import { z } from "zod";
import type { Reason } from "./outcome.ts";

/** The values of `accion`, in the order of their codes in a batch's column (code 0 is null). */
export const ACCIONES = ["click", "view", "purchase"] as const;
export type Accion = (typeof ACCIONES)[number];

/** An error option for zod: the reason code where the field is there but wrong, or is missing. */
function reasons(missing: Reason, wrong: Reason) {
  return { error: (issue: { input?: unknown }) => issue.input === undefined ? missing : wrong };
}

function reason(code: Reason) {
  return { error: code };
}

/**
 * The event schema, written once: the messages of its issues are reason codes, so that validation, dead
 * letters and metrics share one list. Unknown fields are allowed, and kept (see `extra` below).
 */
export const eventSchema = z.object({
  event_id: z.string(reasons("event_id_missing", "event_id_not_string"))
    .min(1, reason("event_id_empty"))
    .refine((id) => id.isWellFormed(), reason("event_id_not_unicode")),
  ts: z.string(reasons("ts_missing", "ts_not_string")),
  usuario_id: z.int(reasons("usuario_id_missing", "usuario_id_not_integer")),
  accion: z.enum(ACCIONES, reason("accion_not_allowed")).optional(),
  monto: z.number({
    error: (issue) => typeof issue.input === "number" ? "monto_not_finite" : "monto_not_number",
  }).min(0, reason("monto_negative")).nullish(),
});

/** A decoded record that satisfies the schema. */
export type Event = z.infer<typeof eventSchema>;

/** The fields of the schema; every other field of a record goes into `extra`. */
export const EVENT_FIELDS: ReadonlySet<string> = new Set(Object.keys(eventSchema.shape));

/** The columns of a published file, with their Parquet types and meanings; README's table is made of it. */
export const EVENT_COLUMNS = [
  ["event_id", "string", "the event's identity; duplicates are found by it"],
  ["ts", "timestamp(µs, UTC)", "when it happened; its UTC date is the lake partition"],
  ["usuario_id", "int64", "the user; a string where PSEUDONYMIZE_FIELDS names it"],
  ["accion", "string, nullable, dictionary", "click, view, purchase, or null where absent"],
  ["monto", "double", "amount; null or absent became 0.0"],
  ["processing_ts", "timestamp(µs, UTC)", "when its batch was staged"],
  ["extra", "string, nullable", "JSON object of the unknown fields, null where there are none"],
  [
    "kafka_partition",
    "int32",
    "where the record lay (simulate: 0; a replay: where it lay at first)",
  ],
  ["kafka_offset", "int64", "where the record lay (simulate: a running number)"],
] as const;
