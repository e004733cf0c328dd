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

const DISCONNECT_MS = 5_000;

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
    } finally {
      await admin.disconnect();
    }
    await this.#producer.connect();
  }

  /** Sends records, and again if that fails and may pass; returns how many were acknowledged: all of them. */
  async publish(records: readonly RecordToPublish[]): Promise<number> {
    await retry("produce", this.#options.retrying, () => this.send(records));
    return records.length;
  }

  /** Sends records once; resolves when all in-sync replicas have them. */
  async send(records: readonly RecordToPublish[]): Promise<void> {
    const { topic } = this.#options;
    const messages = records.map(({ key, value, headers }): Message => ({
      key: key && buffer(key),
      value: value && buffer(value),
      ...(headers && { headers: messageHeaders(headers) }),
    }));
    await this.#producer.send({ topic, acks: -1, messages });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A broker that is gone must not hold up the end.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, DISCONNECT_MS);
    await Promise.race([this.#producer.disconnect(), late.promise]);
    clearTimeout(timer);
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Headers as kafkajs takes them: values of the same name together, in their order. */
function messageHeaders(headers: readonly RecordHeader[]): IHeaders {
  const byName = Map.groupBy(headers, ({ name }) => name);
  return Object.fromEntries(
    [...byName].map(([name, values]) => [name, values.map(({ value }) => buffer(value))]),
  );
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
