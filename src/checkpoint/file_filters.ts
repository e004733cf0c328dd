import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { FileFilter } from "../core/commit.ts";

/** Goes with the manifest's rows: a file that is taken out of it takes its filter along. */
const TABLE = `
  CREATE TABLE IF NOT EXISTS file_filters (
    sequence INTEGER NOT NULL,
    final_path TEXT NOT NULL,
    filter BLOB NOT NULL,
    PRIMARY KEY (sequence, final_path),
    FOREIGN KEY (sequence, final_path) REFERENCES files ON DELETE CASCADE
  );
`;

/** For each file of the manifest a filter of its event ids, so that a trace opens few files. */
export class FileFilters {
  readonly #add: StatementSync;
  readonly #remove: StatementSync;

  constructor(database: DatabaseSync) {
    database.exec(TABLE);
    this.#add = database.prepare("INSERT INTO file_filters VALUES (?, ?, ?)");
    this.#remove = database.prepare(
      "DELETE FROM file_filters WHERE sequence = ? AND final_path = ?",
    );
  }

  /** Adds the filters of a commit's files, inside the caller's transaction and after the manifest's rows. */
  add(sequence: number, filters: readonly FileFilter[]): void {
    for (const { finalPath, filter } of filters) this.#add.run(sequence, finalPath, filter);
  }

  /** Removes the filter of a file that is no longer looked into, inside the caller's transaction. */
  remove(sequence: number, finalPath: string): void {
    this.#remove.run(sequence, finalPath);
  }
}
