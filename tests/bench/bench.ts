import { parseArgs } from "node:util";
import { VERSION } from "../../src/version.ts";
import { kafkaLeftOut, startBroker } from "../kafka/broker.ts";
import type { BenchContext } from "./bench_context.ts";
import { benchFreshness } from "./freshness.ts";
import { AXES, type Axis, benchGrowth } from "./growth.ts";
import { benchJob } from "./job.ts";
import { InexactError } from "./orilla_run.ts";
import { benchPeers } from "./peers.ts";
import { note, say } from "./report.ts";
import { benchStartup } from "./startup.ts";

const HELP =
  `Measures whole orilla processes, on a broker of its own where one can be started (Java, Maven), and over
simulate without. Each run is checked: an inexact one ends the benchmark with exit code 1.

deno task bench [OPTIONS] [-- FLAGS OF ORILLA]

Without one of the parts below, it measures the usual job: throughput, CPU and memory.
  --freshness RATE[,RATE]   events/s, for example 1000,50000: how old events are when they can be read
  --growth AXIS[,AXIS]      dates, partitions, invalid, duplicates: the job with more and more of them
  --startup BINARY          a compiled orilla: --help, and the time until it fetches
  --peers FOLDER            the job side by side with other pipelines: gen.py, verify.py and peer_*.py of a folder

  --records N               records of a job; default 1000000, for --growth 200000
  --runs N                  runs of each job; default 3
  --seed N                  of the records; default 1
  --seconds N               of each rate of --freshness; default 30
  --python PATH             the Python of --peers; default python3
  --folder PATH             where the lakes are made; default the system's temporary folder
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean", default: false },
    freshness: { type: "string" },
    growth: { type: "string" },
    startup: { type: "string" },
    peers: { type: "string" },
    records: { type: "string" },
    runs: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "30" },
    python: { type: "string", default: "python3" },
    folder: { type: "string" },
  },
});

/** A part of the benchmark that was asked for. */
type Part = (context: BenchContext) => Promise<void>;

function partsAskedFor(): Part[] {
  const { freshness, growth, startup: binary, peers: folder, python } = values;
  const parts: Part[] = [];
  if (folder !== undefined) parts.push((context) => benchPeers(context, { folder, python }));
  if (freshness !== undefined) {
    const rates = listOf(freshness).map((text) => integer("freshness", text));
    const seconds = integer("seconds", values.seconds);
    parts.push((context) => benchFreshness(context, { rates, seconds }));
  }
  if (growth !== undefined) {
    const axes = listOf(growth).map(axis);
    parts.push((context) => benchGrowth(context, axes));
  }
  if (binary !== undefined) parts.push((context) => benchStartup(context, binary));
  return parts.length > 0 ? parts : [benchJob];
}

async function bench(): Promise<number> {
  const parts = partsAskedFor();
  const recordCount = values.records === undefined ? null : integer("records", values.records);
  const runs = integer("runs", values.runs), seed = integer("seed", values.seed, 0);
  await using broker = kafkaLeftOut === null ? await startBroker() : null;
  const inside = values.folder === undefined ? {} : { dir: values.folder };
  const folder = await Deno.makeTempDir({ prefix: "orilla_bench_", ...inside });
  sayWhere();
  try {
    for (const part of parts) {
      await part({ broker, recordCount, runs, seed, folder, flags: positionals });
    }
    return 0;
  } catch (error) {
    if (!(error instanceof InexactError)) throw error;
    say(`\nNOT EXACT: ${error.message}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sayWhere(): void {
  const { os, arch } = Deno.build;
  const machine = `${os} ${arch}, ${navigator.hardwareConcurrency} cores`;
  const source = kafkaLeftOut === null
    ? "a real broker on the same machine"
    : `without a broker: ${kafkaLeftOut}`;
  const date = new Date().toISOString().slice(0, 10);
  say(`orilla ${VERSION}, Deno ${Deno.version.deno}, ${machine}, ${date}; ${source}`);
  say(`deno task bench ${Deno.args.join(" ")}`);
}

function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

function integer(name: string, text: string, min = 1): number {
  const value = /^[\d_]+$/.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (value >= min) return value;
  throw new Error(`Cannot read --${name}: expected an integer from ${min}, got "${text}"`);
}

function axis(text: string): Axis {
  const found = AXES.find((known) => known === text);
  if (found !== undefined) return found;
  throw new Error(`Cannot read --growth: expected ${AXES.join(", ")}, got "${text}"`);
}

if (values.help) {
  say(HELP);
} else {
  const code = await bench();
  note(code === 0 ? "done" : "failed");
  Deno.exit(code);
}
