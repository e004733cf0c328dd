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
