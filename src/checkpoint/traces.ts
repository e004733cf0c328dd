import type { FileKind } from "../core/lake_path.ts";
import { IdHash, mayHold } from "../core/id_filter.ts";
import { type DuplicateRecord, findDuplicates } from "./duplicates.ts";
import { readingCheckpoint } from "./inspection.ts";
import { readMeta } from "./schema.ts";

/** A file of the manifest, as a trace needs it. */
export interface TracedFile {
  readonly kind: FileKind;
  readonly finalPath: string;
  readonly stagedPath: string;
  readonly sequence: number;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly committedAtMs: number;
  /** False where the file surely does not hold the event id. */
  readonly mayHold: boolean;
}

/** What a checkpoint knows of one event id. */
export interface CheckpointTrace {
  /** The instances whose numbers of commits are the checkpoint's. */
  readonly instanceIds: readonly string[];
  /** All files of the manifest but those that were purged, in the order of their commits. */
  readonly files: readonly TracedFile[];
  /** Oldest first. */
  readonly duplicates: readonly DuplicateRecord[];
}

/**
 * Looks an event id up in the filters of all files, and in the recorded duplicates.
 *
 * @param outDir absolute path
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export function traceInCheckpoint(outDir: string, eventId: string): CheckpointTrace {
  const hash = IdHash.of(eventId);
  return readingCheckpoint(outDir, (database) => {
    const rows = database.prepare(
      `SELECT f.sequence, kind, f.final_path, staged_path, committed_at_ms, filter
       FROM files f JOIN commits USING (sequence) LEFT JOIN file_filters USING (sequence, final_path)
       WHERE f.final_path NOT IN (SELECT path FROM purges)
       ORDER BY f.sequence, f.final_path`,
    );
    const files = Array.from(rows.iterate(), (row) => tracedFileOf(row, hash));
    const instanceIds = [readMeta(database, "instance_id")];
    return { instanceIds, files, duplicates: findDuplicates(database, { eventId, hash }) };
  });
}

/** A row of `files` with its commit's time and the file's filter, as a trace of an event id needs it. */
export function tracedFileOf(row: Readonly<Record<string, unknown>>, hash: IdHash): TracedFile {
  const { filter } = row;
  return {
    kind: row["kind"] === "events" ? "events" : "dead_letters",
    finalPath: String(row["final_path"]),
    stagedPath: String(row["staged_path"]),
    sequence: Number(row["sequence"]),
    committedAtMs: Number(row["committed_at_ms"]),
    mayHold: !(filter instanceof Uint8Array) || mayHold(filter, hash),
  };
}

/**
 * The filter of a file's event ids; null where it has none.
 *
 * @param outDir absolute path
 */
export function readFileFilter(
  outDir: string,
  { sequence, finalPath }: Pick<TracedFile, "sequence" | "finalPath">,
): Uint8Array | null {
  const query = "SELECT filter FROM file_filters WHERE sequence = ? AND final_path = ?";
  const row = readingCheckpoint(
    outDir,
    (database) => database.prepare(query).get(sequence, finalPath),
  );
  const filter = row?.["filter"];
  return filter instanceof Uint8Array ? filter : null;
}

/**
 * The commit of a batch that was made at a time; null where there is none.
 *
 * @param outDir absolute path
 */
export function sequenceAt(outDir: string, committedAtMs: number): number | null {
  const query = `SELECT sequence FROM commits
    WHERE committed_at_ms = ? AND trigger <> 'compact' ORDER BY sequence LIMIT 1`;
  const row = readingCheckpoint(outDir, (database) => database.prepare(query).get(committedAtMs));
  return row === undefined ? null : Number(row["sequence"]);
}
