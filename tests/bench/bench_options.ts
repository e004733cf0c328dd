import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

/** What can grow. */
export const AXES = ["dates", "partitions", "invalid", "duplicates", "ids"] as const;
export type Axis = (typeof AXES)[number];

/** What `deno task bench --help` says. */
export const BENCH_HELP =
  `Measures whole orilla processes, on a broker of its own where one can be started (Java, Maven), and over
simulate without. Each run is checked: an inexact one ends the benchmark with exit code 1.

deno task bench [OPTIONS] [-- FLAGS OF ORILLA]

Without one of the parts below, it measures the usual job: throughput, CPU and memory.
  --freshness RATE[,RATE]   events/s, for example 1000,50000: how old events are when they can be read
  --growth AXIS[,AXIS]      dates, partitions, invalid, duplicates: the job with more and more of them; ids: after more and more
                            that were seen before
  --consumers N[,N]         the job by 1, 2, 4 … consumers of one group; with --store the checkpoints' store: sqlite
                            (default: a lake each), postgres, redis (started for it), or a URL
  --startup BINARY          a compiled orilla: --help, and the time until it fetches
  --peers FOLDER            the job side by side with other pipelines: gen.py, verify.py and peer_*.py of a folder

  --records N               records of a job; default 1000000, for --growth 200000, for --consumers 2000000
  --runs N                  runs of each job; default 3
  --seed N                  of the records; default 1
  --seconds N               of each rate of --freshness, several times BATCH_MAX_LATENCY_MS; default 30
  --python PATH             the Python of --peers; default python3
  --folder PATH             where the lakes are made; default the system's temporary folder
`;

/** The options of `deno task bench`, as parseArgs has them. */
export const BENCH_OPTIONS = {
  help: { type: "boolean", default: false },
  freshness: { type: "string" },
  growth: { type: "string" },
  consumers: { type: "string" },
  store: { type: "string", default: "sqlite" },
  startup: { type: "string" },
  peers: { type: "string" },
  records: { type: "string" },
  runs: { type: "string", default: "3" },
  seed: { type: "string", default: "1" },
  seconds: { type: "string", default: "30" },
  python: { type: "string", default: "python3" },
  folder: { type: "string" },
} as const;

/** What is to be measured. A part that is null or empty was not asked for. */
export interface BenchOptions {
  readonly isHelp: boolean;
  /** Events a second. */
  readonly freshnessRates: readonly number[];
  readonly freshnessSeconds: number;
  readonly growthAxes: readonly Axis[];
  readonly consumerCounts: readonly number[];
  /** Where several consumers keep what they committed: see `openTestStore`. */
  readonly store: string;
  /** Path of a compiled orilla. */
  readonly startupBinary: string | null;
  readonly peersFolder: string | null;
  readonly python: string;
  /** Null for the default of each part. */
  readonly recordCount: number | null;
  readonly runs: number;
  readonly seed: number;
  /** Where the lakes are made; null for the system's temporary folder. */
  readonly lakesFolder: string | null;
  /** What stands after `--`. */
  readonly orillaFlags: readonly string[];
}

/** A command line that is not understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads the command line. Throws UsageError for anything that is not understood. */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parsed(args);
  return {
    isHelp: values.help,
    freshnessRates: listOf(values.freshness).map((text) => integer("freshness", text)),
    freshnessSeconds: integer("seconds", values.seconds),
    growthAxes: listOf(values.growth).map(axis),
    consumerCounts: listOf(values.consumers).map((text) => integer("consumers", text)),
    store: values.store,
    startupBinary: existing("startup", values.startup),
    peersFolder: existing("peers", values.peers),
    python: values.python,
    recordCount: values.records === undefined ? null : integer("records", values.records),
    runs: integer("runs", values.runs),
    seed: integer("seed", values.seed, 0),
    lakesFolder: values.folder ?? null,
    orillaFlags: positionals,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: BENCH_OPTIONS, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${error.message}. See deno task bench --help`, { cause: error });
  }
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(",").map((part) => part.trim());
}

/** Null where the option was not given. */
function existing(name: string, path: string | undefined): string | null {
  if (path === undefined || existsSync(path)) return path ?? null;
  throw new UsageError(`Cannot read --${name}: there is no ${path}`);
}

function integer(name: string, text: string, min = 1): number {
  const value = /^[\d_]+$/.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (value >= min) return value;
  throw new UsageError(`Cannot read --${name}: expected an integer from ${min}, got "${text}"`);
}

function axis(text: string): Axis {
  const found = AXES.find((known) => known === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot read --growth: expected ${AXES.join(", ")}, got "${text}"`);
}
