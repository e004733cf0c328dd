import { Batch } from "../core/batch.ts";
import { dedupe } from "../core/dedupe.ts";
import { distinctHashes } from "../core/hash_order.ts";
import { hashTexts } from "../core/id_hash.ts";
import { ingest } from "../core/ingest.ts";
import { RecordList } from "../core/record_list.ts";
import type { RawRecord } from "../core/record.ts";
import { type Replay, REPLAY_PARTITION } from "../core/replay.ts";
import { reachedTrigger } from "../core/trigger.ts";
import type { LakeSession } from "./lake_session.ts";
import type { LetterToReplay } from "./letters_to_replay.ts";
import type { PipelineParts } from "./pipeline_parts.ts";

/** How many dead letters go to the pipeline, or to a topic, at once. */
const CHUNK_LETTERS = 500;
/** Brokers take a little over 1,000,000 bytes at once where nobody set more. */
const CHUNK_BYTES = 500_000;

/** What a replay did, or would do. */
export interface ReplayReport {
  readonly published: number;
  readonly duplicate: number;
  /** Rejected again, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly sent: number;
}

export interface ReplayControl {
  readonly stop: AbortSignal;
  /** Told how many dead letters were taken so far. */
  readonly onProgress: (done: number) => void;
}

/**
 * Runs dead letters through the pipeline into the lake. Each one is marked with its outcome by the commit that
 * handles it.
 */
export async function replayIntoLake(
  session: LakeSession,
  letters: AsyncIterable<LetterToReplay>,
  { stop, onProgress }: ReplayControl,
): Promise<ReplayReport> {
  const { pipeline, summary } = session;
  await session.claim([REPLAY_PARTITION]);
  let offset = pipeline.nextOffset(REPLAY_PARTITION) ?? 0n, done = 0;
  for await (const chunk of chunksOf(letters)) {
    if (stop.aborted) break;
    const records = chunk.map((letter): RawRecord => ({ ...letter, offset: offset++ }));
    await pipeline.add({ ...REPLAY_PARTITION, records: new RecordList(records) });
    onProgress(done += chunk.length);
  }
  await pipeline.commit("end");
  return {
    published: summary.publishedCount,
    duplicate: summary.duplicateCount,
    rejected: Object.fromEntries(summary.rejectedByReason(pipeline.counters)),
    sent: 0,
  };
}

/**
 * Sends dead letters to a topic and marks them once they are acknowledged. A crash between the two sends those
 * few again.
 *
 * @param send resolves when every in-sync replica has the records
 */
export async function replayToTopic(
  { checkpoint }: Pick<LakeSession, "checkpoint">,
  letters: AsyncIterable<LetterToReplay>,
  { topic, send, nowMs, stop, onProgress }: ReplayControl & {
    readonly topic: string;
    readonly send: (letters: readonly LetterToReplay[]) => Promise<unknown>;
    readonly nowMs: () => number;
  },
): Promise<ReplayReport> {
  let sent = 0;
  for await (const chunk of chunksOf(letters)) {
    if (stop.aborted) break;
    await send(chunk);
    const replays = chunk.map(({ origin }): Replay => ({
      letter: origin,
      outcome: "sent",
      detail: topic,
    }));
    await checkpoint.deadLetters.markSent(replays, nowMs());
    onProgress(sent += chunk.length);
  }
  return { published: 0, duplicate: 0, rejected: {}, sent };
}

/** What a replay into the lake would do, without doing it. */
export async function rehearseReplay(
  { checkpoint, limits, clock }: Pick<PipelineParts, "checkpoint" | "limits" | "clock">,
  letters: AsyncIterable<LetterToReplay>,
  { stop, onProgress }: ReplayControl,
): Promise<ReplayReport> {
  const batch = new Batch();
  const fresh = new Set<string>();
  const rejected: Record<string, number> = {};
  let offset = 0n, valid = 0;
  const settle = async () => {
    valid += batch.length;
    const distinct = distinctHashes(hashTexts(batch.eventIds, checkpoint.idKey));
    const isSeen = await checkpoint.seenAmong(distinct.hashes, clock.nowMs());
    for (const row of dedupe(batch.length, distinct, isSeen).fresh) {
      fresh.add(batch.eventIds.at(row));
    }
    for (const [reason, count] of batch.rejected.reasonCounts()) {
      rejected[reason] = (rejected[reason] ?? 0) + count;
    }
    batch.clear();
  };
  for await (const letter of letters) {
    if (stop.aborted) break;
    const cursor = new RecordList([{ ...letter, offset: offset++ }]);
    cursor.next();
    ingest(batch, REPLAY_PARTITION, cursor);
    if (reachedTrigger(batch, limits) !== null) await settle();
    onProgress(Number(offset));
  }
  await settle();
  return { published: fresh.size, duplicate: valid - fresh.size, rejected, sent: 0 };
}

async function* chunksOf(
  letters: AsyncIterable<LetterToReplay>,
): AsyncGenerator<readonly LetterToReplay[]> {
  let chunk: LetterToReplay[] = [], bytes = 0;
  for await (const letter of letters) {
    const size = sizeOf(letter);
    if (chunk.length === CHUNK_LETTERS || chunk.length > 0 && bytes + size > CHUNK_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(letter);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function sizeOf({ key, value, headers }: LetterToReplay): number {
  return headers.reduce(
    (sum, { name, value }) => sum + name.length + (value?.length ?? 0),
    (key?.length ?? 0) + (value?.length ?? 0),
  );
}
