import type { Batch } from "./batch.ts";
import { assert } from "./errors.ts";

/** The rows of a batch by outcome. */
export interface Deduped {
  /** Rows accepted, in the order of the batch. */
  readonly fresh: Int32Array;
  /** Rows whose event_id was seen before, or stands earlier in the batch. */
  readonly duplicates: Int32Array;
}

/**
 * Splits a batch's rows into fresh ones and duplicates.
 *
 * @param seen the places (in `distinct.ids`) of ids that earlier commits accepted
 */
export function dedupe(batch: Batch, distinct: Distinct, seen: Iterable<number>): Deduped {
  const isFresh = new Uint8Array(batch.length);
  for (const row of distinct.rows) isFresh[row] = 1;
  let freshCount = distinct.rows.length;
  for (const place of seen) {
    const row = distinct.rows[place];
    assert(
      row !== undefined && isFresh[row] === 1,
      "a seen id is one of the batch, and named once",
    );
    isFresh[row] = 0;
    freshCount--;
  }
  const fresh = new Int32Array(freshCount);
  const duplicates = new Int32Array(batch.length - freshCount);
  for (let row = 0, f = 0, d = 0; row < batch.length; row++) {
    if (isFresh[row] === 1) fresh[f++] = row;
    else duplicates[d++] = row;
  }
  return { fresh, duplicates };
}

/** The event ids of fresh rows, as a commit marks them as seen. */
export function idsOf(batch: Batch, rows: Int32Array): readonly string[] {
  return Array.from(rows, (row) => batch.eventIds.at(row));
}

/** The distinct event ids of a batch, each with the first row that has it. */
export interface Distinct {
  readonly ids: readonly string[];
  readonly rows: Int32Array;
}

/** Finds the distinct event ids of a batch. */
export function distinctIds(batch: Batch): Distinct {
  const known = new Set<string>();
  const rows = new Int32Array(batch.length);
  for (let row = 0; row < batch.length; row++) {
    const before = known.size;
    known.add(batch.eventIds.at(row));
    if (known.size > before) rows[before] = row;
  }
  return { ids: [...known], rows: rows.subarray(0, known.size) };
}
