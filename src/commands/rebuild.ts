import { partitionName } from "../core/record.ts";
import { parseStoreUrl, storeName } from "../core/store_url.ts";
import { rebuild, type RebuildReport } from "../pipeline/rebuild.ts";
import { rebuildStore, type StoreRebuildContext } from "../pipeline/rebuild_store.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { storageOf } from "./lake.ts";
import { retryingOf } from "./retrying.ts";
import { counted, thousands } from "../core/count_text.ts";

/** Makes a new checkpoint from the lake's files, and says what these could not tell. */
export async function rebuildCheckpoint(context: CommandContext): Promise<void> {
  const { config, outDir, store, reporter } = context;
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const onProgress = (done: number, total: number) => meter.update(done, total);
  const { url } = store;
  const report = url === null
    ? await inFolder(context, onProgress)
    : await inStore(context, { ...store, url }, onProgress);
  const place = url === null ? "" : ` in ${storeName(parseStoreUrl(url))}`;
  reporter.print(config.json ? jsonText(report) : reportText(report, outDir + place));
}

type OnProgress = (done: number, total: number) => void;

async function inFolder(context: CommandContext, onProgress: OnProgress): Promise<RebuildReport> {
  const { config: { dedupeTtl: ttlMs, fileMode }, checkpointDir, version, log } = context;
  const storage = storageOf(context), nowMs = systemClock.nowMs();
  const options = { checkpointDir, storage, ttlMs, fileMode, version, log, nowMs };
  return await rebuild(options, onProgress);
}

async function inStore(
  context: CommandContext,
  store: StoreRebuildContext["store"],
  onProgress: OnProgress,
): Promise<RebuildReport> {
  const { config: { dedupeTtl: ttlMs, duplicateTtl: duplicateTtlMs } } = context;
  const { checkpointDir, version, log } = context;
  const storage = storageOf(context), nowMs = systemClock.nowMs();
  const retrying = retryingOf(context);
  const options = { checkpointDir, storage, ttlMs, duplicateTtlMs, version, log, nowMs };
  return await rebuildStore({ ...options, store, retrying }, onProgress);
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
