import { uniqueName } from "../kafka/broker.ts";
import { runOrilla } from "../orilla_process.ts";
import { type BenchContext, PARTITIONS, prepareJob, withLake } from "./bench_context.ts";
import { USUAL_JOB } from "./job_records.ts";
import { type RunFigures, runOrillaJob } from "./orilla_run.ts";
import { note, runsText, say, spreadText, table } from "./report.ts";

const RECORD_COUNT = 1_000_000;

/** Head of a table whose rows are `figureCells`. */
export const FIGURE_HEAD = [
  "events/s, first event to last commit",
  "events/s, whole process",
  "CPU-s per 1M",
  "peak MB",
] as const;

/** The usual job, several times from the beginning to the end: throughput, CPU and memory. */
export async function benchJob(context: BenchContext): Promise<void> {
  const { broker, runs, seed, flags } = context;
  const count = context.recordCount ?? RECORD_COUNT;
  const producing: number[] = [], figures: RunFigures[] = [];
  const job = await prepareJob(context, { ...USUAL_JOB, count, seed });
  for (let run = 1; run <= runs; run++) {
    note(`job, run ${run} of ${runs}`);
    if (broker !== null) producing.push(await produceOnce(context, count));
    figures.push(await withLake(context, (outDir) => runOrillaJob({ ...job, outDir, flags })));
  }
  const mode = broker === null ? "simulate (it generates its records itself)" : "consumer";
  const text = `${count.toLocaleString("en-US")} events, ${runsText(runs)}`;
  say(`\n${text}\n`);
  say(table(["", ...FIGURE_HEAD], [[mode, ...figureCells(figures)]]));
  if (producing.length > 0) say(`\nproducer: ${spreadText(producing)} acknowledged events/s`);
}

/** Medians and ranges of runs of one kind. */
export function figureCells(figures: readonly RunFigures[]): string[] {
  const of = (name: keyof RunFigures) => figures.map((figure) => figure[name]);
  const peaks = of("peakMegabytes");
  return [
    spreadText(of("eventsPerSecond")),
    spreadText(of("wholePerSecond")),
    spreadText(of("cpuSecondsPerMillion"), 1),
    peaks.some(Number.isNaN) ? "not known on this system" : spreadText(peaks),
  ];
}

/** Events a second that a producer of its own got acknowledged, as it says itself. */
async function produceOnce({ broker, seed }: BenchContext, count: number): Promise<number> {
  if (broker === null) throw new Error("a producer needs a broker");
  const topic = uniqueName("bench-producer");
  await broker.createTopic(topic, PARTITIONS);
  const target = ["--bootstrap-servers", broker.bootstrap, "--topic", topic];
  const args = ["producer", ...target, "--count", String(count), "--seed", String(seed)];
  const { code, stdout, stderr } = await runOrilla(args, { limitMs: 3_600_000 });
  const rate = /acknowledged .* ([\d,]+) records\/s/.exec(stdout)?.[1]?.replaceAll(",", "");
  if (code !== 0 || rate === undefined) throw new Error(`The producer failed: ${stdout}${stderr}`);
  return Number(rate);
}
