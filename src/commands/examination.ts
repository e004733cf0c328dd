import { type Check, failure, type Finding, skipped } from "../core/check.ts";
import { messageOf } from "../core/errors.ts";
import { scrub } from "../runtime/scrub.ts";

export interface ExaminationOptions {
  /** How long each check may take, milliseconds. */
  readonly limitMs: number;
  /** Aborted when the process is told to stop: checks that are not made then are skipped. */
  readonly stop: AbortSignal;
  /** Told of each check when it is done. */
  readonly onCheck: (check: Check) => void;
}

/** Makes checks one after the other, each within a limit of time; whatever one of them throws is its finding. */
export class Examination {
  readonly #options: ExaminationOptions;
  readonly #checks: Check[] = [];

  constructor(options: ExaminationOptions) {
    this.#options = options;
  }

  get checks(): readonly Check[] {
    return this.#checks;
  }

  /** @returns whether what builds on the check can be looked at too */
  async check(name: string, action: () => Finding | Promise<Finding>): Promise<boolean> {
    const finding = this.#options.stop.aborted
      ? skipped("stopped by a signal")
      : await this.#limited(action);
    this.#note({ ...finding, name });
    return finding.state === "ok" || finding.state === "warning";
  }

  /** Notes checks that cannot be made. */
  skip(names: readonly string[], why: string): void {
    for (const name of names) this.#note({ ...skipped(why), name });
  }

  async #limited(action: () => Finding | Promise<Finding>): Promise<Finding> {
    const { limitMs, stop } = this.#options;
    const end = Promise.withResolvers<Finding>();
    const timer = setTimeout(() => {
      const advice = "whatever it waits for hangs; --check-timeout-ms waits longer";
      end.resolve(failure(`no answer in ${limitMs} ms`, advice));
    }, limitMs);
    const stopped = () => end.resolve(skipped("stopped by a signal"));
    stop.addEventListener("abort", stopped);
    try {
      return await Promise.race([action(), end.promise]);
    } catch (error) {
      return failure(scrub(messageOf(error)), null);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", stopped);
    }
  }

  #note(check: Check): void {
    this.#checks.push(check);
    this.#options.onCheck(check);
  }
}
