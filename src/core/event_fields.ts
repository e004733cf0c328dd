// Apart from the schema, so that the main thread, which needs the names alone, does without zod.

/** The values of `accion`, in the order of their codes in a batch's column (code 0 is null). */
export const ACCIONES = ["click", "view", "purchase"] as const;
export type Accion = (typeof ACCIONES)[number];

const FIELDS = ["event_id", "ts", "usuario_id", "accion", "monto"] as const;
export type EventField = (typeof FIELDS)[number];

/** The fields of the schema; every other field of a record goes into `extra`. */
export const EVENT_FIELDS: ReadonlySet<string> = new Set(FIELDS);

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
