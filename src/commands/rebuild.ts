import { usageError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import { rebuild, type RebuildReport } from "../pipeline/rebuild.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { counted, thousands } from "../core/count_text.ts";

/** Makes a new checkpoint from the lake's files, and says what these could not tell. */
export async function rebuildCheckpoint(context: CommandContext): Promise<void> {
  const { config, checkpointDir, outDir, store, version, log, reporter } = context;
  if (store.url !== null) {
    throw usageError(
      "Cannot rebuild a checkpoint that a server keeps: restore it from a backup of the server, or begin a " +
        "new lake. Without CHECKPOINT_URL rebuild makes a checkpoint in OUT_DIR, for one process",
    );
  }
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const { dedupeTtl: ttlMs, fileMode } = config;
  const { files: storage } = await lakeOf(context);
  const nowMs = systemClock.nowMs();
  const options = { checkpointDir, storage, ttlMs, fileMode, version, log, nowMs };
  const report = await rebuild(options, (done, total) => meter.update(done, total));
  reporter.print(config.json ? jsonText(report) : reportText(report, outDir));
}

function reportText(report: RebuildReport, outDir: string): string {
  const { keptAs, incomplete } = report;
  return [
    `Rebuilt the checkpoint of ${outDir} from ${thousands(report.fileCount)} files of ` +
    `${thousands(report.commitCount)} commits`,
    "",
    `  events         ${thousands(report.eventCount)}`,
    `  dead letters   ${thousands(report.deadLetterCount)}`,
    `  seen ids       ${thousands(report.seenIdCount)}`,
    ...report.partitions.map((partition) =>
      `  next offset    ${partitionName(partition)}: ${partition.nextOffset}`
    ),
    ...(keptAs === null ? [] : [`  old checkpoint kept as ${keptAs}`]),
    ...(report.carriedReplayCount + report.carriedPurgeCount === 0 ? [] : [
      `  taken over     ${thousands(report.carriedReplayCount)} marks of replays, ` +
      `${thousands(report.carriedPurgeCount)} records of purged files`,
    ]),
    ...(report.table === null ? [] : [
      `  table          ${counted(report.table.addedCount, "file")} added, ` +
      `${thousands(report.table.removedCount)} removed, in one version`,
    ]),
    ...(report.tableRefusal === null ? [] : ["", report.tableRefusal]),
    "",
    "What the files could not tell:",
    "  - commits that published no file (duplicates alone): their offsets, if they were the last of a",
    "    partition, are read again, and the records found as duplicates again",
    "  - retries, rebalances and times taken; which trigger ended each batch; where duplicates lay",
    ...report.gaps.map(({ firstOffset, nextOffset, ...at }) =>
      `  - ${partitionName(at)}, offsets ${firstOffset} to ${
        nextOffset - 1n
      }: duplicates alone, handled by ` +
      `another instance, skipped, or their files are gone`
    ),
    ...incomplete.map((missing) => `  - rows of files that are gone, commit ${missing}`),
    "",
  ].join("\n");
}
