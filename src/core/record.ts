/** One header of a Kafka record; names may repeat. */
export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array;
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

/** A run of records of one topic-partition, in the order of their offsets. */
export interface RecordRun extends TopicPartition {
  readonly records: readonly RawRecord[];
}

/** A name for a topic-partition that is unique, for maps and messages: `topic/3`. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

const NO_HEADERS: readonly RecordHeader[] = [];

/** The headers of a record that has none, shared to keep a record cheap. */
export function noHeaders(): readonly RecordHeader[] {
  return NO_HEADERS;
}
