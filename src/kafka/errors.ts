import { OrillaError } from "../core/errors.ts";

/** Errors of kafkajs, and of the protocol, that stay as they are however often one tries. */
const FATAL = new Set([
  "KafkaJSNotImplemented",
  "KafkaJSSASLAuthenticationError",
  "KafkaJSUnsupportedMagicByteInMessageSet",
  "GROUP_AUTHORIZATION_FAILED",
  "INVALID_GROUP_ID",
  "INVALID_SESSION_TIMEOUT",
  "TOPIC_AUTHORIZATION_FAILED",
]);

/** The coordinator's answers that say: this member, or its generation, is no longer one of the group. */
const REFUSALS = new Set([
  "FENCED_INSTANCE_ID",
  "ILLEGAL_GENERATION",
  "NOT_COORDINATOR_FOR_GROUP",
  "REBALANCE_IN_PROGRESS",
  "UNKNOWN_MEMBER_ID",
]);

/** Whether an error of kafkajs, or what caused it, is such an answer. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return "type" in error && REFUSALS.has(String(error.type)) || isRefusal(error.cause);
}

/** Whether an error of kafkajs, or what caused it, makes every further try useless. */
export function isFatal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A refusal of our own, see connection_errors.ts.
  if (error instanceof OrillaError) return "retriable" in error && error.retriable === false;
  const type = "type" in error ? String(error.type) : "";
  return FATAL.has(error.name) || FATAL.has(type) || isFatal(error.cause);
}
