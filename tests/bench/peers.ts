import { basename } from "node:path";
import { uniqueName } from "../kafka/broker.ts";
import { type BenchContext, PARTITIONS, withLake } from "./bench_context.ts";
import { FIGURE_HEAD, figureCells } from "./job.ts";
import { type JobTruth, lakeFiles } from "./job_truth.ts";
import { type Measured, runMeasured } from "./measured_process.ts";
import {
  figuresOf,
  InexactError,
  type OrillaRun,
  type RunFigures,
  runOrillaJob,
  type TopicSource,
} from "./orilla_run.ts";
import { note, runsText, say, spreadOf, table } from "./report.ts";

/** Where the other pipelines are. */
export interface PeersOptions {
  /** Folder with gen.py, verify.py and peer_*.py; its README says what they are called with. */
  readonly folder: string;
  /** The Python that has their packages. */
  readonly python: string;
}

/** One pipeline: brings the topic into a fresh folder, and is measured. */
interface Pipeline {
  readonly name: string;
  /** Where its dead letters are, a pattern inside its folder. */
  readonly deadLetters: string;
  readonly run: (outDir: string) => Promise<RunFigures>;
}

const RECORD_COUNT = 1_000_000;

/**
 * The same topic through orilla and other pipelines, in turn, all of them measured and checked alike.
 *
 * @throws InexactError where one of them is not exact
 */
export async function benchPeers(context: BenchContext, options: PeersOptions): Promise<void> {
  const { broker, runs, seed, folder } = context;
  if (broker === null) {
    say("\nThe other pipelines are left out: they need a broker");
    return;
  }
  const source = { bootstrap: broker.bootstrap, topic: uniqueName("peers") };
  const count = context.recordCount ?? RECORD_COUNT, truthPath = `${folder}/TRUTH.json`;
  note(`gen.py makes ${count} records`);
  const range = ["--partitions", String(PARTITIONS), "--seed", String(seed)];
  const target = [source.bootstrap, source.topic, String(count), truthPath];
  await python(options, ["gen.py", ...target, ...range]);
  const truth = await readTruth(truthPath);
  const run = { source, truth, flags: context.flags };
  const pipelines = [orillaPipeline(run), ...await otherPipelines(options, { source, truth })];
  const figures = new Map(pipelines.map(({ name }): [string, RunFigures[]] => [name, []]));
  for (let round = 1; round <= runs; round++) {
    for (const pipeline of pipelines) {
      note(`${pipeline.name}, run ${round} of ${runs}`);
      const measured = await withLake(context, async (outDir) => {
        const measured = await pipeline.run(outDir);
        await verify(options, { pipeline, outDir, truthPath });
        return measured;
      });
      figures.get(pipeline.name)?.push(measured);
    }
  }
  say(
    `\n${count.toLocaleString("en-US")} events of gen.py, in turn, ${runsText(runs)}\n`,
  );
  sayRatios(figures);
}

function sayRatios(figures: ReadonlyMap<string, readonly RunFigures[]>): void {
  const rate = (runs: readonly RunFigures[]) =>
    spreadOf(runs.map(({ eventsPerSecond }) => eventsPerSecond)).median;
  const ours = rate(figures.get("orilla") ?? []);
  const rows = [...figures].map(([name, runs]) => [
    name,
    ...figureCells(runs),
    (ours / rate(runs)).toFixed(2),
  ]);
  say(table(["pipeline", ...FIGURE_HEAD, "orilla is × as fast"], rows));
}

function orillaPipeline(run: Omit<OrillaRun, "outDir">): Pipeline {
  return {
    name: "orilla",
    deadLetters: "_dead_letters/*/*.parquet",
    run: (outDir) => runOrillaJob({ ...run, outDir }),
  };
}

async function otherPipelines(
  options: PeersOptions,
  { source, truth }: { readonly source: TopicSource; readonly truth: JobTruth },
): Promise<Pipeline[]> {
  const files = await Array.fromAsync(Deno.readDir(options.folder));
  const scripts = files.map(({ name }) => name).filter((name) => /^peer_.*\.py$/.test(name)).sort();
  if (scripts.length === 0) throw new Error(`There is no peer_*.py in ${options.folder}`);
  return scripts.map((script) => ({
    name: basename(script, ".py"),
    deadLetters: "dlq*.jsonl",
    run: async (outDir) => {
      await Deno.mkdir(outDir);
      const measured = await python(options, [script, source.bootstrap, source.topic, outDir]);
      const seconds = steadySecondsOf(measured, script);
      const fileCount = (await lakeFiles(outDir)).length;
      return figuresOf(measured, { seconds, recordCount: truth.recordCount, fileCount });
    },
  }));
}

/** They say themselves how long it was from the first event to the last commit. */
function steadySecondsOf({ stdout }: Measured, script: string): number {
  const seconds = Number(/^RESULT .*"steady_s": ?([\d.]+)/m.exec(stdout)?.[1]);
  if (seconds > 0) return seconds;
  throw new Error(`Expected a line RESULT with "steady_s" of ${script}, got:\n${stdout}`);
}

/** What verify.py prints, as far as it is read here. */
interface Verdict {
  readonly exact: boolean;
  readonly dlq_lines: number;
  readonly dlq_expected: number;
}

async function verify(
  options: PeersOptions,
  { pipeline, outDir, truthPath }: {
    readonly pipeline: Pipeline;
    readonly outDir: string;
    readonly truthPath: string;
  },
): Promise<void> {
  const args = ["verify.py", outDir, truthPath, "--dlq", pipeline.deadLetters];
  const { stdout } = await python(options, args);
  const verdict: Verdict = JSON.parse(stdout);
  if (verdict.exact !== true || verdict.dlq_lines !== verdict.dlq_expected) {
    throw new InexactError(`verify.py says of ${pipeline.name}: ${stdout}`);
  }
}

async function python(
  { folder, python }: PeersOptions,
  [script = "", ...args]: readonly string[],
): Promise<Measured> {
  // verify.py compares dates as DuckDB shows them, which is in the zone of TZ.
  const env = { ...Deno.env.toObject(), TZ: "UTC" };
  const measured = await runMeasured({ path: python, args: [`${folder}/${script}`, ...args], env });
  if (measured.code === 0) return measured;
  throw new Error(`${script} ended with exit code ${measured.code}:\n${measured.stderr}`);
}

/** What gen.py writes, as far as it is read here. */
interface GeneratedTruth {
  readonly n: number;
  readonly valid_unique: number;
  readonly invalid: number;
  readonly sum_id: number;
  readonly sum_usuario_id: number;
  readonly sum_monto_cents: number;
  readonly per_date: Readonly<Record<string, number>>;
}

/** Reads what gen.py says must be in the lake. */
async function readTruth(path: string): Promise<JobTruth> {
  const truth: GeneratedTruth = JSON.parse(await Deno.readTextFile(path));
  return {
    recordCount: truth.n,
    invalidCount: truth.invalid,
    rowCount: truth.valid_unique,
    idSum: truth.sum_id,
    usuarioIdSum: truth.sum_usuario_id,
    montoCents: truth.sum_monto_cents,
    rowsByDate: truth.per_date,
  };
}
