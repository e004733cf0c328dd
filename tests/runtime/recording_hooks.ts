import type { FaultHooks, OperationLabel } from "../../src/runtime/operations.ts";

/** Hooks that write down every operation, and fail or tear chosen ones. */
export interface RecordingHooks extends FaultHooks {
  /** `label path` of each operation that began, in their order. */
  readonly begun: string[];
  /** The same, of each that succeeded. */
  readonly done: string[];
  /** The next operation of this label fails before it begins. */
  failBefore: OperationLabel | null;
  /** The next operation of this label fails after it succeeded. */
  failAfter: OperationLabel | null;
  /** Writes of this label reach the disk by half. */
  tear: OperationLabel | null;
}

/** What an operation that was made to fail throws. */
export class InjectedFailure extends Error {
  readonly code = "ENOSPC";
}

export function recordingHooks(): RecordingHooks {
  const hooks: RecordingHooks = {
    begun: [],
    done: [],
    failBefore: null,
    failAfter: null,
    tear: null,
    before: (label, path) => {
      hooks.begun.push(`${label} ${path}`);
      if (hooks.failBefore !== label) return;
      hooks.failBefore = null;
      throw new InjectedFailure(`before ${label}`);
    },
    after: (label, path) => {
      hooks.done.push(`${label} ${path}`);
      if (hooks.failAfter !== label) return;
      hooks.failAfter = null;
      throw new InjectedFailure(`after ${label}`);
    },
    written: (label, _path, length) => label === hooks.tear ? Math.floor(length / 2) : length,
  };
  return hooks;
}
