/** One header of a Kafka record; names may repeat, and a value may be null. */
export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** The dead letter that a replayed record was. */
export interface Origin extends Position {
  /** How often the record had been tried when it became that dead letter, 1 or more. */
  readonly attempts: number;
}

/** What Kafka holds, before anything was proved about it. */
export interface RawRecord {
  readonly offset: bigint;
  /** Record timestamp, milliseconds since 1970-01-01 UTC. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Only a replay has one: the record's own position in the run of replays is a running number. */
  readonly origin?: Origin;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where a record lies. */
export interface Position extends TopicPartition {
  readonly offset: bigint;
}

/**
 * Goes through records of one topic-partition in the order of their offsets, without an object a record:
 * what it says is of the record that `next` went to, and changes with the next one.
 */
export interface RecordCursor {
  /** Goes to the next record; false where there is none. */
  next(): boolean;
  /** What offsets are counted from: the same for all records of the cursor. */
  readonly baseOffset: bigint;
  /** The record's offset less `baseOffset`; exact, since no run spans 2^53 offsets. */
  readonly offsetDelta: number;
  /** Record timestamp, milliseconds since 1970-01-01 UTC. */
  readonly timestampMs: number;
  /** Bytes of the key, the value, and the headers' names and values. */
  readonly byteLength: number;
  /** What the value lies in, from `valueStart` (-1 where there is no value) to `valueEnd`. */
  readonly bytes: Uint8Array;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** The dead letter that the record is a replay of; undefined for all others. */
  readonly origin: Origin | undefined;
  /** The record as a whole, which stays as it is. */
  record(): RawRecord;
  /** A new cursor over the same records, before the first of them. */
  again(): RecordCursor;
}

/** A run of records of one topic-partition, in the order of their offsets. */
export interface RecordRun extends TopicPartition {
  readonly records: RecordCursor;
}

/** A name for a topic-partition that is unique, for maps and messages: `topic/3`. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/**
 * The most bytes of a batch, and so of one record: 256 MiB. Arrow's columns end at 2^31 bytes, V8's texts at
 * 2^29 units, and the Parquet writer, which has 4 GiB, fails at a value of 512 MiB (measured).
 */
export const MAX_KEPT_BYTES = 268_435_456;

const NO_HEADERS: readonly RecordHeader[] = [];

/** The headers of a record that has none, shared to keep a record cheap. */
export function noHeaders(): readonly RecordHeader[] {
  return NO_HEADERS;
}
