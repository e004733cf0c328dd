import type { Batch } from "../core/batch.ts";
import type { ManifestFile, OffsetRange } from "../core/commit.ts";
import type { Counters } from "../core/counters.ts";
import { dedupe, type Deduped, distinctIds } from "../core/dedupe.ts";
import { assert } from "../core/errors.ts";
import { groupByDay } from "../core/grouping.ts";
import { observe } from "../core/histogram.ts";
import type { Trigger } from "../core/outcome.ts";
import { replaysOf } from "../core/replay.ts";
import { publish } from "../lake/publishing.ts";
import { stage } from "../lake/staging.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import type { Group, PipelineParts } from "./pipeline.ts";

/** What a commit did, for logs and the summary. */
export interface CommitReport {
  readonly sequence: number;
  readonly trigger: Trigger;
  readonly files: readonly ManifestFile[];
  readonly receivedCount: number;
  readonly publishedCount: number;
  readonly duplicateCount: number;
  readonly rejectedCount: number;
  readonly durationMs: number;
}

export interface CommitRequest {
  readonly batch: Batch;
  readonly trigger: Trigger;
  readonly sequence: number;
  /** As of the commit before. */
  readonly counters: Counters;
  /** Asked right before the transaction: whether the batch is still this process's to commit. */
  readonly confirm: () => Promise<boolean>;
  /** Called in the same turn as the transaction. */
  readonly onCommitted: (ranges: readonly OffsetRange[], counters: Counters) => void;
  readonly group: Group | null;
}

/**
 * The four steps of a commit: stage, commit, publish, acknowledge. See DESIGN, section 3; their order is what
 * the guarantees rest on.
 *
 * @returns null where the batch was no longer this process's, and nothing was committed
 */
export async function commitBatch(
  parts: PipelineParts,
  request: CommitRequest,
): Promise<CommitReport | null> {
  const { batch, sequence, trigger, group } = request;
  const { files, checkpoint, clock, log } = parts;
  const startMs = clock.monotonicMs();
  const retrying = countingRetries(parts, request.counters);

  const stagedAtMs = clock.nowMs();
  const { deduped, freshIds } = splitByFreshness(parts, batch, stagedAtMs);
  const ranges = offsetRanges(batch, deduped);
  const groups = groupByDay(batch, deduped.fresh);
  const { instanceId } = checkpoint;
  const { version } = parts;
  const replays = replaysOf(batch, deduped);
  const staging = { batch, groups, ranges, replays, sequence, instanceId, stagedAtMs, version };
  const staged = await retry("commit", retrying, () => stage(files, staging));

  const counters = countersAfter(request, deduped, staged);
  const isCommitted = await retry("commit", retrying, async () => {
    await parts.assertInPlace();
    if (!await request.confirm()) return false;
    const commit = {
      sequence,
      committedAtMs: stagedAtMs,
      trigger,
      files: staged,
      ranges,
      freshIds,
      replays,
    };
    checkpoint.commit({ ...commit, counters });
    return true;
  });
  if (!isCommitted) return await giveUp(parts, staged);
  const ages = recordAges(batch, deduped.fresh);
  request.onCommitted(ranges, counters);

  await retry("commit", retrying, async () => {
    await parts.assertInPlace();
    await publish(files, staged);
  });
  const nowMs = clock.nowMs();
  for (const [timestampMs, count] of ages) {
    observe(counters.eventAge, Math.max(0, nowMs - timestampMs) / 1000, count);
  }
  const durationMs = clock.monotonicMs() - startMs;
  observe(counters.commitDuration, durationMs / 1000);

  await group?.acknowledge(ranges, sequence);
  const report = reportOf(request, { deduped, staged, durationMs });
  log.info("committed", {
    sequence,
    trigger,
    received: report.receivedCount,
    published: report.publishedCount,
    duplicate: report.duplicateCount,
    rejected: report.rejectedCount,
    files: staged.length,
    durationMs: Math.round(durationMs),
  });
  return report;
}

function countingRetries({ retrying, log }: PipelineParts, counters: Counters): Retrying {
  return {
    ...retrying,
    onRetry: (operation, error, waitMs) => {
      counters.retries[operation]++;
      log.warning("a commit failed and is tried again", {
        operation,
        error: String(error),
        waitMs,
      });
    },
  };
}

/** Which rows of a batch are fresh at this moment, and their ids. */
export function splitByFreshness(
  { checkpoint }: Pick<PipelineParts, "checkpoint">,
  batch: Batch,
  nowMs: number,
) {
  const distinct = distinctIds(batch);
  const seen = checkpoint.seenAmong(distinct.ids, nowMs);
  const deduped = dedupe(batch, distinct, seen);
  const freshIds = Array.from(deduped.fresh, (row) => batch.eventIds.at(row));
  return { deduped, freshIds };
}

/** What the batch handled of each partition; the sum closes for each of them. */
function offsetRanges(batch: Batch, { fresh, duplicates }: Deduped): OffsetRange[] {
  const published = countByPartition(batch, fresh);
  const duplicate = countByPartition(batch, duplicates);
  return batch.partitions.map((partition) => {
    const publishedCount = published[partition.index] ?? 0;
    const duplicateCount = duplicate[partition.index] ?? 0;
    const { topic, firstOffset, nextOffset, rejectedCount } = partition;
    assert(
      partition.receivedCount === publishedCount + duplicateCount + rejectedCount,
      "received = published + duplicate + rejected for each partition of a batch",
    );
    const counts = { publishedCount, duplicateCount, rejectedCount };
    return { topic, partition: partition.partition, firstOffset, nextOffset, ...counts };
  });
}

function countByPartition(batch: Batch, rows: Int32Array): Int32Array {
  const counts = new Int32Array(batch.partitions.length);
  for (const row of rows) {
    const index = batch.partitionIndexes[row] ?? 0;
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

function countersAfter(
  { batch, counters, trigger }: CommitRequest,
  { fresh, duplicates }: Deduped,
  staged: readonly ManifestFile[],
): Counters {
  // Retries are counted while the commit is under way, so both objects share them.
  const next = { ...structuredClone(counters), retries: counters.retries };
  next.received += batch.receivedCount;
  next.published += fresh.length;
  next.duplicate += duplicates.length;
  for (const { rejected: { reason } } of batch.rejected) {
    next.rejected[reason] = (next.rejected[reason] ?? 0) + 1;
  }
  next.files[trigger] += staged.length;
  next.publishedBytes += staged.reduce((sum, { bytes }) => sum + bytes, 0);
  return next;
}

/** How many accepted events have each record timestamp, to the tenth of a second. */
function recordAges(batch: Batch, fresh: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const row of fresh) {
    const timestampMs = Math.floor((batch.timestampsMs[row] ?? 0) / 100) * 100;
    counts.set(timestampMs, (counts.get(timestampMs) ?? 0) + 1);
  }
  return counts;
}

/** The partitions were taken away while the batch was staged: its files go, and somebody else handles its records. */
async function giveUp(
  { files, log }: PipelineParts,
  staged: readonly ManifestFile[],
): Promise<null> {
  for (const { stagedPath } of staged) await files.remove(stagedPath, "recover:remove");
  log.warning("dropped a batch: its partitions were assigned anew", { files: staged.length });
  return null;
}

function reportOf(
  { sequence, trigger }: CommitRequest,
  { deduped, staged, durationMs }: {
    readonly deduped: Deduped;
    readonly staged: readonly ManifestFile[];
    readonly durationMs: number;
  },
): CommitReport {
  const rejectedCount = staged
    .filter(({ kind }) => kind === "dead_letters")
    .reduce((sum, { rowCount }) => sum + rowCount, 0);
  const publishedCount = deduped.fresh.length;
  const duplicateCount = deduped.duplicates.length;
  const receivedCount = publishedCount + duplicateCount + rejectedCount;
  const counts = { receivedCount, publishedCount, duplicateCount, rejectedCount };
  return { sequence, trigger, files: staged, ...counts, durationMs };
}
