import type { DatabaseSync } from "node:sqlite";
import { allRows } from "./rows.ts";

/** The published files of one lake partition, added up. */
export interface DateTotals {
  /** `2026-11-24`. */
  readonly date: string;
  readonly fileCount: number;
  readonly rowCount: number;
  readonly bytes: number;
}

/** Adds up the manifest's files of events by date. Their folder is `date=` and ten characters. */
export function readDateTotals(database: DatabaseSync): readonly DateTotals[] {
  return allRows(
    database,
    `SELECT substr(final_path, 6, 10) AS date, count(*) AS file_count, sum(row_count) AS row_count,
       sum(bytes) AS bytes
     FROM files WHERE kind = 'events' GROUP BY 1`,
  ).map((row) => ({
    date: String(row["date"]),
    fileCount: Number(row["file_count"]),
    rowCount: Number(row["row_count"]),
    bytes: Number(row["bytes"]),
  }));
}
