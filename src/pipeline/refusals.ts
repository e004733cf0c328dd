import { type Counters, totalOf } from "../core/counters.ts";
import { damagedError, gapError, operatingError } from "../core/errors.ts";
import { MAX_KEPT_BYTES, partitionName, type RecordRun } from "../core/record.ts";

/** @throws OrillaError with exit code 4 where a run is at a record that is too large for a dead letter */
export function refuseUnkeepable(run: RecordRun): void {
  if (run.records.byteLength > MAX_KEPT_BYTES) throw unkeepable(run);
}

function unkeepable(run: RecordRun): Error {
  const { baseOffset, offsetDelta } = run.records;
  const offset = baseOffset + BigInt(offsetDelta);
  return gapError(
    `The record at offset ${offset} of ${
      partitionName(run)
    } has more than ${MAX_KEPT_BYTES} bytes: not even a ` +
      `dead letter can hold it. To do without it, move the group's offset to ${
        offset + 1n
      } and start with --allow-gaps`,
  );
}

/** Whether each record that was counted has one outcome. */
export function closes({ received, published, duplicate, rejected }: Counters): boolean {
  return received === published + duplicate + totalOf(rejected);
}

/** @throws OrillaError with exit code 3 where a checkpoint's counters do not close */
export function refuseUnclosed(counters: Counters): void {
  if (closes(counters)) return;
  throw damagedError(
    "The checkpoint's counters do not close (received = published + duplicate + rejected): it was " +
      "changed from outside. See orilla verify, or make a new one from the lake's files: orilla rebuild",
  );
}

/** The failure where another process has the partitions, and no group could give them back. */
export function fencedError(): Error {
  return operatingError(
    "Another process has taken these partitions over in the checkpoint store. Nothing is lost: what this one " +
      "had not committed is still where it was. Run one of them at a time",
  );
}
