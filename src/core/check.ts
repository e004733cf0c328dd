/** How a check came out; `skipped` is one that could not be made because of another one's failure. */
export const CHECK_STATES = ["ok", "warning", "failure", "skipped"] as const;
export type CheckState = (typeof CHECK_STATES)[number];

/** What a check found. */
export interface Finding {
  readonly state: CheckState;
  /** One line, without secrets. */
  readonly text: string;
  /** What can be done, one line; null where there is nothing to do. */
  readonly advice: string | null;
  /** Further lines for people. */
  readonly lines: readonly string[];
  /** The same for machines. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A finding with the name of its check. */
export interface Check extends Finding {
  readonly name: string;
}

type Rest = Partial<Pick<Finding, "lines" | "facts">>;

export function ok(text: string, rest: Rest = {}): Finding {
  return { state: "ok", text, advice: null, lines: [], facts: {}, ...rest };
}

/** It works, and should be looked at. */
export function warning(text: string, advice: string, rest: Rest = {}): Finding {
  return { state: "warning", text, advice, lines: [], facts: {}, ...rest };
}

/** It does not work, or will not for long. */
export function failure(text: string, advice: string | null, rest: Rest = {}): Finding {
  return { state: "failure", text, advice, lines: [], facts: {}, ...rest };
}

export function skipped(why: string): Finding {
  return { state: "skipped", text: `not looked at: ${why}`, advice: null, lines: [], facts: {} };
}

/** How many checks came out how. */
export function tally(checks: readonly Check[]): Readonly<Record<CheckState, number>> {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  return {
    ok: count("ok"),
    warning: count("warning"),
    failure: count("failure"),
    skipped: count("skipped"),
  };
}
