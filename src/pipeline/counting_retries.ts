import type { Counters } from "../core/counters.ts";
import type { Retrying } from "../runtime/retry.ts";
import type { PipelineParts } from "./pipeline_parts.ts";

/** Counts and logs what is tried again. */
export function countingRetries(
  { retrying, log }: Pick<PipelineParts, "retrying" | "log">,
  counters: Counters,
): Retrying {
  return {
    ...retrying,
    onRetry: (operation, error, waitMs) => {
      counters.retries[operation]++;
      log.warning("a commit failed and is tried again", {
        operation,
        error: String(error),
        waitMs,
      });
    },
  };
}
