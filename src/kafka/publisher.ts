import { Buffer } from "node:buffer";
import { type Admin, type IHeaders, type Kafka, type Message, Partitioners } from "kafkajs";
import type { RecordHeader } from "../core/record.ts";
import type { Log } from "../runtime/logs.ts";
import { retry, type Retrying } from "../runtime/retry.ts";

/** A record to be produced. */
export interface RecordToPublish {
  readonly key: Uint8Array | null;
  /** null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

export interface KafkaPublisherOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly log: Log;
  readonly retrying: Retrying;
}

/** Produces records with acks=all; a send is done when every in-sync replica has its records. */
export class KafkaPublisher implements AsyncDisposable {
  readonly #options: KafkaPublisherOptions;
  readonly #producer;

  constructor(options: KafkaPublisherOptions) {
    this.#options = options;
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      // Java's partitioner. Naming it also keeps kafkajs from reading one more environment name.
      createPartitioner: Partitioners.DefaultPartitioner,
    });
  }

  /** Connects, and makes the topic with the broker's defaults where it is missing. */
  async start(): Promise<void> {
    const { kafka, topic, log } = this.#options;
    const admin = kafka.admin();
    await admin.connect();
    try {
      if (await createTopicIfMissing(admin, topic)) log.info("created the topic", { topic });
    } finally {
      await admin.disconnect();
    }
    await this.#producer.connect();
  }

  /** Sends records; returns how many were acknowledged, which is all of them. */
  async publish(records: readonly RecordToPublish[]): Promise<number> {
    const { topic, retrying } = this.#options;
    const messages = records.map(({ key, value, headers }): Message => ({
      key: buffer(key),
      value: buffer(value),
      ...(headers === undefined ? {} : { headers: headersOf(headers) }),
    }));
    await retry("produce", retrying, () => this.#producer.send({ topic, acks: -1, messages }));
    return records.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** kafkajs keeps the order of names and of each name's values, not that of repeated names among others. */
function headersOf(headers: readonly RecordHeader[]): IHeaders {
  const byName = Map.groupBy(headers, ({ name }) => name);
  return Object.fromEntries(
    [...byName].map(([name, group]) => [name, group.map(({ value }) => toBuffer(value))]),
  );
}

function buffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : toBuffer(bytes);
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function createTopicIfMissing(admin: Admin, topic: string): Promise<boolean> {
  const topics = await admin.listTopics();
  if (topics.includes(topic)) return false;
  return await admin.createTopics({ topics: [{ topic }], waitForLeaders: true });
}

/** Whether the broker knows a topic. */
export async function topicExists(kafka: Kafka, topic: string): Promise<boolean> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return (await admin.listTopics()).includes(topic);
  } finally {
    await admin.disconnect();
  }
}
