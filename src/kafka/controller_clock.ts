import { Buffer } from "node:buffer";
import type { Kafka } from "kafkajs";
import Encoder from "kafkajs/src/protocol/encoder.js";
import { AnswerFields } from "./answer_fields.ts";

/** What the cluster's clock is, as seen from here. */
export type ClockReading =
  | {
    readonly kind: "read";
    /** How far this machine's clock is ahead of the controller's, milliseconds; below zero where it is behind. */
    readonly aheadMs: number;
    /** The most that it may be wrong by, milliseconds: half of the way there and back, and 1 of both clocks. */
    readonly uncertainMs: number;
    readonly controllerId: number;
  }
  /** A cluster with ZooKeeper, older than Kafka 3.3, or no Kafka. */
  | { readonly kind: "not_offered" }
  /** The error code of the answer; 29 and 31 are refusals (kafka.apache.org/protocol, "Error Codes"). */
  | { readonly kind: "refused"; readonly errorCode: number };

/** DescribeQuorum, version 1 (kafka.apache.org/protocol; version 0 tells no times). */
const API_KEY = 55, API_VERSION = 1;
const QUORUM_TOPIC = "__cluster_metadata";

/**
 * Asks for the time of the cluster's active controller. No answer of Kafka's is made to tell the time, and
 * brokers' other times are those of records. But the controller says when each of its voters last fetched
 * from it, and for itself that is now (Kafka's LeaderState, describeReplicaState).
 *
 * @param nowMs milliseconds since 1970-01-01 UTC
 * @throws what kafkajs throws where no broker answers
 */
export async function readControllerClock(
  kafka: Kafka,
  nowMs: () => number,
): Promise<ClockReading> {
  const cluster = clusterOf(kafka);
  try {
    await cluster.connect();
    await cluster.refreshMetadata();
    const broker = await cluster.findControllerBroker();
    const offered = broker.versions?.[API_KEY];
    if (offered === undefined || offered.minVersion > API_VERSION || offered.maxVersion < 1) {
      return { kind: "not_offered" };
    }
    // The first answer may wait for connections between the brokers.
    await broker.connectionPool.send(describeQuorum());
    const sentMs = nowMs();
    const answer = await broker.connectionPool.send(describeQuorum());
    const receivedMs = nowMs();
    if (answer.kind !== "told") return answer;
    const { controllerId, timeMs } = answer;
    return {
      kind: "read",
      aheadMs: (sentMs + receivedMs) / 2 - timeMs,
      uncertainMs: (receivedMs - sentMs) / 2 + 1,
      controllerId,
    };
  } finally {
    await cluster.disconnect();
  }
}

/** The parts of kafkajs 2.2.4 that it does not show; a request that it does not know goes through them. */
interface Cluster {
  connect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findControllerBroker(): Promise<Broker>;
  disconnect(): Promise<void>;
}
interface Broker {
  readonly versions:
    | Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>>
    | null;
  readonly connectionPool: { send<Answer>(request: Request<Answer>): Promise<Answer> };
}
/** The part of kafkajs's encoder that is used; the package has no types for it. */
interface QuestionEncoder {
  writeBuffer(bytes: Buffer): this;
}
interface Request<Answer> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<QuestionEncoder>;
  };
  readonly response: {
    decode(bytes: Uint8Array): Promise<Answer>;
    parse(answer: Answer): Promise<Answer>;
  };
}

/** A connection with the settings of a client. */
function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka)
    .find(({ description }) => description === "private:Kafka:createCluster");
  const create: unknown = symbol === undefined ? undefined : Reflect.get(kafka, symbol);
  if (typeof create !== "function") throw new Error("this is not kafkajs 2.2.4");
  return create.call(kafka, { allowAutoTopicCreation: false, metadataMaxAge: 300_000 });
}

/** What an answer says: the controller's time, or why it does not. */
export type QuorumAnswer =
  | { readonly kind: "told"; readonly controllerId: number; readonly timeMs: number }
  | Exclude<ClockReading, { readonly kind: "read" }>;

function describeQuorum(): Request<QuorumAnswer> {
  const encoder: QuestionEncoder = new Encoder();
  return {
    request: {
      apiKey: API_KEY,
      apiVersion: API_VERSION,
      apiName: "DescribeQuorum",
      encode: () => Promise.resolve(encoder.writeBuffer(questionBytes())),
    },
    response: {
      decode: (bytes) => Promise.resolve(decodeQuorum(bytes)),
      parse: (answer) => Promise.resolve(answer),
    },
  };
}

/**
 * What follows the client id: the header's tagged fields, then one topic with one partition, 0. Lengths are
 * one more than they are, and each structure ends with the number of its tagged fields, 0.
 */
function questionBytes(): Buffer {
  const topic = Buffer.from(QUORUM_TOPIC);
  return Buffer.from([0, 2, topic.length + 1, ...topic, 2, 0, 0, 0, 0, 0, 0, 0]);
}

/** Reads an answer from behind its correlation id. */
export function decodeQuorum(bytes: Uint8Array): QuorumAnswer {
  const fields = new FlexibleFields(bytes);
  fields.skipTagged();
  const errorCode = fields.int16();
  if (errorCode !== 0) return { kind: "refused", errorCode };
  let answer: QuorumAnswer = { kind: "not_offered" };
  fields.array(() => {
    fields.text();
    fields.array(() => {
      answer = readPartition(fields);
    });
    fields.skipTagged();
  });
  return answer;
}

function readPartition(fields: FlexibleFields): QuorumAnswer {
  fields.int32();
  const errorCode = fields.int16();
  const controllerId = fields.int32();
  fields.int32();
  fields.int64();
  let timeMs = -1;
  // Voters first, then observers.
  for (let list = 0; list < 2; list++) {
    fields.array(() => {
      const replicaId = fields.int32();
      fields.int64();
      const lastFetchMs = Number(fields.int64());
      fields.int64();
      fields.skipTagged();
      if (replicaId === controllerId) timeMs = lastFetchMs;
    });
  }
  fields.skipTagged();
  if (errorCode !== 0) return { kind: "refused", errorCode };
  return timeMs < 0 ? { kind: "not_offered" } : { kind: "told", controllerId, timeMs };
}

/** The fields of a flexible version, whose lengths are varints. */
class FlexibleFields extends AnswerFields {
  /** A compact string, passed over. */
  text(): void {
    const length = this.#varint() - 1;
    this.at += Math.max(0, length);
  }

  /** A compact array, read element by element. */
  array(read: () => void): void {
    const length = this.#varint() - 1;
    for (let i = 0; i < length; i++) read();
  }

  skipTagged(): void {
    const count = this.#varint();
    for (let i = 0; i < count; i++) {
      this.#varint();
      const size = this.#varint();
      this.at += size;
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes.readUInt8(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a length of more than 32 bits");
  }
}
