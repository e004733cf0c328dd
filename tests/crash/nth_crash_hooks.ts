import {
  type FaultHooks,
  type OperationLabel,
  SimulatedCrash,
} from "../../src/runtime/operations.ts";

/** Where a run crashes whose operations overlap: before its n-th operation of a label begins, or after the n-th is done. */
export interface NthCrash {
  readonly label: OperationLabel;
  /** From 1. */
  readonly nth: number;
  readonly side: "before" | "after";
}

/** Counts the operations of a run by label, and ends it at one of them. What was under way then may still be done. */
export class NthCrashHooks implements FaultHooks {
  /** How many operations of each label were done. */
  readonly done = new Map<OperationLabel, number>();
  readonly #begun = new Map<OperationLabel, number>();
  readonly #crash: NthCrash | null;
  hasCrashed = false;

  constructor(crash: NthCrash | null) {
    this.#crash = crash;
  }

  before(label: OperationLabel): void {
    this.#pass(label, { counts: this.#begun, side: "before" });
  }

  after(label: OperationLabel): void {
    this.#pass(label, { counts: this.done, side: "after" });
  }

  written(_label: OperationLabel, _path: string, length: number): number {
    return length;
  }

  #pass(
    label: OperationLabel,
    { counts, side }: {
      readonly counts: Map<OperationLabel, number>;
      readonly side: NthCrash["side"];
    },
  ): void {
    const nth = (counts.get(label) ?? 0) + 1;
    counts.set(label, nth);
    const crash = this.#crash;
    const isHere = crash?.label === label && crash.nth === nth && crash.side === side;
    this.hasCrashed ||= isHere;
    if (this.hasCrashed) throw new SimulatedCrash(label);
  }
}
