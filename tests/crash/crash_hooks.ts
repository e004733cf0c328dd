import { folderOf } from "../../src/core/lake_path.ts";
import {
  type FaultHooks,
  type OperationLabel,
  SimulatedCrash,
} from "../../src/runtime/operations.ts";

/** Where a run crashes: at its n-th operation (from 0), before or after it. */
export interface CrashPoint {
  readonly index: number;
  readonly side: "before" | "after";
}

/**
 * Records the labelled operations of a run and ends it at one of them. It also knows what a power cut would
 * take away at that moment: bytes that were not synced, and names whose folder was not synced.
 */
export class CrashHooks implements FaultHooks {
  readonly operations: string[] = [];
  readonly #point: CrashPoint | null;
  readonly #unsyncedBytes = new Set<string>();
  readonly #unsyncedNames = new Set<string>();
  #isDead = false;

  constructor(point: CrashPoint | null) {
    this.#point = point;
  }

  get hasCrashed(): boolean {
    return this.#isDead;
  }

  before(label: OperationLabel, path: string): void {
    if (this.#isDead) throw new SimulatedCrash(label);
    this.operations.push(`${label} ${path}`);
    this.#crashIf(this.operations.length - 1, { label, side: "before" });
  }

  after(label: OperationLabel, path: string): void {
    // Several operations may be under way: what is done is done, also after the crash at another one.
    this.#track(label, path);
    if (this.#isDead) throw new SimulatedCrash(label);
    this.#crashIf(this.operations.lastIndexOf(`${label} ${path}`), { label, side: "after" });
  }

  written(_label: OperationLabel, _path: string, length: number): number {
    return length;
  }

  /** Takes away what was not durable when the run crashed, in the worst order the system may choose. */
  async cutPower(outDir: string): Promise<void> {
    for (const path of this.#unsyncedBytes) {
      await ifThere(() => Deno.truncate(`${outDir}/${path}`, 0));
    }
    for (const path of this.#unsyncedNames) {
      await ifThere(() => Deno.remove(`${outDir}/${path}`, { recursive: true }));
    }
  }

  #crashIf(
    index: number,
    { label, side }: { readonly label: OperationLabel; readonly side: CrashPoint["side"] },
  ): void {
    if (this.#point?.side !== side || this.#point.index !== index) return;
    this.#isDead = true;
    throw new SimulatedCrash(label);
  }

  #track(label: OperationLabel, path: string): void {
    switch (label) {
      case "stage:write":
      case "table:write":
      case "compact:write":
        this.#unsyncedBytes.add(path);
        this.#unsyncedNames.add(path);
        return;
      case "stage:fsync":
      case "table:fsync":
      case "compact:fsync":
        this.#unsyncedBytes.delete(path);
        return;
      case "publish:mkdir":
      case "publish:link":
      case "table:mkdir":
      case "table:link":
        this.#unsyncedNames.add(path);
        return;
      case "stage:folder":
      case "compact:folder":
      case "replaced:fsync":
      case "publish:fsync":
      case "table:folder":
        for (const name of this.#unsyncedNames) {
          if (folderOf(name) === path) this.#unsyncedNames.delete(name);
        }
        return;
      default:
        return;
    }
  }
}

async function ifThere(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The same, without what a timer does, which is not always there. */
export function withoutTimers(hooks: CrashHooks): FaultHooks {
  const isTimers = (label: OperationLabel) => label.startsWith("expire:");
  return {
    before: (label, path) => isTimers(label) ? undefined : hooks.before(label, path),
    after: (label, path) => isTimers(label) ? undefined : hooks.after(label, path),
    written: (label, path, length) => hooks.written(label, path, length),
  };
}
