import { type Reason, REASON_CODES } from "./outcome.ts";

/** When too many records are rejected. */
export interface RejectLimit {
  /** The largest share of the window that may be rejected, 0 to 1; 1 is no limit. */
  readonly ratioMax: number;
  /** Records that are looked at: the last ones. */
  readonly windowSize: number;
}

/** What a commit did, as far as a window asks. */
export interface CommitCounts {
  readonly receivedCount: number;
  readonly rejectedCount: number;
}

/** Stands for the reasons of records that were rejected before this start. */
export const EARLIER = "earlier";

const ACCEPTED = 0;
const EARLIER_CODE = REASON_CODES.length + 1;
/** The difference that a product of a ratio and a count may have from the number that is meant. */
const ROUNDING = 1e-9;

/**
 * The outcomes of the last records, and whether too many of them were rejected. What the window has no
 * record for yet counts as accepted, so a few bad records after a start do not stop it.
 */
export class RejectWindow {
  /** The most rejected records that the window may hold. */
  readonly allowedCount: number;
  /** Ring of outcomes: 0 accepted, else the place of the reason in REASON_CODES plus one. */
  readonly #codes: Uint8Array;
  #next = 0;
  #seenCount = 0;
  #rejectedCount = 0;

  constructor({ ratioMax, windowSize }: RejectLimit) {
    this.allowedCount = Math.floor(ratioMax * windowSize + ROUNDING);
    this.#codes = new Uint8Array(windowSize);
  }

  /** Records that the window holds. */
  get seenCount(): number {
    return this.#seenCount;
  }

  get rejectedCount(): number {
    return this.#rejectedCount;
  }

  get isExceeded(): boolean {
    return this.#rejectedCount > this.allowedCount;
  }

  /** Takes in a record that was rejected. */
  noteRejected(reason: Reason): void {
    this.#push(REASON_CODES.indexOf(reason) + 1);
  }

  /** Takes in records that were accepted, one after the other. */
  noteAccepted(count: number): void {
    for (let i = Math.min(count, this.#codes.length); i > 0; i--) this.#push(ACCEPTED);
  }

  /**
   * Takes in what earlier commits did; where in them the rejected records were is not known, so they are
   * spread evenly.
   *
   * @param newestFirst as many as there are; those that the window has no room for are not asked for
   */
  remember(newestFirst: Iterable<CommitCounts>): void {
    const taken: CommitCounts[] = [];
    let room = this.#codes.length;
    for (const { receivedCount, rejectedCount } of newestFirst) {
      const share = Math.min(1, room / Math.max(1, receivedCount));
      taken.push({
        receivedCount: Math.round(receivedCount * share),
        rejectedCount: Math.round(rejectedCount * share),
      });
      room -= Math.min(room, receivedCount);
      if (room === 0) break;
    }
    for (const { receivedCount, rejectedCount } of taken.reverse()) {
      for (let i = 0; i < receivedCount; i++) {
        const isRejected = Math.floor((i + 1) * rejectedCount / receivedCount) >
          Math.floor(i * rejectedCount / receivedCount);
        this.#push(isRejected ? EARLIER_CODE : ACCEPTED);
      }
    }
  }

  /** Why the window's records were rejected, the most frequent reason first. */
  reasons(): (readonly [reason: Reason | typeof EARLIER, count: number])[] {
    const counts = new Map<Reason | typeof EARLIER, number>();
    for (const code of this.#codes) {
      if (code === ACCEPTED) continue;
      const reason = REASON_CODES[code - 1] ?? EARLIER;
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return [...counts].sort(([, a], [, b]) => b - a);
  }

  #push(code: number): void {
    if (this.#codes[this.#next] !== ACCEPTED) this.#rejectedCount--;
    if (code !== ACCEPTED) this.#rejectedCount++;
    this.#codes[this.#next] = code;
    this.#next = (this.#next + 1) % this.#codes.length;
    this.#seenCount = Math.min(this.#seenCount + 1, this.#codes.length);
  }
}
