import type { PurgedFile } from "../core/purge.ts";
import { loadParquet } from "../lake/parquet.ts";
import { LakeSession } from "../pipeline/lake_session.ts";
import { filesToPurge, purgeFiles } from "../pipeline/purge.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { sessionOptions } from "./session_options.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseWithoutCheckpoint } from "./lake_there.ts";
import { thousands } from "../core/count_text.ts";
import { tableLines } from "./table.ts";

/** Removes dead-letter files that are older than DLQ_TTL. */
export async function purgeDeadLetters(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  await using lake = await lakeOf(context);
  await refuseWithoutCheckpoint(lake.reader);
  await loadParquet();
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const nowMs = systemClock.nowMs();
  const find = () =>
    filesToPurge(lake, { beforeMs: nowMs - config.dlqTtl, nowMs }, (done, total) => {
      meter.update(done, total);
    });
  const purged = config.dryRun ? await find() : await purge(context, find);
  reporter.print(
    config.json
      ? jsonText({ outDir, isDryRun: config.dryRun, ...totalsOf(purged), files: purged })
      : purgeText(purged, context),
  );
}

async function purge(
  context: CommandContext,
  find: () => Promise<readonly PurgedFile[]>,
): Promise<readonly PurgedFile[]> {
  await using session = await LakeSession.open({
    ...sessionOptions(context),
    // Nothing is opened, so no key is asked for.
    protection: "as_recorded",
    // Nothing is buffered, so no timer commits anything.
    onFailure: (error) => {
      throw error;
    },
  });
  const purged = await find();
  await purgeFiles(session.files, session.checkpoint, purged);
  await session.close();
  return purged;
}

function totalsOf(purged: readonly PurgedFile[]) {
  const reasons: Record<string, number> = {};
  for (const [reason, count] of purged.flatMap(({ reasons }) => Object.entries(reasons))) {
    reasons[reason] = (reasons[reason] ?? 0) + count;
  }
  const letterCount = purged.reduce((sum, file) => sum + file.letterCount, 0);
  const bytes = purged.reduce((sum, file) => sum + file.bytes, 0);
  return { fileCount: purged.length, letterCount, bytes, reasons };
}

function purgeText(purged: readonly PurgedFile[], { config, outDir }: CommandContext): string {
  const { fileCount, letterCount, bytes, reasons } = totalsOf(purged);
  if (fileCount === 0) return `${outDir}: no dead-letter file is older than --dlq-ttl\n`;
  const rows = Object.entries(reasons).sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => [reason, thousands(count)]);
  const done = config.dryRun ? "would be removed (--dry-run)" : "removed";
  const record = config.dryRun ? [] : ["", "  the checkpoint keeps a record of what was in them"];
  return [
    `${outDir}: ${thousands(fileCount)} dead-letter files with ${
      thousands(letterCount)
    } dead letters ` +
    `(${thousands(bytes)} bytes) ${done}`,
    "",
    ...tableLines(["reason", "dead letters"], rows, 1),
    ...record,
    "",
  ].join("\n");
}
