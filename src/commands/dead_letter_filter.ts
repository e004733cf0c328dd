import type { Config } from "../config.ts";
import type { DeadLetterFilter } from "../core/dead_letter.ts";

/** Which dead letters the configuration means. */
export function filterOf(
  { reason, since, letterEventId, partition }: Config,
): DeadLetterFilter {
  return { reason, sinceMs: since, eventId: letterEventId, partition };
}

/** Whether every dead letter is meant. */
export function isEverything(filter: DeadLetterFilter): boolean {
  return Object.values(filter).every((value) => value === null);
}
