import type { RejectedRecord } from "../core/batch.ts";
import { deadLetterHeaders } from "../core/dead_letter_headers.ts";
import { messageOf, operatingError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import { canPassLater } from "../runtime/retry.ts";
import type { KafkaPublisher, RecordToPublish } from "./publisher.ts";

/** Records of one request: brokers take 1 MiB a batch by default, and headers add to it. */
const CHUNK_BYTES = 512 * 1024;
const CHUNK_RECORDS = 1_000;
/** What a record weighs beside its key, value and headers, about. */
const OVERHEAD_BYTES = 100;

export interface DeadLetterTopicOptions {
  readonly topic: string;
  /** Sends to that topic; connected. */
  readonly publisher: Pick<KafkaPublisher, "send">;
  readonly version: string;
}

/**
 * Sends rejected records to a topic of their own. What was acknowledged is not sent again while the process
 * remembers it, which is until the next commit: after that the next offsets stand for it.
 */
export class KafkaDeadLetterTopic {
  readonly name: string;
  readonly #options: DeadLetterTopicOptions;
  /** Positions that are acknowledged and not committed. */
  readonly #sent = new Set<string>();

  constructor(options: DeadLetterTopicOptions) {
    this.#options = options;
    this.name = options.topic;
  }

  /**
   * Resolves when all in-sync replicas of the topic have these records.
   *
   * @throws OrillaError with exit code 1 where the brokers refuse them for good
   */
  async send(letters: readonly RejectedRecord[]): Promise<void> {
    const { publisher, version } = this.#options;
    const unsent = letters.filter((letter) => !this.#sent.has(positionOf(letter)));
    for (const chunk of chunks(unsent, version)) {
      try {
        await publisher.send(chunk.map(({ record }) => record));
      } catch (error) {
        throw canPassLater(error) ? error : refused(error, chunk, this.name);
      }
      for (const { letter } of chunk) this.#sent.add(positionOf(letter));
    }
  }

  /** Notes that what was sent is part of a commit. */
  committed(): void {
    this.#sent.clear();
  }
}

interface Outgoing {
  readonly letter: RejectedRecord;
  readonly record: RecordToPublish;
}

function* chunks(letters: readonly RejectedRecord[], version: string): Generator<Outgoing[]> {
  let chunk: Outgoing[] = [], bytes = 0;
  for (const letter of letters) {
    const { key, value } = letter.record;
    const headers = deadLetterHeaders(letter, version);
    const headerBytes = headers.reduce(
      (sum, { name, value }) => sum + name.length + (value?.length ?? 0),
      0,
    );
    const size = (key?.length ?? 0) + (value?.length ?? 0) + headerBytes + OVERHEAD_BYTES;
    if (chunk.length === CHUNK_RECORDS || chunk.length > 0 && bytes + size > CHUNK_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push({ letter, record: { key, value, headers } });
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}

function positionOf({ topicPartition, record }: RejectedRecord): string {
  return `${partitionName(topicPartition)}/${record.offset}`;
}

function refused(error: unknown, chunk: readonly Outgoing[], topic: string): Error {
  const positions = chunk.map(({ letter }) => positionOf(letter));
  const more = positions.length > 1 ? ` and ${positions.length - 1} more` : "";
  return operatingError(
    `The dead-letter topic ${topic} does not take what was rejected at ${positions[0]}${more}: ` +
      `${messageOf(error)}. ` +
      `Nothing is lost. Give the topic a larger max.message.bytes or the rights that are missing, or ` +
      `start without --dlq-topic: the dead letters in OUT_DIR are complete without it`,
    error,
  );
}
