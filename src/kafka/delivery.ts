import { assert } from "../core/errors.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import { isTooLarge } from "./errors.ts";
import { recordsIn } from "./fetch_response.ts";
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

/** What is told of records as they are settled: their numbers, which count the records added before each. */
export interface DeliveryNotices {
  /** All in-sync replicas have these records. */
  readonly onAcknowledged?: (numbers: readonly number[]) => void;
  /** The first failure was about these; `Delivery.end` throws it. */
  readonly onFailed?: (numbers: readonly number[]) => void;
}

export interface DeliveryOptions extends DeliveryNotices {
  readonly target: DeliveryTarget;
  readonly nowMs: () => number;
  /** How a record batch is sent again where that may help; null: the first failure is the end. */
  readonly retrying: Retrying | null;
}

/** Records of one partition that are sent together; they are not kept as objects, there are too many. */
interface OutgoingBatch {
  /** The number of each. */
  readonly numbers: number[];
  readonly writer: RecordBatchWriter;
}

/** What is on its way to a partition, in order. */
interface Lane {
  readonly partition: number;
  /** The last one takes further records. */
  readonly waiting: OutgoingBatch[];
  sending: OutgoingBatch | null;
  isActive: boolean;
  /** Bytes of the latest record batch. */
  usualBytes: number;
}

/** What may wait for its acknowledgement, in bytes, before whoever adds records has to wait too. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Records on their way to a topic. Each partition has one request under way, so that its records keep their
 * order; what is added meanwhile goes with the next one.
 */
export class Delivery {
  acknowledgedCount = 0;
  readonly #options: DeliveryOptions;
  readonly #lanes = new Map<number, Lane>();
  #addedCount = 0;
  #waitingBytes = 0;
  #failure: { readonly error: unknown } | null = null;
  #progress = Promise.withResolvers<void>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Whether so much waits that `room` should be awaited before more is added. */
  get isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  /** How many of the first records are certainly acknowledged, without a gap; it looks at all that wait. */
  get acknowledgedInOrder(): number {
    let count = this.#addedCount;
    for (const { sending, waiting } of this.#lanes.values()) {
      for (const { numbers } of sending === null ? waiting : [sending, ...waiting]) {
        for (const number of numbers) count = Math.min(count, number);
      }
    }
    return count;
  }

  /** Adds a record, which is sent at the end of this turn at the earliest. */
  add(record: RecordToPublish): void {
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

  #add(record: RecordToPublish, number: number): void {
    const { target } = this.#options;
    const lane = this.#lane(target.partitionOf(record.key));
    let batch = lane.waiting.at(-1);
    const bytesBefore = batch?.writer.byteLength ?? 0;
    if (batch?.writer.add(record, target.batchBytes)) {
      this.#waitingBytes += batch.writer.byteLength - bytesBefore;
    } else {
      batch = { numbers: [], writer: new RecordBatchWriter(lane.usualBytes) };
      batch.writer.add(record, target.batchBytes);
      lane.waiting.push(batch);
      this.#waitingBytes += batch.writer.byteLength;
    }
    batch.numbers.push(number);
    if (!lane.isActive) void this.#run(lane);
  }

  #lane(partition: number): Lane {
    let lane = this.#lanes.get(partition);
    if (lane === undefined) {
      lane = { partition, waiting: [], sending: null, isActive: false, usualBytes: 0 };
      this.#lanes.set(partition, lane);
    }
    return lane;
  }

  async #run(lane: Lane): Promise<void> {
    lane.isActive = true;
    // What is added in this turn goes along.
    await Promise.resolve();
    while (this.#failure === null) {
      const batch = lane.waiting.shift();
      if (batch === undefined) break;
      lane.sending = batch;
      lane.usualBytes = batch.writer.byteLength;
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

  async #deliver(partition: number, { numbers, writer }: OutgoingBatch): Promise<void> {
    const { target, nowMs, onAcknowledged, onFailed } = this.#options;
    const bytes = writer.finish(nowMs());
    try {
      await this.#send(partition, bytes);
    } catch (error) {
      if (isTooLarge(error) && numbers.length > 1) {
        target.batchBytes = Math.min(target.batchBytes, Math.ceil(bytes.length / 2));
        for (const half of halves(bytes, numbers)) await this.#deliver(partition, half);
        return;
      }
      if (partition >= target.partitionCount) {
        for (const [i, record] of recordsIn(bytes).entries()) this.#add(record, numbers[i] ?? 0);
        return;
      }
      if (this.#failure === null) {
        this.#failure = { error };
        onFailed?.(numbers);
      }
      throw error;
    }
    this.acknowledgedCount += numbers.length;
    onAcknowledged?.(numbers);
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

/** Two record batches with the records of one. */
function halves(
  bytes: Uint8Array<ArrayBuffer>,
  numbers: readonly number[],
): readonly OutgoingBatch[] {
  const records = recordsIn(bytes), middle = records.length >> 1;
  return [[0, middle], [middle, records.length]].map(([start, end]) => {
    const writer = new RecordBatchWriter(bytes.length);
    for (const record of records.slice(start, end)) writer.add(record, Infinity);
    return { numbers: numbers.slice(start, end), writer };
  });
}
