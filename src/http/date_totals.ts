import type { DateTotals } from "../checkpoint/date_totals.ts";
import type { ManifestFile } from "../core/commit.ts";

/** What became one file. */
export interface MergedFiles {
  readonly sourceCount: number;
  readonly sourceBytes: number;
  readonly file: ManifestFile;
}

/** Dates that are told apart; a topic may hold any date, and memory must not grow with them. */
const MAX_DATES = 4_000;

/** Published files of events by date, kept up to date with each commit. */
export class TotalsByDate {
  readonly #dates = new Map<string, DateTotals>();
  #others = { fileCount: 0, rowCount: 0, bytes: 0 };

  /** @param totals as they stood at the start */
  constructor(totals: readonly DateTotals[]) {
    for (const total of totals.toSorted(latestFirst)) this.#add(total);
  }

  /** Adds what a commit published. */
  addFiles(files: readonly ManifestFile[]): void {
    for (const { kind, finalPath, rowCount, bytes } of files) {
      const date = /^date=(.{10})\//.exec(finalPath)?.[1];
      if (kind === "events" && date !== undefined) {
        this.#add({ date, fileCount: 1, rowCount, bytes });
      }
    }
  }

  /** Takes out what was merged, and adds the file that it became: its rows are the same. */
  addMerged({ sourceCount, sourceBytes, file }: MergedFiles): void {
    const date = /^date=(.{10})\//.exec(file.finalPath)?.[1] ?? "";
    const bytes = file.bytes - sourceBytes;
    this.#add({ date, fileCount: 1 - sourceCount, rowCount: 0, bytes });
  }

  /** The latest dates, and what all others have in sum. */
  latest(limit: number) {
    const all = [...this.#dates.values()].sort(latestFirst);
    const others = all.slice(limit).reduce(sumOf, this.#others);
    return { dates: all.slice(0, limit), others };
  }

  #add(added: DateTotals): void {
    const { date } = added;
    const known = this.#dates.get(date);
    if (known === undefined && this.#dates.size >= MAX_DATES) {
      this.#others = sumOf(this.#others, added);
    } else {
      this.#dates.set(date, { date, ...sumOf(known ?? NOTHING, added) });
    }
  }
}

type Totals = Omit<DateTotals, "date">;

const NOTHING: Totals = { fileCount: 0, rowCount: 0, bytes: 0 };

function sumOf(one: Totals, other: Totals): Totals {
  return {
    fileCount: one.fileCount + other.fileCount,
    rowCount: one.rowCount + other.rowCount,
    bytes: one.bytes + other.bytes,
  };
}

function latestFirst({ date: one }: DateTotals, { date: other }: DateTotals): number {
  return one < other ? 1 : one > other ? -1 : 0;
}
