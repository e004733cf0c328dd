import { assert } from "../core/errors.ts";
import type { Position, RawRecord, RecordRun } from "../core/record.ts";

/**
 * The runs that the records of a batch came in. A batch keeps columns alone; for a record that turns out not
 * to be writable, its original bytes are found here. Holding the runs costs no copy.
 */
export class BufferedRuns {
  #runs: RecordRun[] = [];

  /** Notes a run that records are taken from, once for all of them. */
  note(run: RecordRun): void {
    if (this.#runs.at(-1) !== run) this.#runs.push(run);
  }

  /** The record at a position that the batch has. */
  at({ topic, partition, offset }: Position): RawRecord {
    for (const run of this.#runs) {
      if (run.partition !== partition || run.topic !== topic) continue;
      const record = run.records.find((record) => record.offset === offset);
      if (record !== undefined) return record;
    }
    assert(false, "the records of a batch are buffered until its commit");
  }

  clear(): void {
    this.#runs = [];
  }
}
