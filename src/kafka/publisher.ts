import { Buffer } from "node:buffer";
import type { Admin, IHeaders, Kafka, Message } from "kafkajs";
import type { RecordHeader } from "../core/record.ts";
import type { Log } from "../runtime/logs.ts";
import { keyPartitioner } from "./key_partitioner.ts";
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
      // Naming one also keeps kafkajs from reading one more environment name.
      createPartitioner: keyPartitioner,
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

  /**
   * Sends records, several requests at a time, and again where that fails and may pass; returns how many were
   * acknowledged, which is all of them.
   */
  async publish(records: readonly RecordToPublish[]): Promise<number> {
    const sends: Promise<void>[] = [];
    for (let first = 0; first < records.length; first += RECORDS_A_REQUEST) {
      const some = records.slice(first, first + RECORDS_A_REQUEST);
      sends.push(retry("produce", this.#options.retrying, () => this.send(some)));
    }
    await Promise.all(sends);
    return records.length;
  }

  /** Sends records once; resolves when all in-sync replicas have them. */
  async send(records: readonly RecordToPublish[]): Promise<void> {
    const { topic } = this.#options;
    await this.#producer.send({ topic, acks: -1, messages: records.map(messageOf) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A broker that is gone must not hold up the end.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, DISCONNECT_MS);
    await Promise.race([this.#producer.disconnect(), late.promise]);
    clearTimeout(timer);
  }
}

/** kafkajs copies its list of a partition's messages for each further one, so that long ones cost the square. */
const RECORDS_A_REQUEST = 250;

function messageOf({ key, value, headers }: RecordToPublish): Message {
  return {
    key: key && buffer(key),
    value: value && buffer(value),
    ...(headers && { headers: messageHeaders(headers) }),
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const NO_BYTES = new Uint8Array();

/** kafkajs keeps the order of names and of each name's values, not that of repeated names among others; it cannot send null. */
function messageHeaders(headers: readonly RecordHeader[]): IHeaders {
  const byName = Map.groupBy(headers, ({ name }) => name);
  return Object.fromEntries(
    [...byName].map((
      [name, values],
    ) => [name, values.map(({ value }) => buffer(value ?? NO_BYTES))]),
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
