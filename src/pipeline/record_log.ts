import type { Batch } from "../core/batch.ts";
import type { Deduped } from "../core/dedupe.ts";
import type { LogFields } from "../runtime/logs.ts";

/** The outcome of each record of a batch, for log lines: its id and position, never its content. */
export function outcomesOf(batch: Batch, { fresh, duplicates }: Deduped): readonly LogFields[] {
  const lines: LogFields[] = [];
  const add = (rows: Int32Array, outcome: "published" | "duplicate") => {
    for (const row of rows) {
      const { topic, partition } = batch.partitionOf(row);
      const offset = batch.offsetOf(row);
      lines.push({ eventId: batch.eventIds.at(row), outcome, topic, partition, offset });
    }
  };
  add(fresh, "published");
  add(duplicates, "duplicate");
  for (
    const { record: { offset }, topicPartition, rejected: { eventId, reason } } of batch.rejected
  ) {
    const { topic, partition } = topicPartition;
    const id = eventId === null ? {} : { eventId };
    lines.push({ ...id, outcome: "rejected", reason, topic, partition, offset });
  }
  return lines;
}
