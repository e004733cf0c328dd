/** What is kept of each second, in the order in which rows are sent; `time` in seconds since 1970-01-01 UTC. */
export const HISTORY_COLUMNS = [
  "time",
  "received",
  "published",
  "duplicate",
  "rejected",
  "lag",
  "largestLag",
  "bufferedEvents",
  "isPaused",
  "residentBytes",
  "commitSeconds",
  "ageP50Seconds",
  "ageP99Seconds",
] as const;

/** A value by column; null where it is not known, or nothing happened. */
export type HistoryRow = Readonly<Record<(typeof HISTORY_COLUMNS)[number], number | null>>;

/** The last rows, the oldest of which give way: memory does not grow (8 bytes a value). */
export class History {
  readonly #columns: readonly Float64Array[];
  readonly #capacity: number;
  /** Rows ever added. */
  #count = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#columns = HISTORY_COLUMNS.map(() => new Float64Array(capacity));
  }

  add(row: HistoryRow): void {
    const at = this.#count++ % this.#capacity;
    for (const [i, name] of HISTORY_COLUMNS.entries()) {
      const column = this.#columns[i];
      if (column !== undefined) column[at] = row[name] ?? NaN;
    }
  }

  /** All that is kept, column by column, the oldest first. */
  get columns(): readonly (readonly (number | null)[])[] {
    const length = Math.min(this.#count, this.#capacity);
    const first = this.#count - length;
    return this.#columns.map((column) =>
      Array.from({ length }, (_, i) => orNull(column[(first + i) % this.#capacity] ?? NaN))
    );
  }
}

/** A row as it is sent. */
export function rowValues(row: HistoryRow): readonly (number | null)[] {
  return HISTORY_COLUMNS.map((name) => row[name]);
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
