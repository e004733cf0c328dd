import type { RejectedRecord } from "../../src/core/rejected_records.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { RawRecord } from "../../src/core/record.ts";
import type { LakeSession } from "../../src/pipeline/lake_session.ts";
import type { DeadLetterTopic } from "../../src/pipeline/pipeline_parts.ts";

/** What a record of a test topic must become. */
export type Truth =
  | { readonly kind: "valid"; readonly eventId: string; readonly date: string }
  | { readonly kind: "invalid" };

interface Entry {
  readonly record: RawRecord;
  readonly truth: Truth;
}

/** A topic in memory, with what each record must become: the test's own log and oracle. */
export class MemoryTopic {
  readonly name = "memory";
  readonly #partitions: Entry[][];

  constructor(partitionCount: number) {
    this.#partitions = Array.from({ length: partitionCount }, () => []);
  }

  get partitions(): readonly (readonly Entry[])[] {
    return this.#partitions;
  }

  append(
    partition: number,
    { value, truth }: { readonly value: string; readonly truth: Truth },
  ): void {
    const entries = this.#partitions[partition] ?? [];
    const bytes = new TextEncoder().encode(value);
    entries.push({
      truth,
      record: {
        offset: BigInt(entries.length),
        timestampMs: 1_795_000_000_000,
        key: null,
        value: bytes,
        headers: [],
      },
    });
  }

  /** Feeds the records that a session has not committed, a few of each partition in turn, as Kafka does. */
  async feed(session: LakeSession, runLength: number): Promise<void> {
    const { pipeline } = session;
    const at = this.#partitions.map((_, partition) => ({ topic: this.name, partition }));
    await pipeline.claim(at, null);
    const next = this.#partitions.map((_, partition) =>
      Number(pipeline.nextOffset({ topic: this.name, partition }) ?? 0n)
    );
    while (next.some((offset, i) => offset < (this.#partitions[i]?.length ?? 0))) {
      for (const [partition, entries] of this.#partitions.entries()) {
        const start = next[partition] ?? 0;
        const records = entries.slice(start, start + runLength).map(({ record }) => record);
        next[partition] = start + records.length;
        await pipeline.add({ topic: this.name, partition, records: new RecordList(records) });
      }
    }
    await pipeline.commit("end");
  }

  /** All truths, partition by partition. */
  truths(): readonly Truth[] {
    return this.#partitions.flat().map(({ truth }) => truth);
  }
}

/**
 * A topic with everything that a commit has to do with: several dates, dead letters, duplicates in the same
 * batch, in a later one and in another partition.
 */
export function variedTopic(recordCount: number): MemoryTopic {
  const topic = new MemoryTopic(2);
  for (let i = 0; i < recordCount; i++) {
    const partition = i % 2;
    if (i % 11 === 5) {
      topic.append(partition, { value: `{"event_id":"e${i}",`, truth: { kind: "invalid" } });
      continue;
    }
    const source = i % 7 === 6 ? Math.floor(i / 3) : i;
    const isRepeatable = source % 11 !== 5 && source % 7 !== 6;
    const id = isRepeatable ? source : i;
    const date = `2026-11-2${id % 3}`;
    const extra = id % 5 === 0 ? `,"origen":"app"` : "";
    const value = `{"event_id":"e${id}","ts":"${date}T10:00:00Z","usuario_id":${id}${extra}}`;
    topic.append(partition, { value, truth: { kind: "valid", eventId: `e${id}`, date } });
  }
  return topic;
}

/** A topic in memory: what it has is durable. */
export class MemoryDeadLetterTopic implements DeadLetterTopic {
  readonly name = "dead";
  readonly offsets: number[] = [];
  /** partition/offset of each. */
  readonly positions: string[] = [];
  committedCount = 0;
  /** What the next sends throw, one after the other. */
  readonly failures: Error[] = [];

  send(letters: readonly RejectedRecord[]): Promise<void> {
    const failure = this.failures.shift();
    if (failure !== undefined) return Promise.reject(failure);
    this.positions.push(
      ...letters.map(({ record, topicPartition }) =>
        `${topicPartition.partition}/${record.offset}`
      ),
    );
    this.offsets.push(...letters.map(({ record }) => Number(record.offset)));
    return Promise.resolve();
  }

  committed(): void {
    this.committedCount++;
  }
}
