import { ACCIONES, type Event } from "./event.ts";
import { enrichMonto } from "./enrich.ts";
import { assert } from "./errors.ts";
import type { Rejected } from "./outcome.ts";
import type { Origin, RawRecord, TopicPartition } from "./record.ts";
import { TextColumn } from "./text_column.ts";
import type { Moment } from "./timestamp.ts";

/** What a batch knows of one topic-partition. */
export interface BatchPartition extends TopicPartition {
  /** Its place in `Batch.partitions`. */
  readonly index: number;
  readonly firstOffset: bigint;
  /** What the commit of the batch stores for the partition. */
  readonly nextOffset: bigint;
  readonly receivedCount: number;
  readonly rejectedCount: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A rejected record with everything a dead letter needs. */
export interface RejectedRecord {
  readonly record: RawRecord;
  readonly topicPartition: TopicPartition;
  readonly rejected: Rejected;
  /** How often the record was tried: 1, and one more for each replay that rejected it again. */
  readonly attempts: number;
}

const INITIAL_CAPACITY = 4096;

/**
 * A batch of records from all assigned partitions: the valid events as columns, the rejected records whole.
 * Row i of every column is the same event; only the first `length` rows are in use. Columns double as
 * needed, and `clear` keeps them for the next batch.
 */
export class Batch {
  /** Number of valid events. */
  length = 0;
  /** Bytes of keys and values taken in, of rejected records too. */
  bytes = 0;
  /** Records taken in: valid events and rejected records. */
  receivedCount = 0;

  readonly eventIds = new TextColumn();
  /** Days since 1970-01-01 UTC: the lake partition. */
  days = new Int32Array(INITIAL_CAPACITY);
  /** Microseconds since that day's midnight. */
  microseconds = new Float64Array(INITIAL_CAPACITY);
  usuarioIds = new Float64Array(INITIAL_CAPACITY);
  /** 0 is null, else the place in ACCIONES plus one. */
  acciones = new Uint8Array(INITIAL_CAPACITY);
  montos = new Float64Array(INITIAL_CAPACITY);
  /** JSON text of the unknown fields, by row; rows without any are not in it. */
  extras = new Map<number, string>();
  /** The place of the row's topic-partition in `partitions`. */
  partitionIndexes = new Int32Array(INITIAL_CAPACITY);
  offsets = new BigInt64Array(INITIAL_CAPACITY);
  /** Record timestamp, milliseconds since 1970-01-01 UTC. */
  timestampsMs = new Float64Array(INITIAL_CAPACITY);

  /** The dead letters that valid events are replays of, by row; other rows are not in it. */
  origins = new Map<number, Origin>();

  rejected: RejectedRecord[] = [];
  #partitions: Mutable<BatchPartition>[] = [];

  /** The topic-partitions that have records here, in the order of their first one. */
  get partitions(): readonly BatchPartition[] {
    return this.#partitions;
  }

  get isEmpty(): boolean {
    return this.receivedCount === 0;
  }

  /** Appends a valid event. */
  addEvent(
    at: TopicPartition,
    record: RawRecord,
    event: Event,
    moment: Moment,
    extra: string | null,
  ) {
    const row = this.length;
    if (row === this.days.length) this.#grow();
    const partition = this.#receive(at, record);
    this.eventIds.push(event.event_id);
    this.days[row] = moment.day;
    this.microseconds[row] = moment.microseconds;
    this.usuarioIds[row] = event.usuario_id;
    this.acciones[row] = event.accion === undefined ? 0 : ACCIONES.indexOf(event.accion) + 1;
    this.montos[row] = enrichMonto(event.monto);
    if (extra !== null) this.extras.set(row, extra);
    if (record.origin !== undefined) this.origins.set(row, record.origin);
    this.partitionIndexes[row] = partition.index;
    this.offsets[row] = record.offset;
    this.timestampsMs[row] = record.timestampMs;
    this.length = row + 1;
  }

  /** Appends a rejected record. */
  addRejected(at: TopicPartition, record: RawRecord, rejected: Rejected) {
    const partition = this.#receive(at, record);
    partition.rejectedCount++;
    const attempts = (record.origin?.attempts ?? 0) + 1;
    this.rejected.push({ record, topicPartition: partition, rejected, attempts });
  }

  /** Forgets all records; the columns' memory stays for the next batch. */
  clear() {
    this.length = this.bytes = this.receivedCount = 0;
    this.eventIds.clear();
    this.extras.clear();
    this.origins.clear();
    this.rejected = [];
    this.#partitions = [];
  }

  /** Counts a record and moves its partition's next offset. */
  #receive(at: TopicPartition, record: RawRecord): Mutable<BatchPartition> {
    const partition = this.#partitionOf(at, record.offset);
    assert(record.offset >= partition.nextOffset, "offsets of a partition rise within a batch");
    partition.nextOffset = record.offset + 1n;
    partition.receivedCount++;
    this.receivedCount++;
    this.bytes += (record.value?.length ?? 0) + (record.key?.length ?? 0);
    return partition;
  }

  // Records come in runs of one partition, so the partition of the last record is looked at first.
  #lastPartition = 0;

  #partitionOf(at: TopicPartition, offset: bigint): Mutable<BatchPartition> {
    const last = this.#partitions[this.#lastPartition];
    if (last !== undefined && isSame(last, at)) return last;
    const found = this.#partitions.findIndex((known) => isSame(known, at));
    const known = this.#partitions[found];
    this.#lastPartition = known?.index ?? this.#partitions.length;
    if (known !== undefined) return known;
    const { topic, partition } = at;
    const index = this.#partitions.length;
    const counts = { receivedCount: 0, rejectedCount: 0 };
    const added = { topic, partition, index, firstOffset: offset, nextOffset: offset, ...counts };
    this.#partitions.push(added);
    return added;
  }

  #grow() {
    this.days = grown(this.days, new Int32Array(this.days.length * 2));
    this.microseconds = grown(this.microseconds, new Float64Array(this.days.length));
    this.usuarioIds = grown(this.usuarioIds, new Float64Array(this.days.length));
    this.acciones = grown(this.acciones, new Uint8Array(this.days.length));
    this.montos = grown(this.montos, new Float64Array(this.days.length));
    this.partitionIndexes = grown(this.partitionIndexes, new Int32Array(this.days.length));
    this.timestampsMs = grown(this.timestampsMs, new Float64Array(this.days.length));
    const offsets = new BigInt64Array(this.days.length);
    offsets.set(this.offsets);
    this.offsets = offsets;
  }
}

function isSame(a: TopicPartition, b: TopicPartition): boolean {
  return a.partition === b.partition && a.topic === b.topic;
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
