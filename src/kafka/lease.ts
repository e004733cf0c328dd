import type { Clock } from "../runtime/clock.ts";

/** One moment on both clocks: the monotonic one may stand still while the machine sleeps. */
interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * For how long the coordinator keeps this process a member, whatever else happens: for a session from when it
 * accepted the last heartbeat, and so at least from when that one was sent. kafkajs tells only when the answer
 * was read, and a process that slept in between reads an answer that is long out of date.
 */
export class MembershipLease {
  readonly #clock: Clock;
  readonly #durationMs: number;
  #sent: Moment | null = null;
  #accepted: Moment | null = null;

  /** @param sessionTimeoutMs the group's; half of it is left for what follows a look at the lease */
  constructor(clock: Clock, sessionTimeoutMs: number) {
    this.#clock = clock;
    this.#durationMs = sessionTimeoutMs / 2;
  }

  /** A request that renews it is about to be sent. */
  noteSent(): void {
    this.#sent = this.#now();
  }

  /** The coordinator accepted the request that was sent last. */
  noteAccepted(): void {
    this.#accepted = this.#sent;
  }

  /** Whether this process is certainly a member now. */
  get isValid(): boolean {
    if (this.#accepted === null) return false;
    const { monotonicMs, wallMs } = this.#now();
    const elapsedMs = Math.max(
      monotonicMs - this.#accepted.monotonicMs,
      wallMs - this.#accepted.wallMs,
    );
    return elapsedMs < this.#durationMs;
  }

  #now(): Moment {
    return { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() };
  }
}
