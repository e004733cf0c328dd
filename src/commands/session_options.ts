import type { Config } from "../config.ts";
import type { RejectLimit } from "../core/reject_window.ts";
import type { LakeSessionOptions } from "../pipeline/lake_session.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommandContext } from "./context.ts";
import { storageOf } from "./lake.ts";
import { retryingOf } from "./retrying.ts";

/** The part of a lake session's options that comes from the configuration. */
export function sessionOptions(context: CommandContext): Omit<LakeSessionOptions, "onFailure"> {
  const { config, checkpointDir, store, version, keys, log, encoder, merge, stop } = context;
  return {
    checkpointDir,
    store,
    encoder,
    merge,
    version,
    log,
    stop,
    ttlMs: config.dedupeTtl,
    fileMode: config.fileMode,
    protection: { keys, pseudonymizedFields: config.pseudonymizeFields },
    tableFormat: config.tableFormat,
    duplicateTtlMs: config.duplicateTtl,
    seenMemoryBytes: config.seenMemoryBytes,
    storage: (around) => storageOf(context, around),
    limits: {
      maxEvents: config.batchMaxEvents,
      maxBytes: config.batchMaxBytes,
      maxDates: config.batchMaxDates,
      maxRecordBytes: config.maxRecordBytes,
      maxLatencyMs: config.batchMaxLatencyMs,
      maxRecords: config.maxEvents,
      isAhead: true,
    },
    clock: systemClock,
    retrying: retryingOf(context),
    logsRecords: config.logLevel === "debug",
    ...(config.autoCompact && { autoCompact: autoCompactOf(config) }),
    ...(config.rejectRatioMax < 1 && { rejectLimit: rejectLimitOf(config) }),
  };
}

function autoCompactOf({ targetFileBytes, compactAfter }: Config) {
  return { targetBytes: targetFileBytes, afterMs: compactAfter };
}

function rejectLimitOf({ rejectRatioMax, rejectWindow }: Config): RejectLimit {
  return { ratioMax: rejectRatioMax, windowSize: rejectWindow };
}
