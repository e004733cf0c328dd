import type { Trigger } from "./outcome.ts";

/** The limits of a batch. */
export interface BatchLimits {
  /** Records, 1 to 1,000,000. */
  readonly maxEvents: number;
  /** Bytes of keys and values. */
  readonly maxBytes: number;
}

/** Which limit a batch has reached, null while none. Latency is a timer's, see the pipeline. */
export function reachedTrigger(
  batch: { readonly receivedCount: number; readonly bytes: number },
  limits: BatchLimits,
): Trigger | null {
  if (batch.receivedCount >= limits.maxEvents) return "events";
  if (batch.bytes >= limits.maxBytes) return "bytes";
  return null;
}
