/** The coordinator's answers that say: this member, or its generation, is no longer one of the group. */
const REFUSALS = new Set([
  "FENCED_INSTANCE_ID",
  "ILLEGAL_GENERATION",
  "NOT_COORDINATOR_FOR_GROUP",
  "REBALANCE_IN_PROGRESS",
  "UNKNOWN_MEMBER_ID",
]);

/**
 * Whether an error of kafkajs, or what caused it, is such an answer: the same request will not be accepted,
 * but joining the group anew will help. What else can pass is `canPassLater`'s to say.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return "type" in error && REFUSALS.has(String(error.type)) || isRefusal(error.cause);
}

/** The brokers' answers that say: this record batch is larger than the topic's, or its segments', bound. */
const TOO_LARGE = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

/** Whether an error of kafkajs, or what caused it, is such an answer: a smaller record batch may be taken. */
export function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return "type" in error && TOO_LARGE.has(String(error.type)) || isTooLarge(error.cause);
}
