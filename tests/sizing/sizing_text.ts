import { table } from "../bench/report.ts";
import {
  type Load,
  loadOf,
  type Measured,
  type RequestCounts,
  type RequestPrices,
  requestsADay,
  seenIdBytes,
  type StoreMeasured,
  type Wanted,
} from "./load.ts";

/** All that the tables are made of. */
export interface SizingInput {
  readonly wanted: Wanted;
  readonly measured: Measured;
  readonly stores: readonly StoreMeasured[];
}

export const WANTED: Wanted = {
  rate: 1_000_000,
  batchEvents: 50_000,
  latencySeconds: 5,
  datesPerBatch: 2,
  instanceCores: 2,
  utilization: 0.5,
  spareInstances: 1,
};

/** A file is begun, has a part, and is completed; with a table's log a commit is one more. */
export const REQUESTS: RequestCounts = { writesPerFile: 3, writesPerCommit: 1, readsPerCommit: 1 };
/** Amazon S3 Standard, us-east-1, as listed in 2025. */
export const PRICES: RequestPrices = { writes: 0.005, reads: 0.0004 };

const BATCHES: readonly Pick<Wanted, "batchEvents" | "latencySeconds">[] = [
  { batchEvents: 50_000, latencySeconds: 5 },
  { batchEvents: 250_000, latencySeconds: 5 },
  { batchEvents: 1_000_000, latencySeconds: 5 },
  { batchEvents: 1_000_000, latencySeconds: 60 },
];
const TIMES_TO_LIVE = [["an hour", 3_600], ["a day", 86_400], ["7 days", 604_800]] as const;
const SECONDS_A_DAY = 86_400;

/** README's tables of "Sizing", as Markdown. */
export function sizingText(input: SizingInput): string {
  return [loadTable, batchTable, storeTable, seenIdTable].map((of) => of(input)).join("\n\n") +
    "\n";
}

/** What the rate and a tenth of it ask for. */
function loadTable({ wanted, measured }: SizingInput): string {
  const rates = [wanted.rate / 10, wanted.rate];
  const loads = rates.map((rate) => loadOf({ ...wanted, rate }, measured));
  const row = (what: string, how: string, of: (load: Load) => string) => [
    what,
    ...loads.map(of),
    how,
  ];
  return table(["", ...rates.map((rate) => `${count(rate)} events/s`), "how"], [
    row(
      "cores of all consumers",
      "rate × CPU-s per 1M / 1,000,000",
      (load) => count(load.consumerCores, 1),
    ),
    row(
      `instances of ${wanted.instanceCores} cores`,
      `cores / (${wanted.instanceCores} × ${wanted.utilization}) + ${wanted.spareInstances} that may fail`,
      (load) => count(load.instances),
    ),
    row("partitions", "4 × instances", (load) => count(load.partitions)),
    row("memory of all", "instances × peak", (load) => bytes(load.memoryMegabytes * 1e6)),
    row(
      "from Kafka",
      "rate × bytes of a record",
      (load) => `${bytes(load.kafkaMegabytesPerSecond * 1e6)}/s`,
    ),
    row(
      "Parquet to the lake",
      "rate × Parquet bytes",
      (load) =>
        `${bytes(load.lakeMegabytesPerSecond * 1e6)}/s, ${
          bytes(load.lakeMegabytesPerSecond * 1e6 * SECONDS_A_DAY)
        } a day`,
    ),
    row(
      "commits of all",
      "instances / min(BATCH_MAX_LATENCY_MS, BATCH_MAX_EVENTS × instances / rate)",
      (load) => `${count(load.commitsPerSecond, 1)}/s, ${count(load.eventsPerCommit)} events each`,
    ),
  ]);
}

/** Files, requests and their price by how batches are set. */
function batchTable({ wanted, measured }: SizingInput): string {
  const rows = BATCHES.map((batch) => {
    const load = loadOf({ ...wanted, ...batch }, measured);
    const { writes, reads, dollars } = requestsADay(load, REQUESTS, PRICES);
    return [
      `${count(batch.batchEvents)}, ${batch.latencySeconds} s`,
      `${count(load.commitSeconds, 1)} s`,
      count(load.commitsPerSecond * SECONDS_A_DAY),
      count(load.filesPerSecond * SECONDS_A_DAY),
      bytes(load.megabytesPerFile * 1e6),
      `${count(writes / 1e6, 2)} M`,
      `${count(reads / 1e6, 2)} M`,
      `$${count(dollars, 2)}`,
    ];
  });
  return table([
    "BATCH_MAX_EVENTS, BATCH_MAX_LATENCY_MS",
    "an instance commits each",
    "commits a day",
    "files a day",
    "a file has",
    "PUT, POST a day",
    "GET a day",
    "requests a day cost",
  ], rows);
}

/** What the rate asks of one server of each store. */
function storeTable({ wanted, stores }: SizingInput): string {
  const rows = stores.map((store) => [
    store.name,
    count(wanted.rate / 1e6 * store.consumerCpuSeconds, 1),
    ...store.serverCpuSeconds === 0 ? ["no server", "–", "–"] : [
      count(wanted.rate / 1e6 * store.serverCpuSeconds, 1),
      eventsACore(store),
      `${bytes(wanted.rate * store.loggedBytes)}/s`,
    ],
    `${count(store.bytesPerId)} (${store.heldIn})`,
  ]);
  return table([
    `store at ${count(wanted.rate)} events/s`,
    "cores of all consumers",
    "cores of the server",
    "events/s that a core of it takes",
    "written to its log",
    "bytes a seen id",
  ], rows);
}

function eventsACore({ serverCpuSeconds, serverCores }: StoreMeasured): string {
  const text = count(1e6 / serverCpuSeconds, 0, 2);
  return serverCores === 1 ? `${text}, and it uses no more than one` : text;
}

/** What seen ids take, by how long they count as seen. */
function seenIdTable({ wanted, stores }: SizingInput): string {
  const rates = [wanted.rate / 10, wanted.rate];
  const rows = TIMES_TO_LIVE.flatMap(([name, ttlSeconds]) =>
    rates.map((rate) => [
      `${name} at ${count(rate)} events/s`,
      count(rate * ttlSeconds / 1e6),
      ...stores.map((store) => bytes(seenIdBytes({ rate, ttlSeconds }, store))),
    ])
  );
  const names = stores.map(({ name, heldIn }) => `${name} (${heldIn})`);
  return table(["DEDUPE_TTL", "million ids", ...names], rows);
}

/** @param significant digits that are not zero, at the most */
function count(value: number, digits = 0, significant = 21): string {
  return Number(value.toPrecision(significant))
    .toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** Bytes with a decimal unit. */
function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(value, 1)) / 3), units.length - 1);
  const scaled = value / 1_000 ** power;
  return `${count(scaled, scaled < 10 ? 1 : 0)} ${units[power]}`;
}
