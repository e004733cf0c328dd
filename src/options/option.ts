import type { Parser } from "./option_parsers.ts";

/** What orilla can be asked to do; a mode of two words is one part of a command. */
export const MODES = [
  "simulate",
  "producer",
  "consumer",
  "verify",
  "rebuild",
  "trace",
  "status",
  "doctor",
  "report",
  "compact",
  "dlq list",
  "dlq show",
  "dlq export",
  "dlq replay",
  "dlq purge",
] as const;
export type Mode = (typeof MODES)[number];

/** One row of the option table. Its flag and environment name are made from its key, see config.ts. */
export interface Option<T> extends Parser<T> {
  /** The text that stands where neither flag nor environment gives one; by mode where it differs. */
  readonly default: string | Readonly<Partial<Record<Mode, string>>>;
  readonly modes: readonly Mode[];
  /** Those of its modes that also take it as a bare word, without its flag. */
  readonly operandOf: readonly Mode[];
  /** Unit of the value, "" where it has none. */
  readonly unit: string;
  readonly meaning: string;
  /** The flag, where it is not made from the key. */
  readonly flag?: string;
  /** The environment name, where it is not made from the key. */
  readonly environment?: string;
  /** A secret comes from the environment alone, never from a flag, and no message repeats it. */
  readonly isSecret: boolean;
  /** The option that names a file with the secret instead, where that is not its own key with File. */
  readonly fileKey?: string;
}

/** The values that the rows of a table stand for. */
export type ValuesOf<Table> = {
  readonly [K in keyof Table]: Table[K] extends Option<infer T> ? T : never;
};

type Row<T> = Omit<Option<T>, keyof Parser<T> | "unit" | "operandOf" | "isSecret"> & {
  readonly unit?: string;
  readonly operandOf?: readonly Mode[];
  readonly isSecret?: boolean;
};

/** A row of the table: how its text is read, and what it means. */
export function option<T>(parser: Parser<T>, row: Row<T>): Option<T> {
  return {
    unit: "",
    operandOf: [],
    isSecret: false,
    ...row,
    ...parser,
  };
}

/** Modes that make OUT_DIR where it is missing. */
export const STARTERS: readonly Mode[] = ["simulate", "consumer"];
/** Modes that write to the lake through the pipeline. */
export const WRITERS: readonly Mode[] = [...STARTERS, "dlq replay"];
/** Modes that make Parquet files. */
export const ENCODERS: readonly Mode[] = [...WRITERS, "compact"];
/** Modes that have an OUT_DIR. */
export const LAKE: readonly Mode[] = MODES.filter((mode) => mode !== "producer");
/** Modes that talk to Kafka; `dlq replay` does where it is given a topic. */
export const KAFKA: readonly Mode[] = ["producer", "consumer", "doctor", "dlq replay"];
/** Modes that generate events. */
export const GENERATOR: readonly Mode[] = ["simulate", "producer"];
