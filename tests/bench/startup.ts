import { startBroker } from "../kafka/broker.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { type BenchContext, prepareJob, withLake } from "./bench_context.ts";
import { USUAL_JOB } from "./job_records.ts";
import { consumerArguments } from "./orilla_run.ts";
import { note, say, spreadText, table } from "./report.ts";

const RUNS = 10;

/** How soon a compiled orilla answers, and begins to fetch. */
export async function benchStartup(context: BenchContext, binary: string): Promise<void> {
  const path = await Deno.realPath(binary);
  const { size } = await Deno.stat(path);
  note(`start-up of ${path}, ${RUNS} times`);
  const help = await repeated(() => helpMs(path));
  const rows = [["--help", spreadText(help)]];
  if (context.broker === null) rows.push(["consumer, until it fetches", "left out: no broker"]);
  else {
    const fetching = await fetchingTimes(context, path);
    rows.push(["consumer, until it is assigned and fetches", spreadText(fetching)]);
  }
  say(`\n${Math.round(size / 1e6)} MB executable, ${RUNS} starts; medians (range)\n`);
  say(table(["start-up", "ms"], rows));
}

/** On a broker that assigns partitions at once: what is measured is orilla's own part. */
async function fetchingTimes(context: BenchContext, path: string): Promise<number[]> {
  await using broker = await startBroker();
  const shape = { ...USUAL_JOB, count: 1_000, seed: context.seed };
  const { source } = await prepareJob({ ...context, broker }, shape);
  if (!("topic" in source)) throw new Error("a job on a broker has a topic");
  return await repeated(() =>
    withLake(context, (outDir) => fetchingMs(path, consumerArguments(source, outDir)))
  );
}

async function repeated(measure: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) times.push(await measure());
  return times;
}

async function helpMs(binary: string): Promise<number> {
  const startMs = performance.now();
  const { code, stderr } = await runOrilla(["--help"], { binary });
  const ms = performance.now() - startMs;
  if (code !== 0) throw new Error(`--help ended with exit code ${code}: ${stderr}`);
  return ms;
}

/** "assigned" is logged right before the first fetch. */
async function fetchingMs(binary: string, args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  await using consumer = spawnOrilla(args, { binary });
  await consumer.untilStderr(/"assigned"/);
  return performance.now() - startMs;
}
