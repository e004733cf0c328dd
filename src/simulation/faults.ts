import {
  type FaultHooks,
  isOperationLabel,
  OPERATION_LABELS,
  type OperationLabel,
  SimulatedCrash,
} from "../runtime/operations.ts";

/** What happens at the operation: the process dies, or the operation fails, or is torn and the process dies. */
export const FAULT_KINDS = ["crash", "error", "enospc", "torn"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One planned fault. */
export interface Fault {
  readonly label: OperationLabel;
  /** The how-manieth operation of that label, from 1. */
  readonly occurrence: number;
  readonly kind: FaultKind;
}

/** Reads `LABEL[:N]=KIND`, for example `publish:link:2=crash`; undefined for other texts. */
export function readFault(text: string): Fault | undefined {
  const [, label, occurrence = "1", kind] =
    /^([a-z]+:[a-z]+)(?::(\d{1,9}))?=([a-z]+)$/.exec(text) ?? [];
  const known = FAULT_KINDS.find((name) => name === kind);
  if (label === undefined || known === undefined || !isOperationLabel(label)) return undefined;
  return Number(occurrence) < 1
    ? undefined
    : { label, occurrence: Number(occurrence), kind: known };
}

/** Which texts `readFault` takes. */
export const FAULT_FORM = `LABEL[:N]=${FAULT_KINDS.join("|")} with a label of ${
  OPERATION_LABELS.join(", ")
}`;

/** Hooks that carry out one fault, once. After a crash every further operation fails too, as for a dead process. */
export function faultHooks(fault: Fault): FaultHooks {
  let occurrences = 0;
  let isDead = false;
  const isMeant = (label: OperationLabel) =>
    label === fault.label && ++occurrences === fault.occurrence;
  const die = (label: OperationLabel) => {
    isDead = true;
    throw new SimulatedCrash(label);
  };
  /** The operation that is torn: others of its label may be under way. */
  let torn: string | null = null;
  return {
    before: (label, path) => {
      if (isDead) die(label);
      if (!isMeant(label)) return;
      switch (fault.kind) {
        case "crash":
          return die(label);
        case "error":
          throw new Error(`injected failure of ${label} on ${path}`);
        case "enospc":
          throw Object.assign(new Error(`injected: no space left for ${label}`), {
            code: "ENOSPC",
          });
        case "torn":
          torn = `${label} ${path}`;
          return;
        default:
          fault.kind satisfies never;
      }
    },
    after: (label, path) => {
      if (isDead || torn === `${label} ${path}`) die(label);
    },
    written: (label, path, length) => torn === `${label} ${path}` ? Math.floor(length / 2) : length,
  };
}
