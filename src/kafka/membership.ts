import type { Consumer } from "kafkajs";
import type { OffsetRange } from "../core/commit.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import type { Assignment } from "./assignment.ts";
import { isRefusal } from "./errors.ts";
import type { JoinGate } from "./join_gate.ts";
import { MembershipLease } from "./lease.ts";
import { groupMetadata } from "./positions.ts";

export interface MembershipOptions {
  readonly consumer: Consumer;
  /** The gate of its client. */
  readonly gate: JoinGate;
  readonly sessionTimeoutMs: number;
  readonly instanceId: string;
  readonly log: Log;
  readonly retrying: Retrying;
}

/** A partition's next offset. */
type NextOffset = Pick<OffsetRange, "topic" | "partition" | "nextOffset">;

/** This process as a member of its consumer group: whether it still is one, and the group's offsets. */
export class Membership {
  /** Sends a heartbeat where kafkajs's interval is over; null before its first batch. */
  heartbeat: (() => Promise<void>) | null = null;
  readonly #options: MembershipOptions;
  readonly #lease: MembershipLease;
  /** How often the coordinator accepted offsets. */
  #writtenCount = 0;
  /** How often a request was sent that renews the membership. */
  #renewalCount = 0;
  /** Nothing is waited for any more. */
  #isClosed = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { consumer, gate, sessionTimeoutMs, retrying: { clock } } = options;
    this.#lease = new MembershipLease(clock, sessionTimeoutMs);
    gate.onRenewing = () => {
      this.#renewalCount++;
      this.#lease.noteSent();
    };
    const { COMMIT_OFFSETS, GROUP_JOIN, HEARTBEAT } = consumer.events;
    consumer.on(COMMIT_OFFSETS, () => void this.#writtenCount++);
    consumer.on(HEARTBEAT, () => this.#lease.noteAccepted());
    consumer.on(GROUP_JOIN, () => this.#lease.noteAccepted());
  }

  /** Nothing is tried again from now on. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Whether an assignment still stands: the coordinator accepted a heartbeat that was sent not long ago, or
   * accepts one now. Ends the assignment where it does not, and where none is sent for a whole session.
   */
  async confirm(assignment: Assignment): Promise<boolean> {
    const { sessionTimeoutMs, retrying: { clock } } = this.#options;
    let sentMs = clock.monotonicMs();
    try {
      while (assignment.isCurrent && !this.#lease.isValid) {
        const before = this.#renewalCount;
        await this.#untilAnswered(assignment, "confirm_assignment", () => this.heartbeat?.());
        if (this.#renewalCount !== before) sentMs = clock.monotonicMs();
        // An evicted member of kafkajs's sends none: it wants to join anew, for which the gate waits for us.
        if (clock.monotonicMs() - sentMs > sessionTimeoutMs) {
          throw new Error("kafkajs has sent no heartbeat for a whole session");
        }
        // Neither does another before its interval is over.
        if (!this.#lease.isValid) await delay(POLL_MS);
      }
    } catch (error) {
      this.#options.log.warning("the group coordinator no longer accepts this member", {
        error: messageOf(error),
      });
      assignment.end();
    }
    return assignment.isCurrent;
  }

  /** Writes next offsets to the group. A failure loses nothing: it is logged, and the checkpoint holds them. */
  async writeOffsets(
    assignment: Assignment,
    offsets: readonly NextOffset[],
    sequence: number,
  ): Promise<void> {
    const metadata = groupMetadata(this.#options.instanceId, sequence);
    const written = offsets.map(({ topic, partition, nextOffset }) => ({
      topic,
      partition,
      offset: String(nextOffset),
      metadata,
    }));
    try {
      await this.#untilAnswered(assignment, "group_offset_commit", () => this.#commit(written));
    } catch (error) {
      this.#options.log.warning(
        "the group's offsets could not be written; the checkpoint holds them",
        { sequence, error: messageOf(error) },
      );
    }
  }

  /** kafkajs resolves a commit of offsets also where its member has ended, and nothing was sent. */
  async #commit(offsets: Parameters<Consumer["commitOffsets"]>[0]): Promise<void> {
    const before = this.#writtenCount;
    await this.#options.consumer.commitOffsets(offsets);
    if (this.#writtenCount === before) {
      const error = new Error("kafkajs is no member of the group just now");
      throw Object.assign(error, { retriable: true });
    }
  }

  /**
   * Tries until the coordinator answers, while this process may still be a member. A broker that is back should
   * not find it asleep for long.
   */
  async #untilAnswered(
    assignment: Assignment,
    operation: "confirm_assignment" | "group_offset_commit",
    action: () => Promise<void> | undefined,
  ): Promise<void> {
    const { retrying } = this.#options;
    const policy = {
      ...retrying.policy,
      capMs: Math.min(retrying.policy.capMs, LONGEST_WAIT_MS),
    };
    const isWanted = (error: unknown) =>
      !isRefusal(error) && assignment.isCurrent && !this.#isClosed;
    await retry(operation, { ...retrying, policy, isWanted }, async () => await action());
  }
}

const LONGEST_WAIT_MS = 1_000;
const POLL_MS = 50;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
