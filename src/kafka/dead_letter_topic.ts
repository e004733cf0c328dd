import type { RejectedRecord } from "../core/rejected_records.ts";
import { deadLetterHeaders } from "../core/dead_letter_headers.ts";
import { messageOf, operatingError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import { canPassLater } from "../runtime/retry.ts";
import type { KafkaPublisher } from "./publisher.ts";
import type { RecordToPublish } from "./record_batch.ts";

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
    let failed: readonly RejectedRecord[] = [];
    try {
      await publisher.send(outgoing(unsent, version), {
        onAcknowledged: (numbers) => {
          for (const letter of at(unsent, numbers)) this.#sent.add(positionOf(letter));
        },
        onFailed: (numbers) => failed = at(unsent, numbers),
      });
    } catch (error) {
      throw canPassLater(error) || failed.length === 0 ? error : refused(error, failed, this.name);
    }
  }

  /** Notes that what was sent is part of a commit. */
  committed(): void {
    this.#sent.clear();
  }
}

function at(letters: readonly RejectedRecord[], numbers: readonly number[]): RejectedRecord[] {
  return numbers.flatMap((number) => letters[number] ?? []);
}

/** Makes the records one by one, as there is room for them. */
function* outgoing(
  letters: readonly RejectedRecord[],
  version: string,
): Generator<RecordToPublish> {
  for (const letter of letters) {
    const { key, value } = letter.record;
    yield { key, value, headers: deadLetterHeaders(letter, version) };
  }
}

function positionOf({ topicPartition, record }: RejectedRecord): string {
  return `${partitionName(topicPartition)}/${record.offset}`;
}

function refused(error: unknown, failed: readonly RejectedRecord[], topic: string): Error {
  const positions = failed.map(positionOf);
  const more = positions.length > 1 ? ` and ${positions.length - 1} more` : "";
  return operatingError(
    `The dead-letter topic ${topic} does not take what was rejected at ${positions[0]}${more}: ` +
      `${messageOf(error)}. ` +
      `Nothing is lost. Give the topic a larger max.message.bytes or the rights that are missing, or ` +
      `start without --dlq-topic: the dead letters in OUT_DIR are complete without it`,
    error,
  );
}
