import { VERSION } from "../../src/version.ts";
import { kafkaLeftOut, startBroker } from "../kafka/broker.ts";
import type { BenchContext } from "./bench_context.ts";
import { BENCH_HELP, type BenchOptions, readBenchOptions, UsageError } from "./bench_options.ts";
import { benchConsumers } from "./consumers.ts";
import { benchFreshness } from "./freshness.ts";
import { benchGrowth } from "./growth.ts";
import { benchJob } from "./job.ts";
import { InexactError } from "./orilla_run.ts";
import { benchPeers } from "./peers.ts";
import { note, say } from "./report.ts";
import { benchStartup } from "./startup.ts";

/**
 * How long a group's first member waits for others: Kafka's own default, which those brokers have that nobody has
 * tuned for tests.
 */
const JOINING = "group.initial.rebalance.delay.ms=3000";

/** Whole orilla processes, measured and checked: `deno task bench --help`. */
async function bench(options: BenchOptions): Promise<number> {
  const { recordCount, runs, seed, orillaFlags: flags, lakesFolder } = options;
  await using broker = kafkaLeftOut === null ? await startBroker({ conf: [JOINING] }) : null;
  const inside = lakesFolder === null ? {} : { dir: lakesFolder };
  const folder = await Deno.makeTempDir({ prefix: "orilla_bench_", ...inside });
  sayWhere();
  try {
    await runParts({ broker, recordCount, runs, seed, folder, flags }, options);
    return 0;
  } catch (error) {
    if (!(error instanceof InexactError)) throw error;
    say(`\nNOT EXACT: ${error.message}`);
    return 1;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The parts that were asked for; without one, the usual job. */
async function runParts(context: BenchContext, options: BenchOptions): Promise<void> {
  const { freshnessRates: rates, freshnessSeconds: seconds, growthAxes } = options;
  const { peersFolder, startupBinary, python, consumerCounts: counts, store } = options;
  const hasParts = peersFolder !== null || startupBinary !== null || rates.length > 0 ||
    growthAxes.length > 0 || counts.length > 0;
  if (!hasParts) await benchJob(context);
  if (peersFolder !== null) await benchPeers(context, { folder: peersFolder, python });
  if (rates.length > 0) await benchFreshness(context, { rates, seconds });
  if (growthAxes.length > 0) await benchGrowth(context, growthAxes);
  if (counts.length > 0) await benchConsumers(context, { counts, store });
  if (startupBinary !== null) await benchStartup(context, startupBinary);
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

async function main(): Promise<number> {
  try {
    const options = readBenchOptions(Deno.args);
    if (!options.isHelp) return await bench(options);
    say(BENCH_HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    note(error.message);
    return 2;
  }
}

Deno.exit(await main());
