import type { Producer } from "kafkajs";
import { type Random, seededRandom } from "../../src/simulation/random.ts";
import { batchProducer, RecordBatches } from "../kafka/record_batches.ts";
import { untilDone, withAdmin } from "../kafka/topics.ts";
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
    const producer = await batchProducer(options.bootstrap);
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
    const batches = new RecordBatches(this.#options.partitionCount);
    const end = this.#eventCount + count;
    let invalidCount = this.#invalidCount;
    for (let id = this.#eventCount; id < end; id++) {
      batches.add(partitionOf(id, this.#options.partitionCount), eventRecord(id));
      if (this.#random() < DUPLICATE_RATIO) this.#addDuplicate(batches, id);
      if (this.#random() >= INVALID_RATIO) continue;
      const number = invalidCount++, partition = this.#below(this.#options.partitionCount);
      batches.add(partition, recordOf(invalidKeyOf(number), invalidOf(number).value));
    }
    await this.#sendAll(batches);
    this.#eventCount = end;
    this.#invalidCount = invalidCount;
  }

  /** Repeats an event up to the newest, in another partition than the first copy's. */
  #addDuplicate(batches: RecordBatches, newest: number): void {
    const { partitionCount, rate } = this.#options;
    const isRecent = this.#random() < 0.5;
    const id = newest - this.#below(isRecent ? Math.min(rate, newest + 1) : newest + 1);
    const others = Math.max(1, partitionCount - 1);
    const partition = (partitionOf(id, partitionCount) + 1 + this.#below(others)) % partitionCount;
    batches.add(partition, eventRecord(id));
    this.duplicateCount++;
  }

  async #sendAll(batches: RecordBatches): Promise<void> {
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

function eventRecord(id: number) {
  return recordOf(idOf(id), eventJson(id));
}

function recordOf(key: string, value: string) {
  return { key: encoder.encode(key), value: encoder.encode(value) };
}
