import { type FaultHooks, operate, type OperationLabel } from "./operations.ts";

/** The labels of writing a file, and of making its bytes durable. */
export interface DurableLabels {
  readonly write: OperationLabel;
  readonly fsync: OperationLabel;
}

/** A new file that is written bit by bit. */
export class GrowingFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #hooks: FaultHooks;
  readonly #labels: DurableLabels;

  /** @param path relative to OUT_DIR, for the hooks */
  constructor(file: Deno.FsFile, { path, hooks, labels }: {
    readonly path: string;
    readonly hooks: FaultHooks;
    readonly labels: DurableLabels;
  }) {
    this.#file = file;
    this.#path = path;
    this.#hooks = hooks;
    this.#labels = labels;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const label = this.#labels.write, path = this.#path;
    await operate(this.#hooks, { label, path }, () => {
      return writeAll(
        this.#file,
        bytes.subarray(0, this.#hooks.written(label, path, bytes.length)),
      );
    });
  }

  /** Makes what was written durable. */
  async sync(): Promise<void> {
    const operation = { label: this.#labels.fsync, path: this.#path };
    await operate(this.#hooks, operation, () => this.#file.sync());
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Writes all of some bytes. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
