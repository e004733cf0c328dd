import type { Stage } from "./outcome.ts";
import type { Position, RecordHeader } from "./record.ts";

/** A dead letter, whole. */
export interface DeadLetter {
  /** Where the record lay when it was rejected for the first time. */
  readonly position: Position;
  /** Record timestamp, milliseconds since 1970-01-01 UTC. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly reason: string;
  /** The failing field, null where the record as a whole failed. */
  readonly path: string | null;
  readonly stage: Stage;
  /** How often the record was tried: 1, and one more for each replay that rejected it again. */
  readonly attempts: number;
  /** null where none could be read. */
  readonly eventId: string | null;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly rejectedAtMs: number;
}

/** Which dead letters are meant; null is any. */
export interface DeadLetterFilter {
  readonly reason: string | null;
  /** Rejected at this time or later, milliseconds since 1970-01-01 UTC. */
  readonly sinceMs: number | null;
  readonly eventId: string | null;
  readonly partition: PartitionFilter | null;
}

/** A partition, of any topic where none is named. */
export interface PartitionFilter {
  readonly topic: string | null;
  readonly partition: number;
}

/** Whether a dead letter is one of those that are meant. */
export function isMeant(
  { reason, rejectedAtMs, eventId, position }: DeadLetter,
  filter: DeadLetterFilter,
): boolean {
  return (filter.reason === null || filter.reason === reason) &&
    (filter.sinceMs === null || rejectedAtMs >= filter.sinceMs) &&
    (filter.eventId === null || filter.eventId === eventId) &&
    (filter.partition === null || isIn(position, filter.partition));
}

function isIn(position: Position, { topic, partition }: PartitionFilter): boolean {
  return partition === position.partition && (topic === null || topic === position.topic);
}

/** `topic/partition/offset`. */
export function positionText({ topic, partition, offset }: Position): string {
  return `${topic}/${partition}/${offset}`;
}

/** Reads `topic/partition/offset`; undefined for other texts. */
export function parsePosition(text: string): Position | undefined {
  const [, topic, partition, offset] = /^([^/]{1,249})\/(\d{1,10})\/(\d{1,19})$/.exec(text) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined) return undefined;
  return { topic, partition: Number(partition), offset: BigInt(offset) };
}

/** Whether two positions are the same. */
export function isSamePosition(a: Position, b: Position): boolean {
  return a.offset === b.offset && a.partition === b.partition && a.topic === b.topic;
}
