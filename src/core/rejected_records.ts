import { BytesColumn, type BytesContent } from "./bytes_column.ts";
import { LetterContents, type LetterContentsContent } from "./letter_contents.ts";
import { assert } from "./errors.ts";
import { type Reason, REASON_CODES, type Rejected } from "./outcome.ts";
import type { Origin, Position, RawRecord, TopicPartition } from "./record.ts";

/** A rejected record with everything a dead letter needs. */
export interface RejectedRecord {
  readonly record: RawRecord;
  readonly topicPartition: TopicPartition;
  readonly rejected: Rejected;
  /** How often the record was tried: 1, and one more for each replay that rejected it again. */
  readonly attempts: number;
}

/** Where a rejected record lay; for a replay, where it lay at first. */
export function positionOfRejected({ record, topicPartition }: RejectedRecord): Position {
  const { topic, partition, offset } = record.origin ??
    { ...topicPartition, offset: record.offset };
  return { topic, partition, offset };
}

/** Rejected records as they lie in memory. */
export interface RejectedContent {
  readonly length: number;
  readonly contents: LetterContentsContent;
  readonly eventIds: BytesContent;
  readonly places: readonly TopicPartition[];
  readonly paths: readonly string[];
  readonly placeIndexes: Int32Array<ArrayBuffer>;
  readonly offsets: BigInt64Array<ArrayBuffer>;
  readonly timestampsMs: Float64Array<ArrayBuffer>;
  readonly reasonIndexes: Uint8Array<ArrayBuffer>;
  readonly pathIndexes: Int32Array<ArrayBuffer>;
  readonly origins: ReadonlyMap<number, Origin>;
}

const INITIAL_ROWS = 64;

/**
 * The rejected records of a batch as columns, so that a topic of nothing else takes no more memory than its bytes:
 * an object is made of one where it is asked for. Memory doubles as needed, and `clear` keeps it.
 */
export class RejectedRecords implements Iterable<RejectedRecord> {
  length = 0;
  readonly contents = new LetterContents();
  /** null where none could be read. */
  readonly eventIds = new BytesColumn();
  /** The topic-partitions that `placeIndexes` stands for. */
  places: TopicPartition[] = [];
  /** The failing fields that `pathIndexes` stands for, less one: 0 is none. */
  paths: string[] = [];
  placeIndexes = new Int32Array(INITIAL_ROWS);
  offsets = new BigInt64Array(INITIAL_ROWS);
  timestampsMs = new Float64Array(INITIAL_ROWS);
  /** Places in REASON_CODES. */
  reasonIndexes = new Uint8Array(INITIAL_ROWS);
  pathIndexes = new Int32Array(INITIAL_ROWS);
  /** The dead letters that rejected records are replays of, by row; other rows are not in it. */
  readonly origins = new Map<number, Origin>();

  /** Rejected records that are given. */
  static from({ contents, eventIds, origins, places, paths, ...columns }: RejectedContent) {
    const records = new RejectedRecords();
    Object.assign(records, columns);
    records.contents.take(contents);
    records.eventIds.take(eventIds);
    records.places = [...places];
    records.paths = [...paths];
    for (const [row, origin] of origins) records.origins.set(row, origin);
    return records;
  }

  push(at: TopicPartition, record: RawRecord, { reason, path, eventId }: Rejected): void {
    const row = this.length;
    if (row === this.offsets.length) this.#grow();
    this.placeIndexes[row] = this.#placeOf(at);
    this.offsets[row] = record.offset;
    this.timestampsMs[row] = record.timestampMs;
    this.reasonIndexes[row] = REASON_CODES.indexOf(reason);
    this.pathIndexes[row] = path === null ? 0 : this.#pathIndex(path);
    if (record.origin !== undefined) this.origins.set(row, record.origin);
    this.eventIds.pushText(eventId);
    this.contents.push(record);
    this.length = row + 1;
  }

  reasonAt(row: number): Reason {
    const reason = REASON_CODES[this.reasonIndexes[row] ?? -1];
    assert(reason !== undefined && row < this.length, "a rejected record has a reason");
    return reason;
  }

  /** The failing field, null where the record as a whole failed. */
  pathAt(row: number): string | null {
    return this.paths[(this.pathIndexes[row] ?? 0) - 1] ?? null;
  }

  /** How often a row's record was tried: 1, and one more for each replay that rejected it again. */
  attemptsAt(row: number): number {
    return (this.origins.get(row)?.attempts ?? 0) + 1;
  }

  /** How many records have each reason. */
  reasonCounts(): ReadonlyMap<Reason, number> {
    const counts = new Map<Reason, number>();
    for (let row = 0; row < this.length; row++) {
      const reason = this.reasonAt(row);
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return counts;
  }

  /** A row's record, as a copy. */
  at(row: number): RejectedRecord {
    const { topic, partition } = this.#place(row);
    const origin = this.origins.get(row);
    const record = {
      offset: this.offsets[row] ?? 0n,
      timestampMs: this.timestampsMs[row] ?? 0,
      ...this.contents.at(row),
      ...(origin !== undefined && { origin }),
    };
    const rejected: Rejected = {
      kind: "rejected",
      reason: this.reasonAt(row),
      path: this.pathAt(row),
      eventId: this.eventIds.textAt(row),
    };
    return {
      record,
      topicPartition: { topic, partition },
      rejected,
      attempts: this.attemptsAt(row),
    };
  }

  /** Where a row's record lay; for a replay, where it lay at first. */
  positionAt(row: number): Position {
    const { topic, partition } = this.origins.get(row) ?? this.#place(row);
    return { topic, partition, offset: this.origins.get(row)?.offset ?? this.offsets[row] ?? 0n };
  }

  *[Symbol.iterator](): Generator<RejectedRecord> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /** A copy of all. */
  content(): RejectedContent {
    const { length, places, paths, origins } = this;
    return {
      length,
      places,
      paths,
      origins,
      contents: this.contents.content(),
      eventIds: this.eventIds.content(),
      placeIndexes: this.placeIndexes.slice(0, length),
      offsets: this.offsets.slice(0, length),
      timestampsMs: this.timestampsMs.slice(0, length),
      reasonIndexes: this.reasonIndexes.slice(0, length),
      pathIndexes: this.pathIndexes.slice(0, length),
    };
  }

  /** Forgets all; the memory stays. */
  clear(): void {
    this.length = 0;
    this.contents.clear();
    this.eventIds.clear();
    this.places = [];
    this.paths = [];
    this.origins.clear();
  }

  #place(row: number): TopicPartition {
    const place = this.places[this.placeIndexes[row] ?? 0];
    assert(place !== undefined, "a rejected record lay in a topic-partition");
    return place;
  }

  // Records come in runs of one partition, and few fields fail, so the last place and the first path are it mostly.
  #placeOf({ topic, partition }: TopicPartition): number {
    const known = this.places.findLastIndex((place) =>
      place.partition === partition && place.topic === topic
    );
    return known >= 0 ? known : this.places.push({ topic, partition }) - 1;
  }

  #pathIndex(path: string): number {
    const known = this.paths.indexOf(path);
    return 1 + (known >= 0 ? known : this.paths.push(path) - 1);
  }

  #grow(): void {
    const rows = this.length * 2;
    this.placeIndexes = grown(this.placeIndexes, new Int32Array(rows));
    this.timestampsMs = grown(this.timestampsMs, new Float64Array(rows));
    this.reasonIndexes = grown(this.reasonIndexes, new Uint8Array(rows));
    this.pathIndexes = grown(this.pathIndexes, new Int32Array(rows));
    const offsets = new BigInt64Array(rows);
    offsets.set(this.offsets);
    this.offsets = offsets;
  }
}

function grown<T extends Int32Array | Float64Array | Uint8Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
