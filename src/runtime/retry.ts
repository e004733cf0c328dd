import { messageOf, operatingError, OrillaError } from "../core/errors.ts";
import type { RetriedOperation } from "../core/counters.ts";
import type { Clock } from "./clock.ts";

/** How often, and how long, an operation that can pass later is tried again. */
export interface RetryPolicy {
  /** Tries in all, 1 or more. */
  readonly attempts: number;
  /** Wait before the second try, milliseconds; doubles with each further one. */
  readonly baseMs: number;
  /** Longest wait between two tries, milliseconds. */
  readonly capMs: number;
  /** Longest time from the first try to the start of the last one, milliseconds. */
  readonly budgetMs: number;
}

export interface Retrying {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** Waits; ends early, without an error, when the process is told to stop at once. */
  readonly sleep: (ms: number) => Promise<void>;
  /** Told of each failure that is followed by another try. */
  readonly onRetry: (operation: RetriedOperation, error: unknown, waitMs: number) => void;
  /** Asked after each failure: false where nobody needs the result any more, or it will not come this way. */
  readonly isWanted?: (error: unknown) => boolean;
}

/**
 * Runs an operation, and again after a failure that can pass: waits grow exponentially with equal jitter
 * (M. Brooker, "Exponential Backoff And Jitter", 2015).
 *
 * @throws OrillaError with exit code 1 when the policy is spent; other failures as they are
 */
export async function retry<T>(
  operation: RetriedOperation,
  { policy, clock, random, sleep, onRetry, isWanted = () => true }: Retrying,
  action: () => Promise<T> | T,
): Promise<T> {
  const startMs = clock.monotonicMs();
  for (let attempt = 1;; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!canPassLater(error) || !isWanted(error)) throw error;
      const longest = Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1));
      const waitMs = Math.ceil(longest * (0.5 + random() / 2));
      const spentMs = clock.monotonicMs() - startMs;
      if (attempt >= policy.attempts || spentMs + waitMs > policy.budgetMs) {
        throw operatingError(
          `Gave up ${operation} after ${attempt} tries in ${(spentMs / 1000).toFixed(1)} s: ` +
            messageOf(error),
          error,
        );
      }
      onRetry(operation, error, waitMs);
      await sleep(waitMs);
    }
  }
}

/** System codes of failures that pass when there is room, the medium answers again, or is mounted again. */
const TRANSIENT_CODES = new Set([
  "EACCES",
  "EAGAIN",
  "EBUSY",
  "EDQUOT",
  "EINTR",
  "EIO",
  "EMFILE",
  "ENFILE",
  "ENOENT",
  "ENOSPC",
  "EROFS",
  "ESTALE",
  "ETIMEDOUT",
]);
/** Primary SQLite result codes: BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN (sqlite.org/rescode.html). */
const TRANSIENT_SQLITE = new Set([5, 6, 8, 10, 13, 14]);

/** Failures of kafkajs that stay as they are however often one tries: not the broker's doing, or its refusal. */
const LASTING_KAFKAJS = new Set([
  "KafkaJSInvariantViolation",
  "KafkaJSNotImplemented",
  "KafkaJSSASLAuthenticationError",
  "KafkaJSServerDoesNotSupportApiKey",
  "KafkaJSUnsupportedMagicByteInMessageSet",
]);

/** Whether a failure may pass by itself: the one place that decides it. */
export function canPassLater(error: unknown): boolean {
  if (error instanceof OrillaError || !(error instanceof Error)) return false;
  if (error.name.startsWith("KafkaJS")) return canKafkaPassLater(error);
  if ("retriable" in error && error.retriable === true) return true;
  if ("errcode" in error && typeof error.errcode === "number") {
    return TRANSIENT_SQLITE.has(error.errcode & 0xff);
  }
  return "code" in error && typeof error.code === "string" && TRANSIENT_CODES.has(error.code);
}

/**
 * kafkajs marks an error as lasting once its own few tries are spent, so what counts is what it wraps: an
 * answer of the broker passes where the protocol says so; anything else (connections, timeouts, a leader
 * that is being elected) passes unless it is listed.
 */
function canKafkaPassLater(error: Error): boolean {
  if (LASTING_KAFKAJS.has(error.name)) return false;
  if ("type" in error && typeof error.type === "string") {
    return "retriable" in error && error.retriable === true;
  }
  return !(error.cause instanceof Error) || canKafkaPassLater(error.cause);
}
