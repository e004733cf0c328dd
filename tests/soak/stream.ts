import type { Producer } from "kafkajs";
import {
  BatchMessage,
  batchPartitioner,
  produceRecordBatches,
} from "../../src/kafka/produce_request.ts";
import { RecordBatchWriter } from "../../src/kafka/record_batch.ts";
import { type Random, seededRandom } from "../../src/simulation/random.ts";
import { testClient, untilDone, withAdmin } from "../kafka/topics.ts";
import type { SoakTruth } from "./lake_oracle.ts";
import { eventJson, idOf, invalidKeyOf, invalidOf, partitionOf } from "./soak_events.ts";

/** What is produced, and where to. */
export interface StreamOptions {
  readonly bootstrap: string;
  readonly topic: string;
  readonly partitionCount: number;
  /** New events a second. */
  readonly rate: number;
  readonly seed: number;
}

const DUPLICATE_RATIO = 0.02, INVALID_RATIO = 0.005;
const TICK_MS = 100;
/** Where the broker was slow, so much is made up for at once. */
const MAX_TICK_MS = 1_000;
const MAX_BATCH_BYTES = 900_000;

/**
 * Numbered events at an even rate, some of them again in another partition (half of these within a second of
 * the first copy), and some invalid records. Everything is sent until it is acknowledged by all replicas.
 */
export class Stream implements AsyncDisposable {
  duplicateCount = 0;
  /** Records that were sent again because an acknowledgement was lost. */
  uncertainCount = 0;
  readonly #options: StreamOptions;
  readonly #random: Random;
  readonly #producer: Producer;
  #eventCount = 0;
  #invalidCount = 0;

  private constructor(options: StreamOptions, producer: Producer) {
    this.#options = options;
    this.#producer = producer;
    this.#random = seededRandom(options.seed);
  }

  static async connect(options: StreamOptions): Promise<Stream> {
    produceRecordBatches();
    const createPartitioner = batchPartitioner(() => {});
    const producer = testClient(options.bootstrap).producer({ createPartitioner });
    await producer.connect();
    await untilDone(`reach all partitions of ${options.topic}`, async () => {
      await withAdmin(options.bootstrap, (admin) => admin.fetchTopicOffsets(options.topic));
    });
    return new Stream(options, producer);
  }

  /** What was acknowledged so far. */
  get truth(): SoakTruth {
    const { partitionCount } = this.#options;
    return { eventCount: this.#eventCount, invalidCount: this.#invalidCount, partitionCount };
  }

  /** Produces until a moment of Date.now(). */
  async run(endMs: number): Promise<void> {
    let dueMs = Date.now();
    while (dueMs < endMs) {
      const tickMs = Math.min(Math.max(Date.now() - dueMs, TICK_MS), MAX_TICK_MS);
      await this.#send(Math.round(this.#options.rate * tickMs / 1_000));
      dueMs = Math.max(dueMs + tickMs, Date.now() - MAX_TICK_MS);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - Date.now())));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
  }

  async #send(count: number): Promise<void> {
    const batches = new PartitionBatches(this.#options.partitionCount);
    const end = this.#eventCount + count;
    let invalidCount = this.#invalidCount;
    for (let id = this.#eventCount; id < end; id++) {
      batches.add(partitionOf(id, this.#options.partitionCount), idOf(id), eventJson(id));
      if (this.#random() < DUPLICATE_RATIO) this.#addDuplicate(batches, id);
      if (this.#random() >= INVALID_RATIO) continue;
      const number = invalidCount++, partition = this.#below(this.#options.partitionCount);
      batches.add(partition, invalidKeyOf(number), invalidOf(number).value);
    }
    await this.#sendAll(batches);
    this.#eventCount = end;
    this.#invalidCount = invalidCount;
  }

  /** Repeats an event up to the newest, in another partition than the first copy's. */
  #addDuplicate(batches: PartitionBatches, newest: number): void {
    const { partitionCount, rate } = this.#options;
    const isRecent = this.#random() < 0.5;
    const id = newest - this.#below(isRecent ? Math.min(rate, newest + 1) : newest + 1);
    const others = Math.max(1, partitionCount - 1);
    const partition = (partitionOf(id, partitionCount) + 1 + this.#below(others)) % partitionCount;
    batches.add(partition, idOf(id), eventJson(id));
    this.duplicateCount++;
  }

  async #sendAll(batches: PartitionBatches): Promise<void> {
    const { topic } = this.#options;
    const requests = batches.requests();
    for (const messages of requests) {
      for (;;) {
        try {
          await this.#producer.send({ topic, acks: -1, messages: [...messages] });
          break;
        } catch (error) {
          // It may be there all the same: then the second time makes duplicates, which is as it should be.
          if (!(error instanceof Error)) throw error;
          this.uncertainCount += batches.recordCount;
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
      }
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

const encoder = new TextEncoder();

/** Records on their way, as record batches: kafkajs takes much longer for messages of its own. */
class PartitionBatches {
  recordCount = 0;
  readonly #writers: RecordBatchWriter[][];

  constructor(partitionCount: number) {
    this.#writers = Array.from({ length: partitionCount }, () => []);
  }

  add(partition: number, key: string, value: string): void {
    const writers = this.#writers[partition] ?? [];
    const record = { key: encoder.encode(key), value: encoder.encode(value) };
    this.recordCount++;
    if (writers.at(-1)?.add(record, MAX_BATCH_BYTES)) return;
    const writer = new RecordBatchWriter();
    writer.add(record, MAX_BATCH_BYTES);
    writers.push(writer);
  }

  /** Requests with one record batch a partition at the most. */
  requests(): BatchMessage[][] {
    const rounds = Math.max(...this.#writers.map(({ length }) => length));
    return Array.from(
      { length: rounds },
      (_, round) =>
        this.#writers.flatMap((writers, partition) => {
          const writer = writers[round];
          return writer === undefined
            ? []
            : [new BatchMessage(partition, writer.finish(Date.now()))];
        }),
    );
  }
}
