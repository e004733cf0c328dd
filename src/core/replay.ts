import type { Batch } from "./batch.ts";
import type { Deduped } from "./dedupe.ts";
import type { Origin } from "./record.ts";

/** What became of a dead letter that was replayed. */
export const REPLAY_OUTCOMES = ["published", "duplicate", "rejected", "sent"] as const;
export type ReplayOutcome = (typeof REPLAY_OUTCOMES)[number];

/** A dead letter that was replayed: it is done, and never replayed again. */
export interface Replay {
  readonly letter: Origin;
  readonly outcome: ReplayOutcome;
  /** The reason of a new rejection, the topic that it was sent to, else null. */
  readonly detail: string | null;
}

/** A replay as the checkpoint holds it. */
export interface MarkedReplay extends Replay {
  /** The commit that it was part of, null where it was sent to a topic. */
  readonly sequence: number | null;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly replayedAtMs: number;
}

/** Replays run through the pipeline as records of this topic (no Kafka topic has such a name), with running offsets. */
export const REPLAY_PARTITION = { topic: "dlq replay", partition: 0 } as const;

/** What became of the replays in a batch. */
export function replaysOf(batch: Batch, { fresh, duplicates }: Deduped): readonly Replay[] {
  return [
    ...ofRows(batch, fresh, "published"),
    ...ofRows(batch, duplicates, "duplicate"),
    ...Array.from(batch.rejected.origins, ([row, letter]): Replay => {
      return { letter, outcome: "rejected", detail: batch.rejected.reasonAt(row) };
    }),
  ];
}

function ofRows(batch: Batch, rows: Int32Array, outcome: ReplayOutcome): Replay[] {
  if (batch.origins.size === 0) return [];
  return Array.from(rows).flatMap((row): Replay[] => {
    const letter = batch.origins.get(row);
    return letter === undefined ? [] : [{ letter, outcome, detail: null }];
  });
}

type StoredReplay = readonly [
  topic: string,
  partition: number,
  offset: string,
  attempts: number,
  outcome: ReplayOutcome,
  detail: string | null,
];

/** The text of replays in a file's metadata: enough to mark them again without the checkpoint. */
export function replaysText(replays: readonly Replay[]): string {
  return JSON.stringify(
    replays.map(({ letter, outcome, detail }): StoredReplay => {
      const { topic, partition, offset, attempts } = letter;
      return [topic, partition, String(offset), attempts, outcome, detail];
    }),
  );
}

/** Reads what `replaysText` wrote; none where a file has no such text. */
export function replaysFrom(text: unknown): Replay[] {
  if (typeof text !== "string") return [];
  const stored: readonly StoredReplay[] = JSON.parse(text);
  return stored.map(([topic, partition, offset, attempts, outcome, detail]) => ({
    letter: { topic, partition, offset: BigInt(offset), attempts },
    outcome,
    detail,
  }));
}
