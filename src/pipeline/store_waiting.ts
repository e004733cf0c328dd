import { messageOf, StoppedBeforeStart } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { canPassLater, retry, type Retrying } from "../runtime/retry.ts";

/** How the server of a checkpoint is waited for. */
export interface StoreWaiting {
  readonly retrying: Omit<Retrying, "onRetry">;
  readonly log: Log;
  /** Aborted when the process is told to stop; left out, it never is. */
  readonly stop?: AbortSignal | undefined;
  /** Told of each failure that is followed by another try. */
  readonly onRetry: () => void;
}

/**
 * Does something on the server of a checkpoint, again and again while that cannot be reached, starts, or has no room
 * for a connection.
 *
 * @param act leaves nothing open where it fails
 * @throws StoppedBeforeStart; OrillaError with exit code 1 when the policy is spent; other failures as they are
 */
export async function waitForStore<T>(
  { retrying, log, stop, onRetry }: StoreWaiting,
  act: () => Promise<T>,
): Promise<T> {
  const stopped = Promise.withResolvers<void>();
  stop?.addEventListener("abort", () => stopped.resolve(), { once: true });
  try {
    return await retry("checkpoint_server", {
      ...retrying,
      sleep: (ms) => Promise.race([retrying.sleep(ms), stopped.promise]),
      isWanted: (error) => isOfServer(error) && !stop?.aborted,
      onRetry: (_operation, error, waitMs) => {
        onRetry();
        log.warning("waiting for the checkpoint's server", { error: messageOf(error), waitMs });
      },
    }, act);
  } catch (error) {
    if (isOfServer(error) && stop?.aborted) throw new StoppedBeforeStart();
    throw error;
  }
}

/** A failure of the disk is told at once, as it is with a checkpoint that lies there. */
function isOfServer(error: unknown): boolean {
  return canPassLater(error) && "retriable" in Object(error);
}
