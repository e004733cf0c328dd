import { storeName } from "../../core/store_url.ts";
import {
  type FaultHooks,
  noFaults,
  operate,
  type OperationLabel,
} from "../../runtime/operations.ts";
import { Line, type Run, type ServerOptions } from "./connection.ts";

/** The transactions of a store, each with operations `…:begin`, `…:write` and `…:end`. */
type TransactionName = OperationLabel extends infer Label
  ? Label extends `${infer Name}:begin` ? Name : never
  : never;

/** Thrown inside a transaction to take it back with a result. */
class TakenBack<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super("the transaction is taken back");
    this.result = result;
  }
}

/** Ends a transaction from inside: nothing of it stays, and the result is what its caller gets. */
export function takeBack(result: unknown): never {
  throw new TakenBack(result);
}

/** The result of what was thrown by `takeBack`; throws everything else. */
export function takenBackResult(error: unknown): unknown {
  if (error instanceof TakenBack) return error.result;
  throw error;
}

/** A commit must be on the disk; where more than that is set (a standby), it stays. */
const WAIT_FOR_DISK = `SELECT set_config('synchronous_commit', 'on', true)
  WHERE current_setting('synchronous_commit') = 'off'`;

/** Runs transactions on a line, between labelled operations. */
export class Transactions {
  readonly line: Line;
  readonly #hooks: FaultHooks;
  /** How messages name the store. */
  readonly path: string;

  constructor(options: ServerOptions, hooks: FaultHooks = noFaults) {
    this.line = new Line(options);
    this.#hooks = hooks;
    this.path = storeName(options.url);
  }

  /** Runs statements as one transaction; each sees what was committed before it (READ COMMITTED). */
  run<T>(name: TransactionName, action: (run: Run) => Promise<T>): Promise<T> {
    const step = <R>(label: OperationLabel, work: () => Promise<R>) =>
      operate(this.#hooks, { label, path: this.path }, work);
    return this.line.run(async (run) => {
      let isDone = false;
      try {
        await step(`${name}:begin`, () => run((sql) => sql`BEGIN`));
        const result = await step(`${name}:write`, async () => {
          if (name === "commit" || name === "replace" || name === "rebuild") {
            await run((sql) => sql.unsafe(WAIT_FOR_DISK));
          }
          return await action(run);
        });
        await step(`${name}:end`, async () => {
          await run((sql) => sql`COMMIT`);
          isDone = true;
        });
        return result;
      } catch (error) {
        // Where the connection was lost, the server takes it back by itself.
        if (!isDone) await run((sql) => sql`ROLLBACK`).catch(() => {});
        if (error instanceof TakenBack) return error.result;
        throw error;
      }
    });
  }

  /** Runs statements, each on its own. */
  ask<T>(action: (run: Run) => Promise<T>): Promise<T> {
    return this.line.run(action);
  }
}
