import { assert } from "../core/errors.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import { isTooLarge } from "./errors.ts";
import { RecordBatchWriter, type RecordToPublish } from "./record_batch.ts";

/** A topic that record batches are sent to. */
export interface DeliveryTarget {
  /** How many partitions it has, as the brokers last said; 1 or more. */
  readonly partitionCount: number;
  /**
   * Bytes of a record batch at the most; a larger record has one of its own. It becomes smaller where the
   * brokers do not take it.
   */
  batchBytes: number;
  /** The partition of a record with this key. */
  partitionOf(key: Uint8Array | null): number;
  /** Sends a record batch once; resolves when all in-sync replicas of the partition have it. */
  send(partition: number, batch: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** What is told of records as they are settled. */
export interface DeliveryNotices<R> {
  /** All in-sync replicas have these records. */
  readonly onAcknowledged?: (records: readonly R[]) => void;
  /** The first failure was about these; `Delivery.end` throws it. */
  readonly onFailed?: (records: readonly R[]) => void;
}

export interface DeliveryOptions<R> extends DeliveryNotices<R> {
  readonly target: DeliveryTarget;
  readonly nowMs: () => number;
  /** How a record batch is sent again where that may help; null: the first failure is the end. */
  readonly retrying: Retrying | null;
}

/** Records of one partition that are sent together. */
interface OutgoingBatch<R> {
  readonly records: R[];
  /** How many records were added before all of these. */
  readonly addedBefore: number;
  readonly writer: RecordBatchWriter;
}

/** What is on its way to a partition, in order. */
interface Lane<R> {
  readonly partition: number;
  /** The last one takes further records. */
  readonly waiting: OutgoingBatch<R>[];
  sending: OutgoingBatch<R> | null;
  isActive: boolean;
}

/** What may wait for its acknowledgement, in bytes, before whoever adds records has to wait too. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Records on their way to a topic. Each partition has one request under way, so that its records keep their
 * order; what is added meanwhile goes with the next one.
 */
export class Delivery<R extends RecordToPublish> {
  acknowledgedCount = 0;
  readonly #options: DeliveryOptions<R>;
  readonly #lanes = new Map<number, Lane<R>>();
  #addedCount = 0;
  #waitingBytes = 0;
  #failure: { readonly error: unknown } | null = null;
  #progress = Promise.withResolvers<void>();

  constructor(options: DeliveryOptions<R>) {
    this.#options = options;
  }

  /** Whether so much waits that `room` should be awaited before more is added. */
  get isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** How many of the records that were added first are acknowledged, without a gap. */
  get acknowledgedInOrder(): number {
    let count = this.#addedCount;
    for (const { sending, waiting } of this.#lanes.values()) {
      const [next = null] = sending === null ? waiting : [sending];
      if (next !== null) count = Math.min(count, next.addedBefore);
    }
    return count;
  }

  /** Adds a record, which is sent at the end of this turn at the earliest. */
  add(record: R): void {
    this.#add(record, this.#addedCount++);
  }

  /**
   * Resolves when further records may be added.
   *
   * @throws what `end` throws, as soon as a record batch has failed
   */
  async room(): Promise<void> {
    while (this.isFull && this.#failure === null) await this.#progress.promise;
    if (this.#failure !== null) await this.end();
  }

  /**
   * Resolves when all records are acknowledged.
   *
   * @throws the first failure, once nothing is under way any more
   */
  async end(): Promise<void> {
    while ([...this.#lanes.values()].some(({ isActive }) => isActive)) {
      await this.#progress.promise;
    }
    if (this.#failure !== null) throw this.#failure.error;
    assert(this.acknowledgedCount === this.#addedCount, "all records are acknowledged");
  }

  #add(record: R, addedBefore: number): void {
    const { target } = this.#options;
    const lane = this.#lane(target.partitionOf(record.key));
    let batch = lane.waiting.at(-1);
    const bytesBefore = batch?.writer.byteLength ?? 0;
    if (batch?.writer.add(record, target.batchBytes)) {
      this.#waitingBytes += batch.writer.byteLength - bytesBefore;
    } else {
      batch = { records: [], addedBefore, writer: new RecordBatchWriter() };
      batch.writer.add(record, target.batchBytes);
      lane.waiting.push(batch);
      this.#waitingBytes += batch.writer.byteLength;
    }
    batch.records.push(record);
    if (!lane.isActive) void this.#run(lane);
  }

  #lane(partition: number): Lane<R> {
    let lane = this.#lanes.get(partition);
    if (lane === undefined) {
      lane = { partition, waiting: [], sending: null, isActive: false };
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  async #run(lane: Lane<R>): Promise<void> {
    lane.isActive = true;
    // What is added in this turn goes along.
    await Promise.resolve();
    while (this.#failure === null) {
      const batch = lane.waiting.shift();
      if (batch === undefined) break;
      lane.sending = batch;
      try {
        await this.#deliver(lane.partition, batch);
        lane.sending = null;
        this.#waitingBytes -= batch.writer.byteLength;
      } catch (error) {
        this.#failure ??= { error };
      }
      this.#tellProgress();
    }
    lane.isActive = false;
    this.#tellProgress();
  }

  async #deliver(
    partition: number,
    { records, addedBefore, writer }: OutgoingBatch<R>,
  ): Promise<void> {
    const { target, nowMs, onAcknowledged, onFailed } = this.#options;
    const bytes = writer.finish(nowMs());
    try {
      await this.#send(partition, bytes);
    } catch (error) {
      if (isTooLarge(error) && records.length > 1) {
        target.batchBytes = Math.min(target.batchBytes, Math.ceil(bytes.length / 2));
        for (const half of halves(records)) {
          await this.#deliver(partition, batchOf(half, addedBefore));
        }
        return;
      }
      if (partition >= target.partitionCount) {
        for (const record of records) this.#add(record, addedBefore);
        return;
      }
      if (this.#failure === null) {
        this.#failure = { error };
        onFailed?.(records);
      }
      throw error;
    }
    this.acknowledgedCount += records.length;
    onAcknowledged?.(records);
  }

  async #send(partition: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { target, retrying } = this.#options;
    const send = () => target.send(partition, bytes);
    if (retrying === null) return await send();
    // A topic may have been made anew with fewer partitions.
    const isWanted = () => this.#failure === null && partition < target.partitionCount;
    await retry("produce", { ...retrying, isWanted }, send);
  }

  #tellProgress(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}

function halves<R>(records: readonly R[]): readonly (readonly R[])[] {
  const middle = records.length >> 1;
  return [records.slice(0, middle), records.slice(middle)];
}

function batchOf<R extends RecordToPublish>(
  records: readonly R[],
  addedBefore: number,
): OutgoingBatch<R> {
  const writer = new RecordBatchWriter();
  for (const record of records) writer.add(record, Infinity);
  return { records: [...records], addedBefore, writer };
}
