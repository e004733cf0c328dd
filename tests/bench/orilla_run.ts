import { uniqueName } from "../kafka/broker.ts";
import { orillaCommand } from "../orilla_process.ts";
import { differences, type JobTruth, lakeFiles } from "./job_truth.ts";
import { type Measured, runMeasured } from "./measured_process.ts";

/** What one run of one pipeline was measured to take. */
export interface RunFigures {
  /** From the first record to the last commit. */
  readonly eventsPerSecond: number;
  /** From the start of the process to its end. */
  readonly wholePerSecond: number;
  readonly cpuSecondsPerMillion: number;
  /** NaN where it is not known. */
  readonly peakMegabytes: number;
  readonly fileCount: number;
}

/** Where a run finds its records, and where its lake is to be. */
export interface OrillaRun {
  /** A topic on a broker; or flags for `simulate`. */
  readonly source: TopicSource | { readonly simulateFlags: readonly string[] };
  /** Made by the run. */
  readonly outDir: string;
  readonly truth: JobTruth;
  /** More of orilla's own flags. */
  readonly flags: readonly string[];
}

export interface TopicSource {
  readonly bootstrap: string;
  readonly topic: string;
}

/** A run whose lake is not as it must be, or that failed. */
export class InexactError extends Error {
  override readonly name = "InexactError";
}

/**
 * Brings all records into a fresh lake by an orilla of its own, measures it, and checks the lake.
 *
 * @throws InexactError where it failed, or anything in the lake differs from the truth
 */
export async function runOrillaJob(run: OrillaRun): Promise<RunFigures> {
  const { outDir, truth } = run;
  const measured = await runMeasured(orillaCommand(orillaArguments(run)));
  if (measured.code !== 0) {
    throw new InexactError(`orilla ended with exit code ${measured.code}:\n${measured.stderr}`);
  }
  const found = await differences(outDir, truth);
  if (found.length > 0) throw new InexactError(`The lake is not exact:\n${found.join("\n")}`);
  const seconds = "topic" in run.source
    ? secondsOfLog(measured.stderr)
    : Number(/elapsed +([\d.,]+) s/.exec(measured.stdout)?.[1]?.replace(",", ""));
  return figuresOf(measured, {
    seconds,
    recordCount: truth.recordCount,
    fileCount: (await lakeFiles(outDir)).length,
  });
}

/** Figures of a run, by how many records it handled. */
export function figuresOf(
  measured: Measured,
  { seconds, recordCount, fileCount }: {
    /** From the first record to the last commit. */
    readonly seconds: number;
    readonly recordCount: number;
    readonly fileCount: number;
  },
): RunFigures {
  return {
    eventsPerSecond: recordCount / seconds,
    wholePerSecond: recordCount / measured.seconds,
    cpuSecondsPerMillion: measured.cpuSeconds * 1e6 / recordCount,
    peakMegabytes: (measured.peakBytes ?? NaN) / 1e6,
    fileCount,
  };
}

/** The flags of a consumer, with a group of its own where none is given. */
export function consumerArguments(
  { bootstrap, topic, groupId = uniqueName("bench") }: TopicSource & { readonly groupId?: string },
  outDir: string,
): string[] {
  return [
    "consumer",
    ...["--bootstrap-servers", bootstrap, "--topic", topic],
    ...["--group-id", groupId, "--out-dir", outDir, "--log-format", "json"],
  ];
}

function orillaArguments({ source, outDir, flags }: OrillaRun): string[] {
  const args = "topic" in source
    ? [...consumerArguments(source, outDir), "--until-end"]
    : ["simulate", "--out-dir", outDir, "--log-format", "json", ...source.simulateFlags];
  return [...args, ...flags];
}

/** From "assigned", after which the first fetch begins, to the last "committed". */
function secondsOfLog(stderr: string): number {
  const times = (message: string) =>
    stderr.split("\n").filter((line) => line.includes(`"message":"${message}"`))
      .map((line) => Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? ""));
  const assignedMs = times("assigned").at(0), committedMs = times("committed").at(-1);
  if (assignedMs === undefined || committedMs === undefined) {
    throw new Error(`Expected the log lines "assigned" and "committed" in:\n${stderr}`);
  }
  return (committedMs - assignedMs) / 1000;
}
