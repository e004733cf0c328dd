import { Batch } from "./batch.ts";
import { messageOf } from "./errors.ts";
import { RecordList } from "./record_list.ts";
import { noHeaders } from "./record.ts";

/** Events could not be written, and trying again will not help: their data is the reason, or the writer. */
export class Unwritable extends Error {
  /** What failed: making Parquet of them, or the transaction. */
  readonly step: "encode" | "commit";

  constructor(step: "encode" | "commit", cause: unknown) {
    super(messageOf(cause), { cause });
    this.name = "Unwritable";
    this.step = step;
  }
}

/**
 * The rows that fail alone, found by halving: what does not fail as a whole is not looked into. For k of n
 * rows it asks about k · log2(n) times.
 *
 * @param fails whether these rows fail together; a row that fails makes all sets fail that it is in
 */
export async function failingAlone(
  rows: Int32Array,
  fails: (rows: Int32Array) => Promise<boolean>,
): Promise<readonly number[]> {
  const found: number[] = [];
  const suspects = [rows];
  for (let some = suspects.pop(); some !== undefined; some = suspects.pop()) {
    if (some.length === 0 || !await fails(some)) continue;
    if (some.length === 1) found.push(...some);
    else suspects.push(some.subarray(some.length >> 1), some.subarray(0, some.length >> 1));
  }
  return found;
}

/** A batch of one event that is sound beyond doubt, to see whether a writer works at all. */
export function soundBatch(): Batch {
  const batch = new Batch();
  const record = { offset: 0n, timestampMs: 0, key: null, value: null, headers: noHeaders() };
  const cursor = new RecordList([record]);
  cursor.next();
  const event = { event_id: "sound", ts: "2026-01-01", usuario_id: 1 };
  const moment = { day: 20_454, microseconds: 0 };
  batch.addEvent({ topic: "sound", partition: 0 }, cursor, event, moment, null);
  return batch;
}
