import { operatingError } from "../core/errors.ts";
import { EXPEL_AFTER_MS, type StoreOptions } from "./commit_store.ts";

/** Makes an instance id: twelve hexadecimal digits. */
export function makeInstanceId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(-12);
}

/** How often a process tells a shared store that it lives. */
const SIGN_OF_LIFE_MS = 10_000;
/** A process that missed three signs of life is not writing just now. */
export const WRITING_MS = 3 * SIGN_OF_LIFE_MS;

/** For how long another process may be silent before it is expelled, milliseconds. */
export function expelAfterMsOf({ expelAfterMs = EXPEL_AFTER_MS }: StoreOptions): number {
  return expelAfterMs;
}

/** Tells a shared store again and again that this process lives. */
export class SignsOfLife implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * @param give what is wrong where it fails is with the next commit, too, which tells of it
   * @param everyMs milliseconds from one to the next
   */
  constructor(give: () => Promise<void>, everyMs = SIGN_OF_LIFE_MS) {
    this.#timer = setInterval(() => void give().catch(() => {}), everyMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * The failure to go on after this process was expelled.
 *
 * @param storeName of the store, for people
 */
export function expelledError(storeName: string): Error {
  return operatingError(
    `This process gave no sign of life to ${storeName} for minutes, and another one has expelled it from the ` +
      `lake. Nothing is lost: what it had not committed will be read again. Start it again`,
  );
}
