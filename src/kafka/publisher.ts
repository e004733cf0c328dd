import { Buffer } from "node:buffer";
import type { Admin, Kafka, Message } from "kafkajs";
import type { Log } from "../runtime/logs.ts";
import { keyPartitioner } from "./key_partitioner.ts";
import { retry, type Retrying } from "../runtime/retry.ts";

/** A record to be produced. */
export interface RecordToPublish {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
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
      // Naming one also keeps kafkajs from reading one more environment name.
      createPartitioner: keyPartitioner,
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

  /** Sends records, several requests at a time; returns how many were acknowledged, which is all of them. */
  async publish(records: readonly RecordToPublish[]): Promise<number> {
    const { topic, retrying } = this.#options;
    const sends: Promise<unknown>[] = [];
    for (let first = 0; first < records.length; first += RECORDS_A_REQUEST) {
      const messages = records.slice(first, first + RECORDS_A_REQUEST).map(messageOf);
      const send = () => this.#producer.send({ topic, acks: -1, messages });
      sends.push(retry("produce", retrying, send));
    }
    await Promise.all(sends);
    return records.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect();
  }
}

/** kafkajs copies its list of a partition's messages for each further one, so that long ones cost the square. */
const RECORDS_A_REQUEST = 250;

function messageOf({ key, value }: RecordToPublish): Message {
  return { key: buffer(key), value: buffer(value) };
}

function buffer(bytes: Uint8Array): Buffer {
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
