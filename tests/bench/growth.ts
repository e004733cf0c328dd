import { type BenchContext, PARTITIONS, prepareJob, withLake } from "./bench_context.ts";
import type { Axis } from "./bench_options.ts";
import { FIGURE_HEAD, figureCells } from "./job.ts";
import { type JobShape, USUAL_JOB } from "./job_records.ts";
import { type RunFigures, runOrillaJob } from "./orilla_run.ts";
import { preloadIds } from "./preloaded_ids.ts";
import { note, runsText, say, spreadText, table } from "./report.ts";

/** A point of an axis: how its job differs from the usual one. */
interface Point {
  readonly name: string;
  readonly shape?: Partial<JobShape>;
  readonly partitions?: number;
  /** Event ids that were seen before the job, none of which is in it. */
  readonly seenBefore?: number;
}

const SHARES = [0, 0.01, 0.1, 0.5, 0.9, 1];
const POINTS: Readonly<Record<Axis, readonly Point[]>> = {
  dates: [1, 3, 7, 30, 90, 365].map((dates) => ({ name: String(dates), shape: { dates } })),
  partitions: [1, 4, 16, 64].map((partitions) => ({ name: String(partitions), partitions })),
  invalid: SHARES.map((share) => ({
    name: `${share * 100}%`,
    shape: { invalidRatio: share, duplicateRatio: 0 },
  })),
  duplicates: SHARES.map((share) => ({
    name: `${share * 100}%`,
    shape: { duplicateRatio: share, invalidRatio: 0 },
  })),
  ids: [0, 10, 50, 100].map((millions) => ({
    name: `${millions}M`,
    shape: { duplicateRatio: 0, invalidRatio: 0 },
    seenBefore: millions * 1e6,
  })),
};

const RECORD_COUNT = 200_000;
/** The default of DEDUPE_TTL. */
const TTL_MS = 7 * 86_400_000;

/** The job at each point of some axes, a table for each. */
export async function benchGrowth(context: BenchContext, axes: readonly Axis[]): Promise<void> {
  for (const axis of axes) {
    if (axis === "partitions" && context.broker === null) {
      say("\nGrowth with partitions is left out: it needs a broker");
      continue;
    }
    const rows: string[][] = [];
    for (const point of POINTS[axis]) rows.push(await pointRow(context, { axis, point }));
    const count = (context.recordCount ?? RECORD_COUNT).toLocaleString("en-US");
    say(
      `\n${count} events at each point, ${runsText(context.runs)}\n`,
    );
    say(table([axis, ...FIGURE_HEAD, "files"], rows));
  }
}

async function pointRow(
  context: BenchContext,
  { axis, point }: { readonly axis: Axis; readonly point: Point },
): Promise<string[]> {
  const { runs, seed, flags, recordCount } = context;
  const { name, shape = {}, partitions = PARTITIONS } = point;
  const count = recordCount ?? RECORD_COUNT;
  const job = await prepareJob(context, { ...USUAL_JOB, count, seed, ...shape }, partitions);
  const figures: RunFigures[] = [];
  for (let run = 1; run <= runs; run++) {
    note(`${axis} ${name}, run ${run} of ${runs}`);
    figures.push(
      await withLake(context, async (outDir) => {
        await seeBefore(outDir, point.seenBefore ?? 0);
        return await runOrillaJob({ ...job, outDir, flags });
      }),
    );
  }
  return [name, ...figureCells(figures), spreadText(figures.map(({ fileCount }) => fileCount))];
}

/** Makes a lake whose checkpoint has seen ids, the last of them just now. */
async function seeBefore(outDir: string, idCount: number): Promise<void> {
  if (idCount === 0) return;
  await Deno.mkdir(outDir);
  preloadIds(outDir, { idCount, ttlMs: TTL_MS, firstMs: Date.now() - 3 * TTL_MS / 4 });
}
