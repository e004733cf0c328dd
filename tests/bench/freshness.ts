import { basename } from "node:path";
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
    const { ages, reachedRate } = await withLake(
      context,
      (outDir) => freshnessOf(context, { rate, seconds }, outDir),
    );
    const cell = (share: number, goalMs = Infinity) => {
      const ms = quantile(ages, share);
      return `${Math.round(ms)}${ms < goalMs ? "" : ` (goal missed: ${goalMs})`}`;
    };
    rows.push([
      ...[rate, Math.round(reachedRate), ages.length].map((value) => value.toLocaleString("en-US")),
      ...[cell(0.5, goals.p50), cell(0.99, goals.p99), cell(1)],
    ]);
  }
  say(`\nFrom an event's ts to its file being visible; BATCH_MAX_LATENCY_MS ${latencyMs}, exact\n`);
  const head = [`p50 ms (goal: below ${goals.p50})`, `p99 ms (goal: below ${goals.p99})`, "max ms"];
  say(table(["events/s", "reached", "events", ...head], rows));
}

function latencyOf(flags: readonly string[]): number {
  const text = /--batch-max-latency-ms[ =](\d+)/.exec(flags.join(" "))?.[1];
  return text === undefined ? DEFAULT_LATENCY_MS : Number(text);
}

/** How old the events of a stream were when their file was visible. */
interface Freshness {
  /** Of all events, in milliseconds, sorted. */
  readonly ages: Float64Array;
  /** Events a second, by their ts: less than asked for where the machine is too slow. */
  readonly reachedRate: number;
}

async function freshnessOf(
  context: BenchContext,
  stream: Stream,
  outDir: string,
): Promise<Freshness> {
  const count = stream.rate * stream.seconds;
  using published = await PublishedFiles.watch(outDir);
  const { code, stderr } =
    await (context.broker === null
      ? simulateStream(context, stream, outDir)
      : consumeStream(context, stream, outDir));
  if (code !== 0) throw new InexactError(`orilla ended with exit code ${code}:\n${stderr}`);
  const generated = generateEvents({
    ...{ count, seed: context.seed, firstId: 0, eventIdForm: "sequence", startMs: null, days: 1 },
    ...{ duplicateRatio: 0, invalidRatio: 0, unknownFieldRatio: 0 },
  }, Date.now);
  const ages = new Float64Array(count);
  let row = 0, firstMs = Infinity, lastMs = -Infinity;
  const found = await differences(outDir, truthOf(generated, { hasDates: false }), (tsMs, file) => {
    ages[row++] = published.visibleMs(file) - tsMs;
    firstMs = Math.min(firstMs, tsMs);
    lastMs = Math.max(lastMs, tsMs);
  });
  if (found.length > 0) throw new InexactError(`The lake is not exact:\n${found.join("\n")}`);
  return { ages: ages.sort(), reachedRate: count / (lastMs - firstMs) * 1000 };
}

/** When published files could be seen first, by the word of the file system. */
class PublishedFiles implements Disposable {
  readonly #watcher: Deno.FsWatcher;
  readonly #visibleMs = new Map<string, number>();

  private constructor(folders: string[]) {
    this.#watcher = Deno.watchFs(folders, { recursive: false });
    this.#read();
  }

  /** Makes a lake's folders of today and tomorrow: what is there from the start can be watched from the start. */
  static async watch(outDir: string): Promise<PublishedFiles> {
    const now = Date.now();
    const folders = [now, now + 86_400_000]
      .map((ms) => `${outDir}/date=${new Date(ms).toISOString().slice(0, 10)}`);
    for (const folder of folders) await Deno.mkdir(folder, { recursive: true });
    return new PublishedFiles(folders);
  }

  /** Milliseconds since 1970-01-01 UTC. */
  visibleMs({ path }: LakeFile): number {
    const ms = this.#visibleMs.get(basename(path));
    if (ms === undefined) throw new Error(`Nothing was told of ${path} when it was published`);
    return ms;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }

  async #read(): Promise<void> {
    for await (const { paths } of this.#watcher) {
      const nowMs = Date.now();
      for (const name of paths.map((path) => basename(path))) {
        if (!this.#visibleMs.has(name)) this.#visibleMs.set(name, nowMs);
      }
    }
  }
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
  const limitMs = (stream.seconds + 60) * 1000;
  const source = { bootstrap: broker.bootstrap, topic: uniqueName("freshness") };
  await broker.createTopic(source.topic, PARTITIONS);
  await using consumer = spawnOrilla([...consumerArguments(source, outDir), ...flags], {
    limitMs: 3 * limitMs,
  });
  await consumer.untilStderr(/"assigned"/);
  const target = ["--bootstrap-servers", source.bootstrap, "--topic", source.topic];
  const produced = await runOrilla(
    ["producer", ...target, ...streamFlags(stream, seed)],
    { limitMs },
  );
  if (produced.code !== 0) throw new Error(`The producer failed:\n${produced.stderr}`);
  // A signal that came earlier would publish the last batch before its time.
  await untilPublished(outDir, { count: stream.rate * stream.seconds, limitMs });
  consumer.kill("SIGTERM");
  return await consumer.result;
}

/** Waits until the lake's own metrics tell of that many published events. */
async function untilPublished(
  outDir: string,
  { count, limitMs }: { readonly count: number; readonly limitMs: number },
): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const published = await publishedCount(outDir);
    if (published >= count) return;
    if (performance.now() > deadlineMs) {
      throw new Error(`${published} of ${count} events were published in ${limitMs} ms more`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** 0 before the first commit, when there are no metrics yet. */
async function publishedCount(outDir: string): Promise<number> {
  try {
    const metrics = await Deno.readTextFile(`${outDir}/metrics.txt`);
    return Number(/^orilla_events_published_total (\d+)$/m.exec(metrics)?.[1]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
