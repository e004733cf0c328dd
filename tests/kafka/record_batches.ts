import type { Producer } from "kafkajs";
import {
  BatchMessage,
  batchPartitioner,
  produceRecordBatches,
} from "../../src/kafka/produce_request.ts";
import { RecordBatchWriter } from "../../src/kafka/record_batch.ts";
import { testClient } from "./topics.ts";

/** A connected producer of `RecordBatches`. */
export async function batchProducer(bootstrap: string): Promise<Producer> {
  produceRecordBatches();
  const producer = testClient(bootstrap).producer({
    createPartitioner: batchPartitioner(() => {}),
  });
  await producer.connect();
  return producer;
}

const MAX_BATCH_BYTES = 900_000;

/** Records on their way, as record batches: kafkajs takes much longer for messages of its own. */
export class RecordBatches {
  recordCount = 0;
  readonly #writers: RecordBatchWriter[][];

  constructor(partitionCount: number) {
    this.#writers = Array.from({ length: partitionCount }, () => []);
  }

  add(partition: number, record: { readonly key: Uint8Array; readonly value: Uint8Array }): void {
    const writers = this.#writers[partition] ?? [];
    this.recordCount++;
    if (writers.at(-1)?.add(record, MAX_BATCH_BYTES)) return;
    const writer = new RecordBatchWriter();
    writer.add(record, MAX_BATCH_BYTES);
    writers.push(writer);
  }

  /** Requests with one record batch a partition at the most. */
  requests(): BatchMessage[][] {
    const rounds = Math.max(...this.#writers.map(({ length }) => length));
    return Array.from(
      { length: rounds },
      (_, round) =>
        this.#writers.flatMap((writers, partition) => {
          const writer = writers[round];
          return writer === undefined
            ? []
            : [new BatchMessage(partition, writer.finish(Date.now()))];
        }),
    );
  }
}
