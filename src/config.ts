import { usageError } from "./core/errors.ts";
import {
  boolean,
  duration,
  integer,
  name,
  oneOf,
  type Parser,
  path,
  ratio,
  serverList,
  startTime,
  textParser,
} from "./option_parsers.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./runtime/logs.ts";
import { type Fault, FAULT_FORM, readFault } from "./simulation/faults.ts";

export const MODES = ["simulate", "producer", "consumer", "verify", "rebuild"] as const;
export type Mode = (typeof MODES)[number];

/** One row of the option table. Its flag and environment name are made from its key, see `flagOf`. */
export interface Option<T> extends Parser<T> {
  /** The text that stands where neither flag nor environment gives one; by mode where it differs. */
  readonly default: string | Readonly<Partial<Record<Mode, string>>>;
  readonly modes: readonly Mode[];
  /** Unit of the value, "" where it has none. */
  readonly unit: string;
  readonly meaning: string;
  /** The environment name, where it is not made from the key. */
  readonly environment?: string;
}

type Row<T> = Omit<Option<T>, "accepts" | "parse" | "unit"> & { readonly unit?: string };

function option<T>(parser: Parser<T>, row: Row<T>): Option<T> {
  return { unit: "", ...row, accepts: parser.accepts, parse: parser.parse };
}

const WRITERS: readonly Mode[] = ["simulate", "consumer"];
const LAKE: readonly Mode[] = ["simulate", "consumer", "verify", "rebuild"];
const KAFKA: readonly Mode[] = ["producer", "consumer"];
const GENERATOR: readonly Mode[] = ["simulate", "producer"];

/** The option table: the one source of flags, environment names, defaults, help, README and validation. */
export const OPTIONS = {
  outDir: option(path(), {
    default: "datasets/processed/pi2/",
    modes: LAKE,
    meaning: "Folder of the lake, the checkpoint and metrics.txt; made where it is missing",
  }),
  batchMaxEvents: option(integer(1, 1_000_000), {
    default: "50000",
    modes: WRITERS,
    unit: "records",
    meaning: "Commit when this many records are buffered",
  }),
  batchMaxBytes: option(integer(1, 2_147_483_647), {
    default: "67108864",
    modes: WRITERS,
    unit: "bytes",
    meaning: "Commit when the buffered keys and values have this many bytes",
  }),
  batchMaxLatencyMs: option(integer(10, 3_600_000), {
    default: "5000",
    modes: WRITERS,
    unit: "ms",
    meaning: "Commit when the oldest buffered record has waited this long",
  }),
  dedupeTtl: option(duration(), {
    default: "7d",
    modes: LAKE,
    meaning: "How long an event_id counts as seen; 0 is for ever",
  }),
  bootstrapServers: option(serverList(), {
    default: "localhost:9092",
    modes: KAFKA,
    environment: "KAFKA_BOOTSTRAP_SERVERS",
    meaning: "Kafka brokers to ask first",
  }),
  topic: option(name(), {
    default: "pi2_events",
    modes: KAFKA,
    environment: "KAFKA_TOPIC",
    meaning: "Kafka topic",
  }),
  groupId: option(name(), {
    default: "orilla",
    modes: ["consumer"],
    environment: "KAFKA_GROUP_ID",
    meaning: "Kafka consumer group",
  }),
  clientId: option(name(), {
    default: "orilla",
    modes: KAFKA,
    environment: "KAFKA_CLIENT_ID",
    meaning: "Name that brokers log for this client",
  }),
  sessionTimeoutMs: option(integer(1_000, 1_800_000), {
    default: "30000",
    modes: ["consumer"],
    unit: "ms",
    environment: "KAFKA_SESSION_TIMEOUT_MS",
    meaning: "Without a heartbeat for this long the group gives the partitions to others",
  }),
  metadataMaxAgeMs: option(integer(100, 3_600_000), {
    default: "30000",
    modes: ["consumer"],
    unit: "ms",
    environment: "KAFKA_METADATA_MAX_AGE_MS",
    meaning: "How long until partitions that were added to the topic are found",
  }),
  untilEnd: option(boolean(), {
    default: "false",
    modes: ["consumer"],
    meaning: "Stop once everything that was in the topic at the start is committed",
  }),
  maxEvents: option(integer(0, Number.MAX_SAFE_INTEGER), {
    default: "0",
    modes: ["consumer"],
    unit: "records",
    meaning: "Stop after this many records are committed; 0 is no limit",
  }),
  allowGaps: option(boolean(), {
    default: "false",
    modes: ["consumer"],
    meaning:
      "Go on where records were deleted by retention or the group's offset was moved, instead of exit 4",
  }),
  shutdownTimeoutMs: option(integer(0, 3_600_000), {
    default: "20000",
    modes: WRITERS,
    unit: "ms",
    meaning: "How long a signal waits for the buffered records to be committed",
  }),
  retryBudgetMs: option(integer(0, 86_400_000), {
    default: "300000",
    modes: ["simulate", "producer", "consumer"],
    unit: "ms",
    meaning: "How long a full disk or a lost broker is waited for before exit 1",
  }),
  count: option(integer(1, Number.MAX_SAFE_INTEGER), {
    default: { simulate: "1000", producer: "50" },
    modes: GENERATOR,
    unit: "records",
    environment: "GENERATE_COUNT",
    meaning: "Records to generate, duplicates and invalid ones among them",
  }),
  seed: option(integer(0, 4_294_967_295), {
    default: "1",
    modes: GENERATOR,
    environment: "GENERATE_SEED",
    meaning: "The same seed and start give the same records",
  }),
  firstId: option(integer(0, Number.MAX_SAFE_INTEGER), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_FIRST_ID",
    meaning: "Number of the first event_id",
  }),
  eventId: option(oneOf(["sequence", "uuid"]), {
    default: "sequence",
    modes: GENERATOR,
    environment: "GENERATE_EVENT_ID",
    meaning:
      "Form of event ids: sequence (e0, e1, …) or uuid (in random order, as real systems have them)",
  }),
  start: option(startTime(), {
    default: "now",
    modes: GENERATOR,
    environment: "GENERATE_START",
    meaning: "The ts of the last event; now is the clock's time for each",
  }),
  days: option(integer(1, 3650), {
    default: "1",
    modes: GENERATOR,
    unit: "days",
    environment: "GENERATE_DAYS",
    meaning: "Dates that ts runs over, the last one is that of the start",
  }),
  duplicateRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_DUPLICATE_RATIO",
    meaning: "Share of records that repeat an earlier event",
  }),
  invalidRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_INVALID_RATIO",
    meaning: "Share of records that do not satisfy the schema",
  }),
  unknownFieldRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_UNKNOWN_FIELD_RATIO",
    meaning: "Share of records with a field that the schema does not know",
  }),
  rate: option(integer(0, 10_000_000), {
    default: "0",
    modes: GENERATOR,
    unit: "records/s",
    environment: "GENERATE_RATE",
    meaning: "Records a second; 0 is as fast as it goes",
  }),
  fault: option(
    textParser<Fault | null>(
      `none, or ${FAULT_FORM}`,
      (text) => text === "none" ? null : readFault(text),
    ),
    {
      default: "none",
      modes: ["simulate"],
      meaning:
        "Make the N-th operation of that label fail, for demonstration: start again, and see the lake exact",
    },
  ),
  json: option(boolean(), {
    default: "false",
    modes: ["verify", "rebuild"],
    environment: "OUTPUT_JSON",
    meaning: "Print the result as JSON, for machines",
  }),
  logLevel: option(oneOf(LOG_LEVELS), {
    default: "info",
    modes: MODES,
    meaning: "Least level of the log lines on stderr",
  }),
  logFormat: option(oneOf(LOG_FORMATS), {
    default: "auto",
    modes: MODES,
    meaning: "Form of log lines; auto is text on a terminal, else json",
  }),
} as const;

export type OptionKey = keyof typeof OPTIONS;

/** A value for every option; those of other modes stand at their defaults. */
export type Config = {
  readonly [K in OptionKey]: (typeof OPTIONS)[K] extends Option<infer T> ? T : never;
};

/** All rows of the table with their keys. */
export const OPTION_ROWS = Object.entries(OPTIONS).map((
  [key, row],
): [string, Option<unknown>] => [key, row]);

/** `--batch-max-events`. */
export function flagOf(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `BATCH_MAX_EVENTS`, or the row's own name. */
export function environmentOf(key: string, { environment }: Option<unknown>): string {
  return environment ?? key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** The default text of an option in a mode. */
export function defaultOf(row: Option<unknown>, mode: Mode): string {
  if (typeof row.default === "string") return row.default;
  return row.default[mode] ?? Object.values(row.default)[0] ?? "";
}

/**
 * The effective configuration of a mode: flags before environment before defaults.
 *
 * @param flags texts by option key
 * @param environment the value of an environment name, undefined where it is not set
 * @throws OrillaError with exit code 2 that names the option, the value and what is accepted
 */
export function configure(
  mode: Mode,
  flags: ReadonlyMap<string, string>,
  environment: (name: string) => string | undefined,
): Config {
  const values = OPTION_ROWS.map(([key, row]) => {
    const flag = flags.get(key);
    if (flag !== undefined) return [key, parseOption(row, flagOf(key), flag)];
    const name = environmentOf(key, row);
    const variable = row.modes.includes(mode) ? environment(name) : undefined;
    if (variable !== undefined && variable !== "") return [key, parseOption(row, name, variable)];
    return [key, row.parse(defaultOf(row, mode))];
  });
  const config = Object.fromEntries(values) as Config;
  refuseContradictions(config);
  return config;
}

function parseOption(row: Option<unknown>, source: string, text: string): unknown {
  try {
    return row.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`Cannot read ${source}: ${error.message}, got ${JSON.stringify(text)}`, error);
  }
}

function refuseContradictions({ duplicateRatio, invalidRatio, unknownFieldRatio }: Config): void {
  const sum = duplicateRatio + invalidRatio + unknownFieldRatio;
  if (sum > 1 + Number.EPSILON) {
    throw usageError(
      `Cannot use --duplicate-ratio ${duplicateRatio} with --invalid-ratio ${invalidRatio} and ` +
        `--unknown-field-ratio ${unknownFieldRatio}: expected a sum of at most 1, got ${sum}`,
    );
  }
}
