import type { Batch } from "../core/batch.ts";
import type { CommitOutcome, CommitStore } from "../checkpoint/commit_store.ts";
import type { Commit, ManifestFile, OffsetRange } from "../core/commit.ts";
import { type Counters, nextCounters } from "../core/counters.ts";
import type { Deduped } from "../core/dedupe.ts";
import { assert } from "../core/errors.ts";
import { observe } from "../core/histogram.ts";
import type { Trigger } from "../core/outcome.ts";
import { Unwritable } from "../core/poison.ts";
import { replaysOf } from "../core/replay.ts";
import type { EncodableBatch } from "../lake/encoder.ts";
import { stage, type StageRequest } from "../lake/staging.ts";
import type { LogFields } from "../runtime/logs.ts";
import { noFaults, operate } from "../runtime/operations.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import { countingRetries } from "./counting_retries.ts";
import type { DeadLetterTopic, Group, PipelineParts } from "./pipeline_parts.ts";
import { mayLieInData, rejectPoison } from "./poison.ts";
import { outcomesOf } from "./record_log.ts";
import { publishCommitted } from "./recovery.ts";
import type { TakenBatch } from "./taken_ahead.ts";

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
  /** When it was published, milliseconds since 1970-01-01 UTC. */
  readonly publishedAtMs: number;
  /** How many accepted events have each record timestamp: milliseconds, rounded down to a tenth of a second. */
  readonly timestampCounts: ReadonlyMap<number, number>;
}

export interface CommitRequest {
  readonly batch: Batch;
  readonly trigger: Trigger;
  readonly sequence: number;
  /** Gives the batch to the encoder. */
  readonly takeIn: () => Promise<TakenBatch>;
  /** As of the commit before. */
  readonly counters: Counters;
  /** Asked right before the transaction: whether the batch is still this process's to commit. */
  readonly confirm: () => Promise<boolean>;
  /** Called right after the transaction, before anything else has its turn. */
  readonly onCommitted: (commit: CommitPlan["commit"]) => void;
  /** Called where the store refuses the batch, since another process has its partitions. */
  readonly onFenced: () => void;
  readonly group: Group | null;
  readonly deadLetterTopic: DeadLetterTopic | null;
}

/** What a batch becomes, before anything of it is written. */
export interface CommitPlan {
  readonly split: EncodableBatch;
  readonly staging: StageRequest;
  readonly commit: Omit<Commit, "files" | "traces">;
}

/**
 * The four steps of a commit: stage, commit, publish, acknowledge. See DESIGN, section 3; their order is what
 * the guarantees rest on. The first two are made here.
 *
 * @returns makes the last two; null where the batch was no longer this process's, and nothing was committed
 */
export async function commitBatch(
  parts: PipelineParts,
  request: CommitRequest,
): Promise<(() => Promise<CommitReport>) | null> {
  const startMs = parts.clock.monotonicMs();
  const retrying = countingRetries(parts, request.counters);
  const committed = await commitWritable(parts, request, retrying);
  if (committed === null) return null;
  const { split, commit } = committed;
  // The batch is used again after this.
  const outcomes = parts.logsRecords === true ? outcomesOf(request.batch, split) : [];
  request.onCommitted(commit);
  return () => finishCommit(parts, { request, committed, outcomes, startMs, retrying });
}

/** Publishes and acknowledges. The commit counts whatever becomes of this; the next start would finish it. */
async function finishCommit(
  parts: PipelineParts,
  { request, committed: { split, staged, commit }, outcomes, startMs, retrying }: {
    readonly request: CommitRequest;
    readonly committed: Committed;
    readonly outcomes: readonly LogFields[];
    readonly startMs: number;
    readonly retrying: Retrying;
  },
): Promise<CommitReport> {
  const { files, clock, log } = parts, { counters, ranges } = commit;
  await retry("publish", retrying, async () => {
    await parts.checkpoint.assertInPlace();
    await publishCommitted(files, parts.checkpoint, staged);
  });
  if (parts.table) await retry("table", retrying, () => parts.table?.append(staged));
  const publishedAtMs = clock.nowMs();
  const { timestampCounts } = split;
  for (const [timestampMs, count] of timestampCounts) {
    observe(counters.eventAge, Math.max(0, publishedAtMs - timestampMs) / 1000, count);
  }
  const durationMs = clock.monotonicMs() - startMs;
  observe(counters.commitDuration, durationMs / 1000);

  await request.group?.acknowledge(ranges, request.sequence);
  const publishing = { durationMs, publishedAtMs, timestampCounts };
  const report = reportOf(request, { deduped: split, staged, ...publishing });
  log.info("committed", {
    sequence: report.sequence,
    trigger: report.trigger,
    received: report.receivedCount,
    published: report.publishedCount,
    duplicate: report.duplicateCount,
    rejected: report.rejectedCount,
    files: staged.length,
    durationMs: Math.round(durationMs),
  });
  for (const outcome of outcomes) log.debug("record", outcome);
  return report;
}

type Committed = CommitPlan & { readonly staged: readonly ManifestFile[] };

/** Steps 1 and 2; events that turn out not to be writable are rejected, and the others tried again. */
async function commitWritable(
  parts: PipelineParts,
  request: CommitRequest,
  retrying: Retrying,
): Promise<Committed | null> {
  const stagedAtMs = parts.clock.nowMs();
  for (;;) {
    const taken = await request.takeIn();
    using _ = taken.encoding;
    const plan = await planOf(parts, { request, taken, stagedAtMs, retrying });
    try {
      const committed = await stageAndCommit(parts, { request, plan, retrying });
      if (committed !== "seen_meanwhile") return committed;
    } catch (error) {
      if (!(error instanceof Unwritable)) throw error;
      // At least one event fewer each time, so this ends.
      await rejectPoison(parts, error, { plan, retrying, batch: request.batch });
    }
  }
}

async function stageAndCommit(
  parts: PipelineParts,
  { request, plan, retrying }: {
    readonly request: CommitRequest;
    readonly plan: CommitPlan;
    readonly retrying: Retrying;
  },
): Promise<Committed | null | "seen_meanwhile"> {
  const { files, checkpoint } = parts;
  const { files: staged, filters } = await retry(
    "stage",
    retrying,
    () => stage(files, plan.staging),
  );
  if (!await sendDeadLetters(parts, request, retrying)) return await giveUp(parts, staged);
  const traces = { filters, duplicates: plan.split.recorded };
  const counters = withFiles(plan.commit, staged);
  const outcome = await retry("commit", retrying, async () => {
    await checkpoint.assertInPlace();
    if (!await request.confirm()) return "not_confirmed";
    return await writeCommit(checkpoint, { ...plan.commit, files: staged, traces, counters });
  }).catch(async (error) => {
    if (error instanceof Unwritable) await removeStaged(parts, staged);
    throw error;
  });
  switch (outcome) {
    case "committed":
      return { ...plan, commit: { ...plan.commit, counters }, staged };
    case "seen_meanwhile":
      // At least one event is a duplicate now that was not before, so this ends.
      await removeStaged(parts, staged);
      return outcome;
    case "fenced":
      request.onFenced();
      return await giveUp(parts, staged);
    case "not_confirmed": {
      // An earlier try may have made it, though its answer was lost: its files must stay then.
      const isMade = await retry("commit", retrying, () => checkpoint.withdraw(request.sequence));
      if (!isMade) return await giveUp(parts, staged);
      return { ...plan, commit: { ...plan.commit, counters }, staged };
    }
    default:
      return outcome satisfies never;
  }
}

/**
 * Between staging and the transaction: the dead-letter topic has the batch's rejected records before they
 * count. A crash in between sends them again.
 *
 * @returns false where the batch is no longer this process's: its next owner will send them
 */
async function sendDeadLetters(
  { hooks = noFaults }: PipelineParts,
  { batch: { rejected }, deadLetterTopic, confirm }: CommitRequest,
  retrying: Retrying,
): Promise<boolean> {
  if (deadLetterTopic === null || rejected.length === 0) return true;
  if (!await confirm()) return false;
  const operation = { label: "topic:send", path: deadLetterTopic.name } as const;
  const send = () => operate(hooks, operation, () => deadLetterTopic.send([...rejected]));
  await retry("dead_letter_topic", retrying, send);
  return true;
}

/** @throws Unwritable where trying again will not help */
async function writeCommit(checkpoint: CommitStore, commit: Commit): Promise<CommitOutcome> {
  try {
    return await checkpoint.commit(commit);
  } catch (error) {
    throw mayLieInData(error) ? new Unwritable("commit", error) : error;
  }
}

async function planOf(
  parts: PipelineParts,
  { request, taken: { encoding, isSeen }, stagedAtMs, retrying }: {
    readonly request: CommitRequest;
    readonly taken: TakenBatch;
    readonly stagedAtMs: number;
    readonly retrying: Retrying;
  },
): Promise<CommitPlan> {
  const { checkpoint, version, protection } = parts;
  const { batch, sequence, trigger } = request;
  const ask = async () => await checkpoint.seenAmong(encoding.hashes, stagedAtMs);
  const split = await encoding.split(isSeen ?? await retry("commit", retrying, ask));
  const from = { sequence, ranges: offsetRanges(batch, split), replays: replaysOf(batch, split) };
  const { instanceId } = checkpoint;
  const origin = { instanceId, stagedAtMs, version, protection };
  const counters = countersAfter(request, split);
  const { groups, freshHashes } = split, { rejected } = batch;
  return {
    split,
    staging: { ...from, ...origin, encoding, groups, rejected },
    commit: { ...from, committedAtMs: stagedAtMs, trigger, freshHashes, counters },
  };
}

/** What the batch handled of each partition; the sum closes for each of them. */
function offsetRanges(
  batch: Batch,
  { freshCounts, duplicateCounts }: EncodableBatch,
): OffsetRange[] {
  return batch.partitions.map((partition) => {
    const publishedCount = freshCounts[partition.index] ?? 0;
    const duplicateCount = duplicateCounts[partition.index] ?? 0;
    const { topic, firstOffset, nextOffset, rejectedCount } = partition;
    assert(
      partition.receivedCount === publishedCount + duplicateCount + rejectedCount,
      "received = published + duplicate + rejected for each partition of a batch",
    );
    const counts = { publishedCount, duplicateCount, rejectedCount };
    return { topic, partition: partition.partition, firstOffset, nextOffset, ...counts };
  });
}

function countersAfter(
  { batch, counters }: CommitRequest,
  { fresh, duplicates }: Deduped,
): Counters {
  const next = nextCounters(counters);
  next.received += batch.receivedCount;
  next.published += fresh.length;
  next.duplicate += duplicates.length;
  for (const [reason, count] of batch.rejected.reasonCounts()) {
    next.rejected[reason] = (next.rejected[reason] ?? 0) + count;
  }
  return next;
}

function withFiles(
  { counters, trigger }: CommitPlan["commit"],
  staged: readonly ManifestFile[],
): Counters {
  const files = { ...counters.files, [trigger]: counters.files[trigger] + staged.length };
  const bytes = staged.reduce((sum, { bytes }) => sum + bytes, 0);
  return { ...counters, files, publishedBytes: counters.publishedBytes + bytes };
}

/** The partitions were taken away while the batch was staged: its files go, and somebody else handles its records. */
async function giveUp(parts: PipelineParts, staged: readonly ManifestFile[]): Promise<null> {
  await removeStaged(parts, staged);
  parts.log.warning("dropped a batch: its partitions were assigned anew", { files: staged.length });
  return null;
}

async function removeStaged(
  { files }: PipelineParts,
  staged: readonly ManifestFile[],
): Promise<void> {
  await files.dropStaged(staged.map(({ stagedPath }) => stagedPath));
}

function reportOf(
  { sequence, trigger }: CommitRequest,
  { deduped, staged, ...publishing }: {
    readonly deduped: Deduped;
    readonly staged: readonly ManifestFile[];
  } & Pick<CommitReport, "durationMs" | "publishedAtMs" | "timestampCounts">,
): CommitReport {
  const rejectedCount = staged
    .filter(({ kind }) => kind === "dead_letters")
    .reduce((sum, { rowCount }) => sum + rowCount, 0);
  const publishedCount = deduped.fresh.length;
  const duplicateCount = deduped.duplicates.length;
  const receivedCount = publishedCount + duplicateCount + rejectedCount;
  const counts = { receivedCount, publishedCount, duplicateCount, rejectedCount };
  return { sequence, trigger, files: staged, ...counts, ...publishing };
}
