import { defaultOf } from "../../src/config.ts";
import { lakeOptions } from "../../src/options/lake_options.ts";
import { uniqueName } from "../kafka/broker.ts";
import { type OrillaResult, runOrilla, spawnOrilla } from "../orilla_process.ts";
import { generateEvents } from "../../src/simulation/event_generator.ts";
import { type BenchContext, PARTITIONS, withLake } from "./bench_context.ts";
import { differences, type LakeFile, truthOf } from "./job_truth.ts";
import { consumerArguments, InexactError } from "./orilla_run.ts";
import { note, quantile, say, table } from "./report.ts";

/** How long a consumer waits at most for a batch to fill, in milliseconds, where no flag says another. */
const DEFAULT_LATENCY_MS = Number(defaultOf(lakeOptions.batchMaxLatencyMs, "consumer"));

/** What is produced: events a second, and for how long. */
interface Stream {
  readonly rate: number;
  readonly seconds: number;
}

/** How old events are when a reader can see their file, at some rates. */
export async function benchFreshness(
  context: BenchContext,
  { rates, seconds }: { readonly rates: readonly number[]; readonly seconds: number },
): Promise<void> {
  const latencyMs = latencyOf(context.flags);
  const goals = { p50: latencyMs / 2 + 100, p99: latencyMs + 300 };
  const rows: string[][] = [];
  for (const rate of rates) {
    note(`freshness at ${rate} events/s for ${seconds} s`);
    const ages = await withLake(context, (outDir) => agesOf(context, { rate, seconds }, outDir));
    const cell = (share: number, goalMs = Infinity) => {
      const ms = quantile(ages, share);
      return `${Math.round(ms)}${ms < goalMs ? "" : ` (goal missed: ${goalMs})`}`;
    };
    const perSecond = rate.toLocaleString("en-US"), count = ages.length.toLocaleString("en-US");
    rows.push([perSecond, count, cell(0.5, goals.p50), cell(0.99, goals.p99), cell(1)]);
  }
  say(`\nFrom an event's ts to its file being visible; BATCH_MAX_LATENCY_MS ${latencyMs}, exact\n`);
  const head = [`p50 ms (goal: below ${goals.p50})`, `p99 ms (goal: below ${goals.p99})`, "max ms"];
  say(table(["events/s", "events", ...head], rows));
}

function latencyOf(flags: readonly string[]): number {
  const text = /--batch-max-latency-ms[ =](\d+)/.exec(flags.join(" "))?.[1];
  return text === undefined ? DEFAULT_LATENCY_MS : Number(text);
}

/** Ages in milliseconds, sorted, of all events of a stream. */
async function agesOf(
  context: BenchContext,
  stream: Stream,
  outDir: string,
): Promise<Float64Array> {
  const count = stream.rate * stream.seconds;
  const { code, stderr } =
    await (context.broker === null
      ? simulateStream(context, stream, outDir)
      : consumeStream(context, stream, outDir));
  if (code !== 0) throw new InexactError(`orilla ended with exit code ${code}:\n${stderr}`);
  const generated = generateEvents({
    ...{ count, seed: context.seed, firstId: 0, eventIdForm: "sequence", startMs: null, days: 1 },
    ...{ duplicateRatio: 0, invalidRatio: 0, unknownFieldRatio: 0 },
  }, Date.now);
  const ages = new Float64Array(count), visibleSince = new Map<string, number>();
  let row = 0;
  const found = await differences(outDir, truthOf(generated, { hasDates: false }), (tsMs, file) => {
    const visibleMs = visibleSince.get(file.path) ?? visibleMsOf(file);
    visibleSince.set(file.path, visibleMs);
    ages[row++] = visibleMs - tsMs;
  });
  if (found.length > 0) throw new InexactError(`The lake is not exact:\n${found.join("\n")}`);
  return ages.sort();
}

/** A published file's inode changes for the last time when it is given its name: at its ctime. */
function visibleMsOf({ path }: LakeFile): number {
  const { ctime, mtime } = Deno.statSync(path);
  const time = ctime ?? mtime;
  if (time === null) throw new Error(`This system does not tell when ${path} was made`);
  return time.getTime();
}

function streamFlags({ rate, seconds }: Stream, seed: number): string[] {
  const flags = { rate, count: rate * seconds, seed, start: "now" };
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

function simulateStream(
  { seed, flags }: BenchContext,
  stream: Stream,
  outDir: string,
): Promise<OrillaResult> {
  const limitMs = (stream.seconds + 120) * 1000;
  const args = ["simulate", "--out-dir", outDir, ...streamFlags(stream, seed), ...flags];
  return runOrilla(args, { limitMs });
}

/** A consumer that is there already when the producer starts, and stays until all of it is published. */
async function consumeStream(
  { broker, seed, flags }: BenchContext,
  stream: Stream,
  outDir: string,
): Promise<OrillaResult> {
  if (broker === null) throw new Error("a consumer needs a broker");
  const limitMs = (stream.seconds + 120) * 1000;
  const source = { bootstrap: broker.bootstrap, topic: uniqueName("freshness") };
  await broker.createTopic(source.topic, PARTITIONS);
  await using consumer = spawnOrilla([...consumerArguments(source, outDir), ...flags], { limitMs });
  await consumer.untilStderr(/"assigned"/);
  const target = ["--bootstrap-servers", source.bootstrap, "--topic", source.topic];
  const produced = await runOrilla(
    ["producer", ...target, ...streamFlags(stream, seed)],
    { limitMs },
  );
  if (produced.code !== 0) throw new Error(`The producer failed:\n${produced.stderr}`);
  // A signal would publish the last batch before its time.
  await new Promise((resolve) => setTimeout(resolve, latencyOf(flags) + 2_000));
  consumer.kill("SIGTERM");
  return await consumer.result;
}
