import { operatingError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";

export interface SilenceWatchOptions {
  readonly clock: Clock;
  /** How long a silent coordinator is waited for, milliseconds. */
  readonly budgetMs: number;
  /** Why a broker refuses to talk, null where it may pass by itself; asked while there is silence. */
  readonly refusal: () => Promise<Error | null>;
  /** Called once, when there is nothing more to wait for. */
  readonly onEnd: (error: Error) => void;
}

const WATCH_MS = 500;
/** Silence that is normal: heartbeats are sent every 3 s. */
const NORMAL_MS = 5_000;
/** Silence after which the brokers are asked what is wrong, and how long until they are asked again. */
const ASK_MS = 10_000;

/** Ends the wait for a coordinator that is silent for too long, or that will not talk to us any more. */
export class SilenceWatch implements Disposable {
  readonly #options: SilenceWatchOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  /** When the coordinator last accepted something of this process, on the monotonic clock. */
  #heardMs: number;
  #askedMs: number;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#heardMs = this.#askedMs = options.clock.monotonicMs();
    this.#timer = setInterval(() => this.#look(), WATCH_MS);
  }

  /** The coordinator has accepted something. */
  heard(): void {
    this.#heardMs = this.#options.clock.monotonicMs();
  }

  /** For how long the coordinator has accepted nothing, milliseconds. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { clock, budgetMs, refusal } = this.#options;
    const nowMs = clock.monotonicMs();
    const { silentMs } = this;
    if (silentMs >= budgetMs + NORMAL_MS) {
      const seconds = Math.round(silentMs / 1000);
      return this.#end(
        operatingError(
          `Kafka has not answered for ${seconds} s. Nothing is lost; start again when it does`,
        ),
      );
    }
    if (silentMs < ASK_MS || nowMs - this.#askedMs < ASK_MS) return;
    this.#askedMs = nowMs;
    refusal().then((error) => {
      if (error !== null) this.#end(error);
    }, (error) => this.#end(error));
  }

  #end(error: Error): void {
    this[Symbol.dispose]();
    this.#options.onEnd(error);
  }
}
