import { parseArgs } from "node:util";
import type { LakePlace } from "./soak_lake.ts";

/** The options of `deno task soak:shared`, as parseArgs has them. */
export const SHARED_SOAK_OPTIONS = {
  store: { type: "string", default: "sqlite" },
  lake: { type: "string", default: "folder" },
  minutes: { type: "string", default: "2" },
  rate: { type: "string", default: "20000" },
  seed: { type: "string" },
  consumers: { type: "string" },
  partitions: { type: "string", default: "12" },
  "kill-every": { type: "string", default: "5" },
  "kill-store-every": { type: "string" },
  "session-timeout-ms": { type: "string", default: "2000" },
  "auto-compact": { type: "boolean", default: false },
} as const;

/** How a soak of several consumers on one lake runs. */
export interface SharedSoakOptions {
  /** `sqlite`, `postgres`, `redis`, or the URL of a store that runs already. */
  readonly store: string;
  readonly lake: LakePlace;
  readonly minutes: number;
  /** New events a second. */
  readonly rate: number;
  readonly seed: number;
  /** Null for three with a shared store, one with SQLite. */
  readonly consumerCount: number | null;
  readonly partitionCount: number;
  /** Milliseconds from one kill to the next. */
  readonly killEveryMs: number;
  /** The same of the store's server; null where it is left alone. */
  readonly killStoreEveryMs: number | null;
  readonly sessionMs: number;
  /** Whether each consumer merges small files too. */
  readonly isMerging: boolean;
}

/**
 * Reads the command line.
 *
 * @throws Error for what is not understood
 */
export function readSharedSoakOptions(args: readonly string[]): SharedSoakOptions {
  const { values } = parseArgs({ args: [...args], options: SHARED_SOAK_OPTIONS });
  return {
    store: values.store,
    lake: lakePlaceOf(values.lake),
    minutes: positive("minutes", values.minutes),
    rate: positive("rate", values.rate),
    seed: values.seed === undefined ? Date.now() % 1_000_000 : positive("seed", values.seed, 0),
    consumerCount: values.consumers === undefined ? null : positive("consumers", values.consumers),
    partitionCount: positive("partitions", values.partitions),
    killEveryMs: positive("kill-every", values["kill-every"]) * 1_000,
    killStoreEveryMs: values["kill-store-every"] === undefined
      ? null
      : positive("kill-store-every", values["kill-store-every"]) * 1_000,
    sessionMs: positive("session-timeout-ms", values["session-timeout-ms"]),
    isMerging: values["auto-compact"],
  };
}

function lakePlaceOf(text: string): LakePlace {
  if (text === "folder" || text === "bucket") return text;
  throw new Error(`Cannot read --lake: expected folder or bucket, got "${text}"`);
}

function positive(name: string, text: string, min = Number.MIN_VALUE): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= min) return value;
  throw new Error(`Cannot read --${name}: expected a number above zero, got "${text}"`);
}
