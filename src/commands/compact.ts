import type { Config } from "../config.ts";
import {
  dayOfFolder,
  isOver,
  type MergeGroup,
  mergeGroups,
  smallBelow,
} from "../core/compaction.ts";
import { counted, thousands } from "../core/count_text.ts";
import { operatingError } from "../core/errors.ts";
import { isoDate } from "../core/timestamp.ts";
import type { Compacted } from "../pipeline/compaction.ts";
import type { ReadLake } from "../pipeline/read_lake.ts";
import { LakeSession } from "../pipeline/lake_session.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { sessionOptions } from "./session_options.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseWithoutCheckpoint } from "./lake_there.ts";
import { tableLines } from "./table.ts";

/** With fewer there is nothing to merge. */
const MIN_FILES = 2;

/** Merges the small files of dates into few large ones. */
export async function compactLake(context: CommandContext): Promise<void> {
  const { config, reporter, stop } = context;
  await using lake = await lakeOf(context);
  await refuseWithoutCheckpoint(lake.reader);
  const plan = () => planOf(config, lake);
  if (config.compactDryRun) return reporter.print(planText(await plan(), context));
  if (!lake.reader.isShared && await lake.reader.isWriting()) {
    throw operatingError(
      `Another orilla is writing to ${lake.files.location}. Stop it first, or let it merge by itself: ` +
        `--auto-compact`,
    );
  }
  await using session = await LakeSession.open({
    ...sessionOptions(context),
    protection: "as_recorded",
    // Nothing is buffered, so no timer commits anything.
    onFailure: (error) => {
      throw error;
    },
  });
  const compacted = await compactAll(context, { session, plan });
  await session.close();
  reporter.print(resultText(compacted, { context, isStopped: stop.aborted }));
}

class Stopped extends Error {}

async function compactAll(
  { reporter, stop }: CommandContext,
  { session, plan }: {
    readonly session: LakeSession;
    readonly plan: () => Promise<readonly MergeGroup[]>;
  },
): Promise<readonly Compacted[]> {
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const giveWay = () => stop.aborted ? Promise.reject(new Stopped()) : Promise.resolve();
  const compacted: Compacted[] = [];
  try {
    // What was merged may be small enough to be merged again.
    for (let groups = await plan(); groups.length > 0; groups = await plan()) {
      const total = groups.reduce((sum, { sources }) => sum + sources.length, 0);
      let done = 0;
      for (const group of groups) {
        const one = await session.compact(group, giveWay);
        if (one !== null) compacted.push(one);
        meter.update(done += group.sources.length, total);
      }
    }
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
  return compacted;
}

/** What would be merged first of all wanted dates. */
async function planOf(
  { date: wanted, compactAfter: afterMs, targetFileBytes: targetBytes }: Config,
  { reader }: ReadLake,
): Promise<readonly MergeGroup[]> {
  const nowMs = systemClock.nowMs();
  const isWanted = (day: number) => wanted?.includes(day) ?? isOver(day, { nowMs, afterMs });
  const rule = { belowBytes: smallBelow(targetBytes), minFiles: MIN_FILES };
  return (await reader.smallFiles(rule)).flatMap(({ folder, files: small }) => {
    const day = dayOfFolder(folder);
    return day === null || !isWanted(day) ? [] : mergeGroups(day, { small, targetBytes });
  });
}

interface DateLine {
  readonly day: number;
  readonly sourceCount: number;
  readonly sourceBytes: number;
  readonly fileCount: number;
  readonly bytes: number;
}

function planText(
  groups: readonly MergeGroup[],
  { config, outDir }: CommandContext,
): string {
  const lines = groups.map(({ day, sources }): DateLine => {
    const bytes = sources.reduce((sum, { bytes }) => sum + bytes, 0);
    return { day, sourceCount: sources.length, sourceBytes: bytes, fileCount: 1, bytes };
  });
  if (config.json) return jsonText({ outDir, isDryRun: true, dates: byDate(lines).map(jsonLine) });
  return tableText(lines, `${outDir}: would be merged (--dry-run)`, outDir);
}

function resultText(
  compacted: readonly Compacted[],
  { context, isStopped }: {
    readonly context: CommandContext;
    readonly isStopped: boolean;
  },
): string {
  const { config, outDir } = context;
  const lines = compacted.map(({ day, sourceCount, sourceBytes, file: { bytes } }): DateLine => ({
    day,
    sourceCount,
    sourceBytes,
    fileCount: 1,
    bytes,
  }));
  if (config.json) {
    return jsonText({ outDir, isDryRun: false, isStopped, dates: byDate(lines).map(jsonLine) });
  }
  const title = isStopped ? "stopped by a signal; merged until then" : "merged";
  return tableText(lines, `${outDir}: ${title}`, outDir);
}

function byDate(lines: readonly DateLine[]): readonly DateLine[] {
  return [...Map.groupBy(lines, ({ day }) => day).values()].map((ofDay) =>
    ofDay.reduce((sum, line) => ({
      day: line.day,
      sourceCount: sum.sourceCount + line.sourceCount,
      sourceBytes: sum.sourceBytes + line.sourceBytes,
      fileCount: sum.fileCount + line.fileCount,
      bytes: sum.bytes + line.bytes,
    }))
  );
}

function jsonLine({ day, sourceCount, sourceBytes, fileCount, bytes }: DateLine) {
  return {
    date: isoDate(day),
    mergedFiles: sourceCount,
    mergedBytes: sourceBytes,
    fileCount,
    bytes,
  };
}

function tableText(lines: readonly DateLine[], title: string, outDir: string): string {
  if (lines.length === 0) return `${outDir}: no date has small files to merge\n`;
  const rows = byDate(lines).map(({ day, sourceCount, sourceBytes, fileCount, bytes }) => [
    isoDate(day),
    counted(sourceCount, "file"),
    `${thousands(sourceBytes)} bytes`,
    counted(fileCount, "file"),
    `${thousands(bytes)} bytes`,
  ]);
  return [title, "", ...tableLines(["date", "from", "", "to", ""], rows, 1), ""].join("\n");
}
