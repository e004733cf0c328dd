import type { Event } from "./event.ts";
import { ACCIONES } from "./event_fields.ts";
import { enrichMonto } from "./enrich.ts";
import { ExtraColumn, type ExtraContent } from "./extra_column.ts";
import { assert } from "./errors.ts";
import type { Rejected } from "./outcome.ts";
import { RejectedRecords } from "./rejected_records.ts";
import type { Origin, Position, RawRecord, RecordCursor, TopicPartition } from "./record.ts";
import { TextColumn, type TextContent } from "./text_column.ts";
import type { Moment } from "./timestamp.ts";
import type { UsualForm } from "./usual_form.ts";

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

/** The same while the batch grows. */
interface Progress extends TopicPartition {
  readonly index: number;
  readonly firstOffset: bigint;
  /** The offset after the last record, less `firstOffset`. */
  next: number;
  receivedCount: number;
  rejectedCount: number;
  /** What its records were taken from. */
  readonly cursors: RecordCursor[];
}

const INITIAL_CAPACITY = 4096;

/**
 * The valid events of a batch in a form that another thread can be given: a copy of what is in use, whose
 * buffers are its own.
 */
export interface BatchContent {
  readonly length: number;
  readonly eventIds: TextContent;
  readonly extras: ExtraContent;
  readonly days: Int32Array<ArrayBuffer>;
  readonly microseconds: Float64Array<ArrayBuffer>;
  readonly usuarioIds: Float64Array<ArrayBuffer>;
  readonly acciones: Uint8Array<ArrayBuffer>;
  readonly montos: Float64Array<ArrayBuffer>;
  readonly partitionIndexes: Int32Array<ArrayBuffer>;
  readonly offsetDeltas: Float64Array<ArrayBuffer>;
  readonly timestampsMs: Float64Array<ArrayBuffer>;
  readonly origins: ReadonlyMap<number, Origin>;
  readonly partitions: readonly Omit<Progress, "cursors">[];
}

/** The memory of a content, to be given away with it. */
export function buffersOf(content: BatchContent): ArrayBuffer[] {
  const { eventIds, extras, days, microseconds, usuarioIds, acciones, montos } = content;
  const { partitionIndexes, offsetDeltas, timestampsMs } = content;
  const texts = [eventIds.bytes, eventIds.ends, extras.texts.bytes, extras.texts.ends, extras.rows];
  const columns = [days, microseconds, usuarioIds, acciones, montos];
  return [...texts, ...columns, partitionIndexes, offsetDeltas, timestampsMs]
    .map(({ buffer }) => buffer);
}

/**
 * A batch of records from all assigned partitions, as columns: the valid events, and the rejected records.
 * What the records were taken from is kept by reference, for a row whose record is needed once more.
 * Row i of every column is the same event; only the first `length` rows are in use. Columns double as
 * needed, and `clear` keeps them for the next batch.
 */
export class Batch {
  /** Number of valid events. */
  length = 0;
  /** Bytes of keys, values and headers taken in, of rejected records too. */
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
  readonly extras = new ExtraColumn();
  /** The place of the row's topic-partition in `partitions`. */
  partitionIndexes = new Int32Array(INITIAL_CAPACITY);
  /** The row's offset less the first one of its topic-partition here; see `offsetOf`. */
  offsetDeltas = new Float64Array(INITIAL_CAPACITY);
  /** Record timestamp, milliseconds since 1970-01-01 UTC. */
  timestampsMs = new Float64Array(INITIAL_CAPACITY);

  /** The dead letters that valid events are replays of, by row; other rows are not in it. */
  readonly origins = new Map<number, Origin>();

  readonly rejected = new RejectedRecords();
  readonly #dates = new Set<number>();
  #lastDate = NaN;
  #partitions: Progress[] = [];

  /** A batch of the events of another one; the records that these were taken from are not there. */
  static from(content: BatchContent): Batch {
    const batch = new Batch();
    const { eventIds, extras, origins, partitions, ...columns } = content;
    Object.assign(batch, columns);
    batch.eventIds.take(eventIds);
    batch.extras.take(extras);
    for (const [row, origin] of origins) batch.origins.set(row, origin);
    batch.#partitions = partitions.map((partition) => ({ ...partition, cursors: [] }));
    return batch;
  }

  /** A copy of the valid events. */
  content(): BatchContent {
    const { length, origins } = this;
    return {
      length,
      origins,
      eventIds: this.eventIds.content(),
      extras: this.extras.content(),
      days: this.days.slice(0, length),
      microseconds: this.microseconds.slice(0, length),
      usuarioIds: this.usuarioIds.slice(0, length),
      acciones: this.acciones.slice(0, length),
      montos: this.montos.slice(0, length),
      partitionIndexes: this.partitionIndexes.slice(0, length),
      offsetDeltas: this.offsetDeltas.slice(0, length),
      timestampsMs: this.timestampsMs.slice(0, length),
      partitions: this.#partitions.map(({ cursors: _, ...partition }) => partition),
    };
  }

  /** The topic-partitions that have records here, in the order of their first one. */
  get partitions(): readonly BatchPartition[] {
    return this.#partitions.map(({ next, cursors: _, ...partition }) => ({
      ...partition,
      nextOffset: partition.firstOffset + BigInt(next),
    }));
  }

  /** The offset after the last record here of a topic-partition; undefined where it has none. */
  nextOffsetOf(at: TopicPartition): bigint | undefined {
    const known = this.#partitions.find((other) => isSame(other, at));
    return known && known.firstOffset + BigInt(known.next);
  }

  /** The offset of a row's record. */
  offsetOf(row: number): bigint {
    const { firstOffset = 0n } = this.#partitions[this.partitionIndexes[row] ?? 0] ?? {};
    return firstOffset + BigInt(this.offsetDeltas[row] ?? 0);
  }

  /** Number of different dates of the valid events. */
  get dateCount(): number {
    return this.#dates.size;
  }

  get isEmpty(): boolean {
    return this.receivedCount === 0;
  }

  /** Appends a valid event. */
  addEvent(
    at: TopicPartition,
    record: RecordCursor,
    event: Event,
    moment: Moment,
    extra: string | null,
  ) {
    const row = this.#newRow(at, record);
    this.eventIds.push(event.event_id);
    this.days[row] = moment.day;
    this.#noteDate(moment.day);
    this.microseconds[row] = moment.microseconds;
    this.usuarioIds[row] = event.usuario_id;
    this.acciones[row] = event.accion === undefined ? 0 : ACCIONES.indexOf(event.accion) + 1;
    this.montos[row] = enrichMonto(event.monto);
    if (extra !== null) this.extras.push(row, extra);
  }

  /**
   * Appends a valid event that has the usual form.
   *
   * @param form what was read of the record's value
   */
  addUsual(at: TopicPartition, record: RecordCursor, form: UsualForm) {
    const row = this.#newRow(at, record);
    this.eventIds.pushBytes(form.bytes, { start: form.idStart, end: form.idEnd });
    this.days[row] = form.time.day;
    this.#noteDate(form.time.day);
    this.microseconds[row] = form.time.microseconds;
    this.usuarioIds[row] = form.usuarioId;
    this.acciones[row] = form.accion;
    this.montos[row] = form.monto;
    if (!form.extra.isEmpty) this.extras.pushBytes(row, form.extra);
  }

  /** Counts a record and begins its row; the caller fills the event's columns. */
  #newRow(at: TopicPartition, record: RecordCursor): number {
    const row = this.length;
    if (row === this.days.length) this.#grow();
    const partition = this.#receive(at, record);
    this.partitionIndexes[row] = partition.index;
    this.offsetDeltas[row] = partition.next - 1;
    this.timestampsMs[row] = record.timestampMs;
    if (record.origin !== undefined) this.origins.set(row, record.origin);
    this.length = row + 1;
    return row;
  }

  /** Appends a rejected record. */
  addRejected(at: TopicPartition, record: RecordCursor, rejected: Rejected) {
    const partition = this.#receive(at, record);
    partition.rejectedCount++;
    this.rejected.push(at, record.record(), rejected);
  }

  /** Where a row's record lay; for a replay, where it lay at first. */
  positionOf(row: number): Position {
    const { topic, partition } = this.origins.get(row) ?? this.#progressOf(row);
    return { topic, partition, offset: this.origins.get(row)?.offset ?? this.offsetOf(row) };
  }

  /** The original records of rows: they are looked for in what the batch was taken from. */
  recordsOf(rows: readonly number[]): ReadonlyMap<number, RawRecord> {
    const records = new Map<number, RawRecord>();
    for (const [index = 0, mine] of Map.groupBy(rows, (row) => this.partitionIndexes[row])) {
      const rowAt = new Map(mine.map((row) => [this.offsetOf(row), row]));
      for (const taken of this.#partitions[index]?.cursors ?? []) {
        const cursor = taken.again();
        while (cursor.next()) {
          const row = rowAt.get(cursor.baseOffset + BigInt(cursor.offsetDelta));
          if (row !== undefined) records.set(row, cursor.record());
        }
      }
    }
    assert(records.size === rows.length, "what a batch was taken from is kept with it");
    return records;
  }

  /** Makes rejected records of rows that turned out not to be writable; the rows behind them move up. */
  rejectRows(rejected: ReadonlyMap<number, Rejected>) {
    const gone = [...rejected.keys()].sort((a, b) => a - b);
    const records = this.recordsOf(gone);
    for (const row of gone) {
      const record = records.get(row), why = rejected.get(row);
      if (record === undefined || why === undefined) continue;
      const partition = this.#progressOf(row);
      partition.rejectedCount++;
      this.rejected.push(partition, record, why);
    }
    const origins = new Map(this.origins);
    this.origins.clear();
    this.eventIds.remove(new Set(gone));
    this.extras.remove(gone);
    let kept = 0;
    for (let row = 0; row < this.length; row++) {
      if (rejected.has(row)) continue;
      for (const column of this.#columns()) column.copyWithin(kept, row, row + 1);
      const origin = origins.get(row);
      if (origin !== undefined) this.origins.set(kept, origin);
      kept++;
    }
    this.length = kept;
  }

  /** Forgets all records; the columns' memory stays for the next batch. */
  clear() {
    this.length = this.bytes = this.receivedCount = 0;
    this.eventIds.clear();
    this.extras.clear();
    this.#dates.clear();
    this.#lastDate = NaN;
    this.origins.clear();
    this.rejected.clear();
    this.#partitions = [];
    this.#current = this.#cursor = null;
  }

  /** Counts a record and moves its partition's next offset. */
  #receive(at: TopicPartition, record: RecordCursor): Progress {
    const partition = this.#partitionOf(at, record);
    const delta = this.#base + record.offsetDelta;
    assert(delta >= partition.next, "offsets of a partition rise within a batch");
    assert(delta < Number.MAX_SAFE_INTEGER, "a batch spans less than 2^53 offsets of a partition");
    partition.next = delta + 1;
    partition.receivedCount++;
    this.receivedCount++;
    this.bytes += record.byteLength;
    return partition;
  }

  // Events come in the order of their time, more or less, so the set is rarely asked.
  #noteDate(day: number) {
    if (day === this.#lastDate) return;
    this.#dates.add(day);
    this.#lastDate = day;
  }

  // Records come in runs of one partition, so the last record's is looked at first.
  #current: Progress | null = null;
  #cursor: RecordCursor | null = null;
  /** The cursor's base offset less the first one of its partition here. */
  #base = 0;

  #partitionOf(at: TopicPartition, cursor: RecordCursor): Progress {
    if (this.#current !== null && this.#cursor === cursor && isSame(this.#current, at)) {
      return this.#current;
    }
    const known = this.#partitions.find((other) => isSame(other, at)) ?? this.#begin(at, cursor);
    this.#current = known;
    this.#cursor = cursor;
    known.cursors.push(cursor);
    this.#base = Number(cursor.baseOffset - known.firstOffset);
    return known;
  }

  #begin({ topic, partition }: TopicPartition, cursor: RecordCursor): Progress {
    const index = this.#partitions.length;
    const firstOffset = cursor.baseOffset + BigInt(cursor.offsetDelta);
    const counts = { receivedCount: 0, rejectedCount: 0 };
    const begun = { topic, partition, index, firstOffset, next: 0, ...counts, cursors: [] };
    this.#partitions.push(begun);
    return begun;
  }

  #progressOf(row: number): Progress {
    const partition = this.#partitions[this.partitionIndexes[row] ?? 0];
    assert(partition !== undefined && row < this.length, "a row of the batch has a partition");
    return partition;
  }

  /** The columns of fixed width. */
  #columns() {
    const { days, microseconds, usuarioIds, acciones, montos } = this;
    const { partitionIndexes, offsetDeltas, timestampsMs } = this;
    const ofRecord = [partitionIndexes, offsetDeltas, timestampsMs];
    return [days, microseconds, usuarioIds, acciones, montos, ...ofRecord];
  }

  #grow() {
    this.days = grown(this.days, new Int32Array(this.days.length * 2));
    this.microseconds = grown(this.microseconds, new Float64Array(this.days.length));
    this.usuarioIds = grown(this.usuarioIds, new Float64Array(this.days.length));
    this.acciones = grown(this.acciones, new Uint8Array(this.days.length));
    this.montos = grown(this.montos, new Float64Array(this.days.length));
    this.partitionIndexes = grown(this.partitionIndexes, new Int32Array(this.days.length));
    this.timestampsMs = grown(this.timestampsMs, new Float64Array(this.days.length));
    this.offsetDeltas = grown(this.offsetDeltas, new Float64Array(this.days.length));
  }
}

function isSame(a: TopicPartition, b: TopicPartition): boolean {
  return a.partition === b.partition && a.topic === b.topic;
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
