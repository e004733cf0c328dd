/** What the exit codes of the process mean; help and README are made of it. */
export const EXIT_CODES = [
  [0, "done, or drained after a signal"],
  [1, "something outside failed for longer than the retries; nothing is lost, start again"],
  [
    2,
    "wrong arguments or configuration; the message names the option, the value and what is accepted",
  ],
  [3, "the lake or its checkpoint is damaged; the message says what can be done"],
  [4, "going on would skip data"],
] as const;

/** A failure that ends the process with a chosen exit code (DESIGN: exit codes). */
export class OrillaError extends Error {
  /** Exit code of the process: 1 operating, 2 usage, 3 damaged, 4 going on would skip data. */
  readonly exitCode: 1 | 2 | 3 | 4;

  constructor(exitCode: 1 | 2 | 3 | 4, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OrillaError";
    this.exitCode = exitCode;
  }
}

/** Something outside failed (disk, broker); nothing is lost, and a new start goes on. Exit 1. */
export function operatingError(message: string, cause?: unknown): OrillaError {
  return new OrillaError(1, message, { cause });
}

/** Wrong arguments or configuration; the message names the option, the value and what is accepted. Exit 2. */
export function usageError(message: string, cause?: unknown): OrillaError {
  return new OrillaError(2, message, { cause });
}

/** The lake or its checkpoint is not what was committed. Exit 3. */
export function damagedError(message: string, cause?: unknown): OrillaError {
  return new OrillaError(3, message, { cause });
}

/** Going on would skip records that were never handled. Exit 4. */
export function gapError(message: string, cause?: unknown): OrillaError {
  return new OrillaError(4, message, { cause });
}

/** Thrown where a process was told to stop before it had begun anything, which is no failure. Exit 0. */
export class StoppedBeforeStart extends Error {
  constructor() {
    super("Stopped by a signal before the checkpoint's server could be reached; nothing was begun");
    this.name = "StoppedBeforeStart";
  }
}

/** The text of anything thrown, for messages and logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** States what the program relies on; a failure is a defect of orilla, never of the data. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Assertion failed: ${message}`);
}
