import type { Batch } from "../core/batch.ts";
import { messageOf, operatingError, OrillaError } from "../core/errors.ts";
import { copyHash, distinctHashes } from "../core/hash_order.ts";
import { HASH_WORDS, hashTexts } from "../core/id_hash.ts";
import { failingAlone, soundBatch, type Unwritable } from "../core/poison.ts";
import type { Rejected } from "../core/outcome.ts";
import { originOf } from "../lake/staging.ts";
import type { Clock } from "../runtime/clock.ts";
import { SimulatedCrash } from "../runtime/operations.ts";
import { canPassLater, retry, type Retrying } from "../runtime/retry.ts";
import type { CommitPlan } from "./commit.ts";
import type { PipelineParts } from "./pipeline_parts.ts";

/** So few events may all be bad by chance. */
const FEW = 10;
/** The search gives way to heartbeats this often. */
const TURN_MS = 100;

export interface PoisonSearch {
  readonly batch: Batch;
  readonly plan: CommitPlan;
  readonly retrying: Retrying;
}

/** Whether a transaction's failure may be due to what it writes: not where it can pass, or was decided. */
export function mayLieInData(error: unknown): boolean {
  const isDecided = error instanceof OrillaError || error instanceof SimulatedCrash;
  return !isDecided && !canPassLater(error);
}

/**
 * Finds the events that cannot be written and makes dead letters of them; the batch goes on without them.
 *
 * @param failure what the whole batch failed with
 * @throws OrillaError with exit code 1 where the reason does not lie in single events; nothing is changed then
 */
export async function rejectPoison(
  parts: PipelineParts,
  failure: Unwritable,
  search: PoisonSearch,
): Promise<void> {
  const { batch, plan: { split: { fresh }, staging } } = search;
  const origin = originOf(staging);
  const canWrite = (rows: Int32Array) =>
    failure.step === "encode"
      ? staging.encoding.canEncode(rows, origin)
      : canCommit(parts, search, hashesOf(batch, rows, parts.checkpoint.idKey));
  const takeTurns = turns(parts.clock);
  const found = await failingAlone(fresh, async (rows) => {
    await takeTurns();
    return !await canWrite(rows);
  });
  if (found.length === 0) throw tooMuchAtOnce(failure, fresh.length);
  const isAll = found.length === fresh.length;
  if (isAll && (fresh.length > FEW || !await canWriteSound(parts, failure, search))) {
    throw notTheData(failure, fresh.length);
  }
  const operation = failure.step === "encode" ? "stage" : "commit";
  const fields = { count: found.length, reason: REASON, operation };
  parts.log.warning("events that cannot be written go to the dead letters", fields);
  const rejected = (row: number): Rejected => {
    const eventId = batch.eventIds.at(row);
    return { kind: "rejected", reason: REASON, path: null, eventId };
  };
  batch.rejectRows(new Map(found.map((row) => [row, rejected(row)])));
}

/** Whether an event that is sound beyond doubt can be written. */
async function canWriteSound(
  parts: PipelineParts,
  { step }: Unwritable,
  search: PoisonSearch,
): Promise<boolean> {
  const { encoder, protection, checkpoint: { idKey } } = parts;
  const batch = soundBatch(), rows = Int32Array.of(0);
  if (step === "commit") return await canCommit(parts, search, hashesOf(batch, rows, idKey));
  using encoding = await encoder.take(batch, { idKey, protection });
  return await encoding.canEncode(rows, originOf(search.plan.staging));
}

function canCommit(
  { checkpoint }: PipelineParts,
  { plan, retrying }: PoisonSearch,
  freshHashes: Uint32Array,
): Promise<boolean> {
  return retry("commit", retrying, async () => {
    try {
      await checkpoint.rehearse({ ...plan.commit, files: [], traces: NO_TRACES, freshHashes });
      return true;
    } catch (error) {
      if (mayLieInData(error)) return false;
      throw error;
    }
  });
}

/** The hashes of some rows' event ids, in their order, each once. */
function hashesOf(batch: Batch, rows: Int32Array, idKey: Uint32Array): Uint32Array {
  const all = hashTexts(batch.eventIds, idKey);
  const some = new Uint32Array(rows.length * HASH_WORDS);
  rows.forEach((row, at) => copyHash(all, row, { to: some, at }));
  return distinctHashes(some).hashes;
}

/** A search takes long where many events fail: heartbeats, and signals, get their turn. */
function turns(clock: Clock): () => Promise<void> {
  let turnMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - turnMs < TURN_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    turnMs = clock.monotonicMs();
  };
}

const REASON = "not_encodable";
/** Filters belong to files, of which a rehearsal has none. */
const NO_TRACES = { filters: [], duplicates: null };

function tooMuchAtOnce({ step, message, cause }: Unwritable, count: number): unknown {
  if (step === "commit") return cause;
  return operatingError(
    `${count} events cannot be written as Parquet together (${message}), though each of them can. ` +
      `Nothing is lost; start again with a lower --batch-max-events or --batch-max-bytes`,
    cause,
  );
}

function notTheData({ step, cause }: Unwritable, count: number): Error {
  const what = step === "encode" ? "written as Parquet" : "committed";
  return operatingError(
    `Not one of ${count} events can be ${what} (${
      messageOf(cause)
    }), so the reason is not in the data. ` +
      `Nothing is lost, and nothing was rejected; look at it with --log-level debug, and start again`,
    cause,
  );
}
