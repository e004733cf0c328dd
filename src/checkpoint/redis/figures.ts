import type { ManifestFile } from "../../core/commit.ts";
import type { DateTotals } from "../date_totals.ts";
import type { DateAndKindTotals, FileTotals, LakeStatus } from "../lake_status.ts";
import type { CommitRecord } from "./records.ts";

/** The date of a lake partition, or of rejection: `date=2026-11-24` at its place in a final path. */
const DATE = /date=(.{10})/;

function dateOf({ finalPath }: Pick<ManifestFile, "finalPath">): string {
  return DATE.exec(finalPath)?.[1] ?? "";
}

/** Adds the event files of commits to the totals by date. */
export function addUpDates(
  totals: Map<string, DateTotals>,
  commits: readonly CommitRecord[],
): void {
  for (const file of commits.flatMap(({ files }) => files)) {
    if (file.kind !== "events") continue;
    const date = dateOf(file);
    const known = totals.get(date) ?? { date, fileCount: 0, rowCount: 0, bytes: 0 };
    totals.set(date, {
      date,
      fileCount: known.fileCount + 1,
      rowCount: known.rowCount + file.rowCount,
      bytes: known.bytes + file.bytes,
    });
  }
}

/** The figures of files that `LakeStatus` has, added up one commit after the other. */
export class FileFigures {
  readonly #dates = new Map<string, DateAndKindTotals>();
  readonly #purged: ReadonlySet<string>;

  /** @param purged paths of files that do not count */
  constructor(purged: ReadonlySet<string>) {
    this.#purged = purged;
  }

  add(commits: readonly CommitRecord[]): void {
    for (const file of commits.flatMap(({ files }) => files)) {
      if (this.#purged.has(file.finalPath)) continue;
      const { kind } = file;
      const date = dateOf(file);
      const name = `${date} ${kind}`;
      const known = this.#dates.get(name) ?? { kind, date, files: 0, rows: 0, bytes: 0 };
      this.#dates.set(name, { kind, date, ...sumOf([known, ofFile(file)]) });
    }
  }

  /** @param dateLimit how many of the newest dates are listed */
  figures(dateLimit: number): Pick<LakeStatus, "events" | "deadLetters" | "dateCount" | "dates"> {
    const all = [...this.#dates.values()];
    const dates = [...new Set(all.map(({ date }) => date))].sort().reverse();
    const newest = dates.slice(0, dateLimit);
    return {
      events: sumOf(all.filter(({ kind }) => kind === "events")),
      deadLetters: sumOf(all.filter(({ kind }) => kind === "dead_letters")),
      dateCount: dates.length,
      dates: newest.flatMap((date) =>
        all.filter((total) => total.date === date).sort((a, b) => a.kind < b.kind ? 1 : -1)
      ),
    };
  }
}

function ofFile({ rowCount, bytes }: ManifestFile): FileTotals {
  return { files: 1, rows: rowCount, bytes };
}

function sumOf(totals: readonly FileTotals[]): FileTotals {
  const sum = (of: (total: FileTotals) => number) =>
    totals.reduce((all, total) => all + of(total), 0);
  return {
    files: sum(({ files }) => files),
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
  };
}
