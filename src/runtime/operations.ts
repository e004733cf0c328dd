/**
 * Every operation that changes something durable, by label. Each goes through `Operations`, so that a test
 * (or `simulate --fault`) can make exactly the n-th of them fail, tear or end the process.
 */
export const OPERATION_LABELS = [
  "stage:create",
  "stage:write",
  "stage:fsync",
  "stage:folder",
  "topic:send",
  "commit:begin",
  "commit:write",
  "commit:end",
  "publish:mkdir",
  "publish:link",
  "publish:unlink",
  "publish:fsync",
  "claim:begin",
  "claim:write",
  "claim:end",
  "table:mkdir",
  "table:write",
  "table:fsync",
  "table:link",
  "table:folder",
  "table:unlink",
  "table:remove",
  "published:begin",
  "published:write",
  "published:end",
  "expire:begin",
  "expire:write",
  "expire:end",
  "settings:begin",
  "settings:write",
  "settings:end",
  "merge:begin",
  "merge:write",
  "merge:end",
  "replay:begin",
  "replay:write",
  "replay:end",
  "purge:begin",
  "purge:write",
  "purge:end",
  "purge:remove",
  "purge:fsync",
  "purged:begin",
  "purged:write",
  "purged:end",
  "compact:write",
  "compact:fsync",
  "compact:folder",
  "compact:copy",
  "replace:begin",
  "replace:write",
  "replace:end",
  "compact:remove",
  "replaced:fsync",
  "replaced:begin",
  "replaced:write",
  "replaced:end",
  "recover:remove",
  "rebuild:rename",
  "rebuild:begin",
  "rebuild:write",
  "rebuild:end",
  "report:write",
  "report:rename",
  "metrics:write",
  "metrics:rename",
  "probe:write",
  "probe:fsync",
  "probe:remove",
] as const;
export type OperationLabel = (typeof OPERATION_LABELS)[number];

/** Whether a text is one of the labels. */
export function isOperationLabel(text: string): text is OperationLabel {
  return OPERATION_LABELS.some((label) => label === text);
}

/** Thrown where a fault plan ends the process: whoever catches it ends without any further operation. */
export class SimulatedCrash extends Error {
  constructor(label: OperationLabel) {
    super(`crashed on purpose at ${label}`);
    this.name = "SimulatedCrash";
  }
}

/** What a fault does around an operation. */
export interface FaultHooks {
  /** Before the operation; throws to make it fail, or to stand for a crash before it. */
  before(label: OperationLabel, path: string): void;
  /** After the operation succeeded; throws to stand for a crash after it. */
  after(label: OperationLabel, path: string): void;
  /** How many of `length` bytes reach the disk; less than `length` is a torn write, after which `after` is called. */
  written(label: OperationLabel, path: string, length: number): number;
}

/** The hooks of normal running: none of them does anything. */
export const noFaults: FaultHooks = {
  before: () => {},
  after: () => {},
  written: (_label, _path, length) => length,
};

/** An operation about to run. */
export interface Operation {
  readonly label: OperationLabel;
  readonly path: string;
}

/** Runs one operation between its hooks. */
export async function operate<T>(
  hooks: FaultHooks,
  { label, path }: Operation,
  action: () => Promise<T>,
): Promise<T> {
  hooks.before(label, path);
  const result = await action();
  hooks.after(label, path);
  return result;
}

/** Runs one synchronous operation between its hooks. */
export function operateSync<T>(hooks: FaultHooks, { label, path }: Operation, action: () => T): T {
  hooks.before(label, path);
  const result = action();
  hooks.after(label, path);
  return result;
}
