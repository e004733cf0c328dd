import { Buffer } from "node:buffer";
import type { ICustomPartitioner, Message } from "kafkajs";
import Encoder from "kafkajs/src/protocol/encoder.js";
import produceRequests from "kafkajs/src/protocol/requests/produce/index.js";
import { assert, operatingError } from "../core/errors.ts";

/** What a request is made of. */
export interface ProduceParts {
  readonly acks: number;
  readonly timeout: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly messages: readonly Message[];
    }[];
  }[];
}

/** The part of kafkajs's encoder that is used; the package has no types for it. */
interface RequestEncoder {
  readonly buffer: Buffer;
  writeInt16(value: number): this;
  writeInt32(value: number): this;
  writeString(value: string | null): this;
  writeBytes(value: Buffer): this;
}

/** kafkajs's requests to produce, by version: what is sent, and how its answer is read. */
export interface ProduceRequests {
  protocol: (wanted: { readonly version: number }) => (parts: ProduceParts) => {
    readonly request: {
      readonly apiVersion: number;
      readonly encode: () => Promise<RequestEncoder>;
    };
    readonly response: object;
  };
}
const requests: ProduceRequests = produceRequests;

/** What stands where kafkajs has a message object: one Kafka record batch as a whole, and where it goes. */
export class BatchMessage implements Message {
  readonly partition: number;
  /** The record batch. */
  readonly value: Buffer;

  constructor(partition: number, { buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>) {
    this.partition = partition;
    this.value = Buffer.from(buffer, byteOffset, byteLength);
  }
}

/**
 * The partition that a record batch names.
 *
 * @param onPartitions told of how many partitions the topic has, as the brokers last said
 */
export function batchPartitioner(onPartitions: (count: number) => void): ICustomPartitioner {
  return () => ({ message, partitionMetadata }) => {
    assert(message instanceof BatchMessage, "what is sent are record batches");
    onPartitions(partitionMetadata.length);
    return message.partition;
  };
}

/** The first version of the request that has record batches in it (Kafka 0.11). */
const RECORD_BATCH_VERSION = 3;
/** Bytes of a request about its topic's name and its records. */
const FRAME_BYTES = 64;

let isPatched = false;

/**
 * Makes kafkajs send a `BatchMessage` as it is: an object a record, a list that is copied for each, and their
 * encoding by objects of objects cost it five times as much. Only the request's encoding is replaced; which
 * broker it goes to, its answer and trying again stay kafkajs's. Other messages are encoded by kafkajs.
 */
export function produceRecordBatches(): void {
  if (isPatched) return;
  isPatched = true;
  const { protocol } = requests;
  requests.protocol = ({ version }) => (parts) => {
    const made = protocol({ version })(parts);
    if (!holdsBatches(parts)) return made;
    if (version < RECORD_BATCH_VERSION) {
      throw operatingError("Cannot produce to a broker that is older than Kafka 0.11: update it");
    }
    const encode = () => Promise.resolve(encodeRequest(parts));
    return { ...made, request: { ...made.request, encode } };
  };
}

function holdsBatches({ topicData }: ProduceParts): boolean {
  return topicData.some(({ partitions }) =>
    partitions.some(({ messages }) => messages.some((message) => message instanceof BatchMessage))
  );
}

/** The body of a request (kafka.apache.org/protocol, "Produce API", versions 3 to 8). */
function encodeRequest({ acks, timeout, topicData }: ProduceParts): RequestEncoder {
  const batchBytes = topicData.flatMap(({ partitions }) => partitions)
    .reduce((sum, { messages }) => sum + FRAME_BYTES + onlyBatch(messages).length, 0);
  const request: RequestEncoder = new Encoder(batchBytes);
  request.writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length);
  for (const { topic, partitions } of topicData) {
    request.writeString(topic).writeInt32(partitions.length);
    for (const { partition, messages } of partitions) {
      request.writeInt32(partition).writeBytes(onlyBatch(messages));
    }
  }
  return request;
}

/** Brokers take one record batch a partition in a request. */
function onlyBatch(messages: readonly Message[]): Buffer {
  const [message] = messages;
  assert(message instanceof BatchMessage && messages.length === 1, "one record batch a partition");
  return message.value;
}
