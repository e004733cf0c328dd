import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { PurgedFile } from "../core/purge.ts";
import { allRows } from "./rows.ts";

const TABLE = `
  CREATE TABLE IF NOT EXISTS purges (
    path TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    letters INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    reasons TEXT NOT NULL,
    purged_at_ms INTEGER NOT NULL,
    is_removed INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS unremoved_purges ON purges (path) WHERE is_removed = 0;
`;

/** The dead-letter files that were removed because of their age. */
export class Purges {
  readonly #database: DatabaseSync;
  readonly #add: StatementSync;

  constructor(database: DatabaseSync) {
    database.exec(TABLE);
    this.#database = database;
    this.#add = database.prepare(
      "INSERT INTO purges VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
  }

  /** Notes files that are about to be removed (or were), inside the caller's transaction. */
  add(files: readonly PurgedFile[], isRemoved = false): void {
    for (const { path, sequence, letterCount, bytes, reasons, purgedAtMs } of files) {
      this.#add.run(
        ...[path, sequence, letterCount, bytes] as const,
        ...[JSON.stringify(reasons), purgedAtMs, isRemoved ? 1 : 0] as const,
      );
    }
  }

  /** Notes that all files are gone for good, inside the caller's transaction. */
  markRemoved(): void {
    this.#database.prepare("UPDATE purges SET is_removed = 1 WHERE is_removed = 0").run();
  }

  /** Files that are not known to be gone. */
  unremoved(): readonly string[] {
    const rows = this.#database.prepare("SELECT path FROM purges WHERE is_removed = 0").all();
    return rows.map(({ path }) => String(path));
  }
}

/** All purged files of a checkpoint. */
export function readPurges(database: DatabaseSync): readonly PurgedFile[] {
  return allRows(database, "SELECT * FROM purges ORDER BY path").map((row) => ({
    path: String(row["path"]),
    sequence: Number(row["sequence"]),
    letterCount: Number(row["letters"]),
    bytes: Number(row["bytes"]),
    reasons: JSON.parse(String(row["reasons"])),
    purgedAtMs: Number(row["purged_at_ms"]),
  }));
}
