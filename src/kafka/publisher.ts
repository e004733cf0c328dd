import type { Admin, Kafka, Producer } from "kafkajs";
import { assert } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import type { Retrying } from "../runtime/retry.ts";
import { Delivery, type DeliveryNotices, type DeliveryTarget } from "./delivery.ts";
import { keyPartitioner } from "./key_partitioner.ts";
import { BatchMessage, batchPartitioner, produceRecordBatches } from "./produce_request.ts";
import type { RecordToPublish } from "./record_batch.ts";

export interface KafkaPublisherOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly log: Log;
  readonly retrying: Retrying;
}

const DISCONNECT_MS = 5_000;
/** Half of what brokers take at the most by default (max.message.bytes). */
const BATCH_BYTES = 512 * 1024;

/** Produces records with acks=all: a record is acknowledged when every in-sync replica has it. */
export class KafkaPublisher implements AsyncDisposable {
  readonly #options: KafkaPublisherOptions;
  readonly #producer: Producer;
  readonly #target: DeliveryTarget & { partitionCount: number };

  constructor(options: KafkaPublisherOptions) {
    this.#options = options;
    const partitionOf = keyPartitioner();
    const target = {
      partitionCount: 0,
      batchBytes: BATCH_BYTES,
      partitionOf: (key: Uint8Array | null) => partitionOf(key, target.partitionCount),
      send: (partition: number, batch: Uint8Array<ArrayBuffer>) => this.#send(partition, batch),
    };
    this.#target = target;
    produceRecordBatches();
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      // Naming one also keeps kafkajs from reading one more environment name.
      createPartitioner: batchPartitioner((count) => target.partitionCount = count),
    });
  }

  get topic(): string {
    return this.#options.topic;
  }

  /** Connects, and makes the topic with the broker's defaults where it is missing. */
  async start(): Promise<void> {
    const { kafka, topic, log } = this.#options;
    const admin = kafka.admin();
    await admin.connect();
    try {
      if (await createTopicIfMissing(admin, topic)) log.info("created the topic", { topic });
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      this.#target.partitionCount = topics[0]?.partitions.length ?? 0;
      assert(this.#target.partitionCount > 0, "a topic has partitions");
    } finally {
      await admin.disconnect();
    }
    await this.#producer.connect();
  }

  /** Begins a delivery whose record batches are sent again where that fails and may pass. */
  deliver(): Delivery {
    return this.#delivery(this.#options.retrying, {});
  }

  /** Sends records, again where that fails and may pass; returns how many were acknowledged, which is all of them. */
  async publish(records: Iterable<RecordToPublish>): Promise<number> {
    return await deliverAll(this.deliver(), records);
  }

  /**
   * Sends records once; resolves when all in-sync replicas have them. At a failure some of them may be
   * acknowledged: those that `onAcknowledged` was told of.
   */
  async send(records: Iterable<RecordToPublish>, notices: DeliveryNotices): Promise<void> {
    await deliverAll(this.#delivery(null, notices), records);
  }

  #delivery(retrying: Retrying | null, notices: DeliveryNotices): Delivery {
    const { nowMs } = this.#options.retrying.clock;
    return new Delivery({ ...notices, target: this.#target, nowMs, retrying });
  }

  async #send(partition: number, batch: Uint8Array<ArrayBuffer>): Promise<void> {
    const { topic } = this.#options;
    const messages = [new BatchMessage(partition, batch)];
    const answers = await this.#producer.send({ topic, acks: -1, messages });
    // kafkajs sends nothing, and says nothing, where there is no such partition.
    if (!answers.some((answer) => answer.partition === partition)) {
      const error = new Error(`topic ${topic} has no partition ${partition} any more`);
      throw Object.assign(error, { retriable: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A broker that is gone must not hold up the end.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, DISCONNECT_MS);
    await Promise.race([this.#producer.disconnect(), late.promise]);
    clearTimeout(timer);
  }
}

async function deliverAll(delivery: Delivery, records: Iterable<RecordToPublish>): Promise<number> {
  for (const record of records) {
    delivery.add(record);
    if (delivery.isFull) await delivery.room();
  }
  await delivery.end();
  return delivery.acknowledgedCount;
}

async function createTopicIfMissing(admin: Admin, topic: string): Promise<boolean> {
  const topics = await admin.listTopics();
  if (topics.includes(topic)) return false;
  return await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
}

/** As `topicExists`, over a connection that is there. */
export async function hasTopic(admin: Admin, topic: string): Promise<boolean> {
  return (await admin.listTopics()).includes(topic);
}

/** Whether the broker knows a topic. */
export async function topicExists(kafka: Kafka, topic: string): Promise<boolean> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await hasTopic(admin, topic);
  } finally {
    await admin.disconnect();
  }
}
