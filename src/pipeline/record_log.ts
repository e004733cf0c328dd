import type { Batch } from "../core/batch.ts";
import { positionOfRejected } from "../core/rejected_records.ts";
import type { Deduped } from "../core/dedupe.ts";
import type { LogFields } from "../runtime/logs.ts";

/** The outcome of each record of a batch, for log lines: its id and position, never its content. */
export function outcomesOf(batch: Batch, { fresh, duplicates }: Deduped): readonly LogFields[] {
  const lines: LogFields[] = [];
  const add = (rows: Int32Array, outcome: "published" | "duplicate") => {
    for (const row of rows) {
      lines.push({ eventId: batch.eventIds.at(row), outcome, ...batch.positionOf(row) });
    }
  };
  add(fresh, "published");
  add(duplicates, "duplicate");
  for (const letter of batch.rejected) {
    const { eventId, reason } = letter.rejected;
    const id = eventId === null ? {} : { eventId };
    lines.push({ ...id, outcome: "rejected", reason, ...positionOfRejected(letter) });
  }
  return lines;
}
