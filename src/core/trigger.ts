import type { Trigger } from "./outcome.ts";

/** The limits of a batch. */
export interface BatchLimits {
  /** Records, 1 to 1,000,000. */
  readonly maxEvents: number;
  /** Bytes of keys and values. */
  readonly maxBytes: number;
  /** Dates of valid events: lake partitions, each of which becomes a file. */
  readonly maxDates: number;
}

/** What a batch holds of all that is limited. */
export interface BatchSize {
  readonly receivedCount: number;
  readonly bytes: number;
  readonly dateCount: number;
}

/** Which limit a batch has reached, null while none. Latency is a timer's, see the pipeline. */
export function reachedTrigger(batch: BatchSize, limits: BatchLimits): Trigger | null {
  if (batch.receivedCount >= limits.maxEvents) return "events";
  if (batch.bytes >= limits.maxBytes) return "bytes";
  if (batch.dateCount > limits.maxDates) return "dates";
  return null;
}

/** Whether a batch must be committed before a record of that many bytes, which would bring it over its limit. */
export function hasNoRoom(batch: BatchSize, bytes: number, { maxBytes }: BatchLimits): boolean {
  return batch.receivedCount > 0 && batch.bytes + bytes > maxBytes;
}
