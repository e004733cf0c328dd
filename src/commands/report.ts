import { damagedError, messageOf, operatingError, usageError } from "../core/errors.ts";
import type { LakeReport } from "../core/lake_report.ts";
import { reportOn } from "../pipeline/report.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Files } from "../runtime/files.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { hasFolder } from "../options/s3_options.ts";
import { lakeOf, localFiles } from "./lake.ts";
import { reportPage } from "./report_page.ts";
import { counted } from "../core/count_text.ts";
import { byteText } from "./summary.ts";

/**
 * Sums the lake up: as a page of HTML in OUT_DIR or on stdout, or as JSON.
 *
 * @throws OrillaError with exit code 2 where there is no folder for the page, 3 where files could not be read; the
 * report says which
 */
export async function reportLake(context: CommandContext): Promise<void> {
  const { config, outDir, reporter, version, log, stop } = context;
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs());
  const onProgress = (done: number, total: number) => meter.update(done, total);
  const nowMs = systemClock.nowMs();
  refuseWithoutFolder(context);
  await using lake = await lakeOf(context);
  const report = await reportOn({ ...lake, version, nowMs, log, stop, onProgress });
  if (report === null) throw operatingError("Stopped by a signal before the report was complete");
  if (config.json) reporter.print(jsonText(jsonOf(report, outDir)));
  else if (config.reportOut === null) reporter.print(await reportPage(report, outDir));
  else await writePage(context, { files: localFiles(context), path: config.reportOut, report });
  if (report.unreadable.length > 0) {
    throw damagedError(
      `${report.unreadable.length} files of ${outDir} cannot be read and are missing in parts of the report. ` +
        `See orilla verify`,
    );
  }
}

function refuseWithoutFolder({ config, outDir }: CommandContext): void {
  if (config.json || config.reportOut === null || hasFolder(config)) return;
  throw usageError(
    `Cannot write --out ${config.reportOut}: nothing of ${outDir} lies on this machine. Give --checkpoint-dir, or have ` +
      `the report on stdout: orilla report --out -`,
  );
}

/** With times as text, and counts by their names. */
function jsonOf(report: LakeReport, outDir: string) {
  const { madeAtMs, rejectedByReason, commitsOverTime: { widthMs, buckets }, ...rest } = report;
  return {
    outDir,
    madeAt: isoMs(madeAtMs),
    ...rest,
    rejectedByReason: Object.fromEntries(rejectedByReason),
    commitsOverTime: {
      widthMs,
      buckets: buckets.map(({ fromMs, ...counts }) => ({ from: isoMs(fromMs), ...counts })),
    },
  };
}

function isoMs(ms: number): string {
  return new Date(ms).toISOString();
}

async function writePage(
  { outDir, reporter }: CommandContext,
  { files, path, report }: {
    readonly files: Files;
    readonly path: string;
    readonly report: LakeReport;
  },
): Promise<void> {
  const page = new TextEncoder().encode(await reportPage(report, outDir));
  try {
    await files.replace(path, page, { write: "report:write", rename: "report:rename" });
  } catch (error) {
    throw operatingError(
      `Cannot write ${files.absolute(path)}: ${
        messageOf(error)
      }. Make room or give the right to write there, or have ` +
        `the report on stdout: orilla report --out -`,
      error,
    );
  }
  reporter.print(
    `${files.absolute(path)}: ${counted(report.outcomes.published, "event")} of ` +
      `${counted(report.dates.length, "date")} in ${counted(report.files, "file")}, ` +
      `${byteText(report.bytes)}. Open it in a browser\n`,
  );
}
