import type { CommittedFile, LakeHistory } from "../checkpoint/history.ts";
import { AgeTally } from "../core/age_tally.ts";
import { mostFrequent, totalOf } from "../core/counters.ts";
import { messageOf } from "../core/errors.ts";
import {
  type AccionCounts,
  type AccionKey,
  commitsOverTime,
  type DateReport,
  fileSizesOf,
  freshnessOf,
  type LakeReport,
  noAcciones,
} from "../core/lake_report.ts";
import { tallyEvents } from "../lake/event_tally.ts";
import { loadParquet } from "../lake/parquet.ts";
import { openParquet, type ReadRange } from "../lake/parquet_ranges.ts";
import type { Log } from "../runtime/logs.ts";
import type { ReadLake } from "./read_lake.ts";

/** What a report is made with. */
export interface ReportOptions extends ReadLake {
  readonly version: string;
  readonly nowMs: number;
  readonly log: Log;
  /** Aborted where the report is no longer wanted. */
  readonly stop: AbortSignal;
  /** Told how many of how many events were read. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Sums a lake up: what its checkpoint knows, and of each file of events three columns. One row group is in memory at
 * a time. Changes nothing, and may run beside a consumer.
 *
 * @returns null where it was told to stop
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export async function reportOn(options: ReportOptions): Promise<LakeReport | null> {
  await loadParquet();
  for (let attempt = 1;; attempt++) {
    try {
      return await reportOnce(options);
    } catch (error) {
      // Each time whole files were merged in between; that cannot go on for long.
      if (!(error instanceof Merged) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

const MAX_ATTEMPTS = 10;

/** A file was merged into another one since the checkpoint was read: its rows are to be counted there. */
class Merged extends Error {}

async function reportOnce(options: ReportOptions): Promise<LakeReport | null> {
  const { reader, version, nowMs, stop, onProgress } = options;
  const history = await reader.history();
  const ofEvents = history.files.filter(({ kind }) => kind === "events");
  const total = ofEvents.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const ages = new AgeTally();
  const dates = new Map<string, DateReport>();
  const unreadable: string[] = [];
  let done = 0;
  for (const file of ofEvents) {
    if (stop.aborted) return null;
    const counts = await tally(options, file, ages);
    if (counts === null) unreadable.push(file.finalPath);
    addFile(dates, file, counts ?? noAcciones());
    onProgress(done += file.rowCount, total);
  }
  const byDate = [...dates.values()].sort((a, b) => a.date < b.date ? -1 : 1);
  return {
    version,
    madeAtMs: nowMs,
    ...totalsOf(history),
    dates: byDate,
    acciones: byDate.reduce((sum, { acciones }) => addAcciones(sum, acciones), noAcciones()),
    freshness: freshnessOf(ages),
    fileSizes: fileSizesOf(ofEvents.map(({ bytes }) => bytes)),
    commitsOverTime: commitsOverTime(history.commits),
    unreadable,
  };
}

/** Null where the file cannot be read; a commit that is just being published has it under its staged name. */
async function tally(
  { files, reader, log }: ReportOptions,
  { finalPath, stagedPath }: CommittedFile,
  ages: AgeTally,
): Promise<AccionCounts | null> {
  let failure: unknown = null;
  for (const path of [finalPath, stagedPath, finalPath]) {
    try {
      const bytes = await files.size(path);
      if (bytes === null) throw new Deno.errors.NotFound(`${path} is not there`);
      const read: ReadRange = (start, end) => files.readRange(path, { start, end });
      return await tallyEvents(await openParquet(bytes, read), ages);
    } catch (error) {
      failure = error;
    }
  }
  if (await reader.isReplaced(finalPath)) throw new Merged();
  log.error(`${finalPath} cannot be read`, { error: messageOf(failure) });
  return null;
}

function addFile(
  dates: Map<string, DateReport>,
  { finalPath, rowCount, bytes }: CommittedFile,
  counts: AccionCounts,
): void {
  const date = finalPath.slice("date=".length, finalPath.indexOf("/"));
  const found = dates.get(date) ?? { date, events: 0, files: 0, bytes: 0, acciones: noAcciones() };
  found.events += rowCount;
  found.files++;
  found.bytes += bytes;
  addAcciones(found.acciones, counts);
  dates.set(date, found);
}

function addAcciones(into: AccionCounts, counts: AccionCounts): AccionCounts {
  for (const key of Object.keys(counts) as AccionKey[]) into[key] += counts[key];
  return into;
}

function totalsOf({ counters, commits, files, seenIdCount }: LakeHistory) {
  const { received, published, duplicate } = counters;
  const bytesOf = (kind: CommittedFile["kind"]) =>
    files.reduce((sum, file) => file.kind === kind ? sum + file.bytes : sum, 0);
  const countOf = (kind: CommittedFile["kind"]) =>
    files.filter((file) => file.kind === kind).length;
  return {
    outcomes: { received, published, duplicate, rejected: totalOf(counters.rejected) },
    commits: commits.length,
    files: countOf("events"),
    bytes: bytesOf("events"),
    deadLetterFiles: countOf("dead_letters"),
    deadLetterBytes: bytesOf("dead_letters"),
    seenIds: seenIdCount,
    rejectedByReason: mostFrequent(counters.rejected),
  };
}
