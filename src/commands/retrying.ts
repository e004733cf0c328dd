import type { RetriedOperation } from "../core/counters.ts";
import { systemClock } from "../runtime/clock.ts";
import type { Retrying } from "../runtime/retry.ts";
import type { CommandContext } from "./context.ts";

/**
 * How operations of a command are tried again: the one policy, from RETRY_… options.
 *
 * @param count told of each failure that is followed by another try
 */
export function retryingOf(
  { config, log }: CommandContext,
  count: (operation: RetriedOperation) => void = () => {},
): Retrying {
  return {
    policy: {
      attempts: config.retryAttempts,
      baseMs: config.retryBaseMs,
      capMs: config.retryCapMs,
      budgetMs: config.retryBudgetMs,
    },
    clock: systemClock,
    random: Math.random,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    onRetry: (operation, error, waitMs) => {
      count(operation);
      log.warning("failed, and is tried again", { operation, error: String(error), waitMs });
    },
  };
}
