import { damagedError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import type { PartitionAccount } from "../core/verification.ts";
import { verify, type VerifyReport } from "../pipeline/verify.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { counted, thousands } from "../core/count_text.ts";

/**
 * Holds the lake against its checkpoint and prints what was found.
 *
 * @throws OrillaError with exit code 3 where something is off
 */
export async function verifyLake(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  await using lake = await lakeOf(context);
  const report = await verify(
    { ...lake, ttlMs: config.dedupeTtl },
    (done, total) => meter.update(done, total),
  );
  reporter.print(config.json ? jsonText(report) : reportText(report, outDir));
  if (report.findings.length > 0) {
    throw damagedError(`${report.findings.length} findings in ${outDir}; see the report`);
  }
}

const COLUMNS = ["partition", "offsets", "published", "duplicate", "rejected", "empty", "gaps"];

function reportText(report: VerifyReport, outDir: string): string {
  const rows = report.accounts.map(accountRow);
  const widths = COLUMNS.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  const line = (row: readonly string[]) =>
    `  ${
      row.map((text, i) => i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0))
        .join("  ")
    }`;
  const gaps = report.accounts.flatMap(({ gaps }) => gaps);
  const { findings } = report;
  return [
    `${outDir}: ${thousands(report.fileCount)} files of ${
      thousands(report.commitCount)
    } commits, ` +
    `${thousands(report.eventCount)} events, ${thousands(report.deadLetterCount)} dead letters, ` +
    `${thousands(report.seenIdCount)} seen ids`,
    ...(report.purgedFileCount === 0 ? [] : [
      `  ${thousands(report.purgedFileCount)} dead-letter files with ` +
      `${thousands(report.purgedLetterCount)} dead letters were purged`,
    ]),
    ...(report.table === null ? [] : [
      `  a Delta Lake table: version ${report.table.version}, ${
        counted(report.table.fileCount, "file")
      }`,
    ]),
    "",
    line(COLUMNS),
    ...rows.map(line),
    ...gaps.map(({ firstOffset, nextOffset, ...at }) =>
      `  gap in ${partitionName(at)}: offsets ${firstOffset} to ${
        nextOffset - 1n
      } were handled by another ` +
      `instance, or skipped with --allow-gaps`
    ),
    ...(report.leftoverCount === 0 ? [] : [
      `  ${report.leftoverCount} staged files of a batch that was not committed; the next start deletes them`,
    ]),
    ...(report.stillStagedCount === 0 ? [] : [
      `  ${report.stillStagedCount} files of the last commit are not published yet, and were not read; the consumer that ` +
      `runs does it, or the next start`,
    ]),
    "",
    ...(findings.length === 0 ? ["All is as it was committed."] : [
      `${findings.length} findings:`,
      ...findings.map(({ kind, subject, detail }) => `  ${kind}  ${subject}: ${detail}`),
    ]),
    "",
  ].join("\n");
}

function accountRow(account: PartitionAccount): string[] {
  return [
    partitionName(account),
    `${account.firstOffset}..${account.nextOffset - 1n}`,
    thousands(account.publishedCount),
    thousands(account.duplicateCount),
    thousands(account.rejectedCount),
    String(account.emptyOffsets),
    String(account.gaps.length),
  ];
}
