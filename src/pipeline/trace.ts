import type { TracedFile } from "../checkpoint/traces.ts";
import type { DuplicateRecord } from "../checkpoint/duplicates.ts";
import { messageOf } from "../core/errors.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { type LakeFile, listPublished } from "../lake/lake_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import {
  type DeadLetterRow,
  type EventRow,
  findDeadLetters,
  findEvents,
} from "../lake/row_finder.ts";
import type { LakeFiles } from "../lake/storage.ts";
import type { ReadLake } from "./read_lake.ts";

/** Where a row lies, and since when. */
export interface RowPlace {
  /** Its file, relative to OUT_DIR; still in `_staging/` while its commit is being published. */
  readonly file: string;
  /** The commit's number in the checkpoint; null where the checkpoint does not know the file. */
  readonly sequence: number | null;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly committedAtMs: number;
}

/** Everything that is known here of one event id. All lists are oldest first. */
export interface EventTrace {
  readonly eventId: string;
  /** More than one where the id came again after its time to live. */
  readonly published: readonly (EventRow & RowPlace)[];
  readonly duplicates: readonly DuplicateRecord[];
  readonly rejected: readonly RejectedRow[];
  /** Files that may hold the id, and cannot be read, with the reason. */
  readonly unreadable: readonly { readonly file: string; readonly reason: string }[];
  /** Files of the lake, and how many of them were opened because they might hold the id. */
  readonly fileCount: number;
  readonly openedCount: number;
}

/** A dead letter, and what became of it if it was replayed; else null. */
export interface RejectedRow extends DeadLetterRow, RowPlace {
  readonly replay: MarkedReplay | null;
}

type Candidate = Pick<TracedFile, "kind" | "finalPath" | "stagedPath" | "committedAtMs"> & {
  readonly sequence: number | null;
};

/**
 * Finds an event id in the lake, the recorded duplicates and the dead letters. Reads only, and may run
 * beside a consumer. The filters say which few files may hold it; these are looked into.
 *
 * @throws OrillaError with exit code 3 where there is no readable checkpoint
 */
export async function traceEvent(
  { files, reader }: ReadLake,
  eventId: string,
): Promise<EventTrace> {
  await loadParquet();
  const checkpoint = await reader.trace(eventId);
  const known = new Set(checkpoint.files.map(({ finalPath }) => finalPath));
  // Listed after the checkpoint was read: what was committed since then is looked into as well.
  const unknown = (await listPublished(files)).filter(({ path }) => !known.has(path));
  const candidates = [
    ...checkpoint.files.filter(({ mayHold }) => mayHold),
    ...unknown.map(unknownCandidate),
  ];
  const published: (EventRow & RowPlace)[] = [], rejected: RejectedRow[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  for (const candidate of candidates) {
    try {
      const { file, bytes } = await readCandidate(files, candidate);
      const { sequence, committedAtMs } = candidate;
      const at = { file, sequence, committedAtMs };
      if (candidate.kind === "events") {
        published.push(...findEvents(bytes, eventId).map((row) => ({ ...row, ...at })));
      } else {
        const found = findDeadLetters(bytes, eventId);
        for (const row of found) {
          rejected.push({ ...row, ...at, replay: await reader.markOf(row) });
        }
      }
    } catch (error) {
      // It may have been purged since the checkpoint was read.
      if (await reader.isPurged(candidate.finalPath)) continue;
      unreadable.push({ file: candidate.finalPath, reason: messageOf(error) });
    }
  }
  const fileCount = checkpoint.files.length + unknown.length;
  const counts = { fileCount, openedCount: candidates.length };
  return {
    eventId,
    published: byTime(published),
    duplicates: checkpoint.duplicates,
    rejected: byTime(rejected),
    unreadable,
    ...counts,
  };
}

function unknownCandidate({ kind, path, stagedAtMs }: LakeFile): Candidate {
  return { kind, finalPath: path, stagedPath: path, committedAtMs: stagedAtMs, sequence: null };
}

/** A file by its final name, or by its staged one until it gets that. */
async function readCandidate(files: LakeFiles, { finalPath, stagedPath }: Candidate) {
  // The final name is looked for again: a writer beside us may publish the file between two looks.
  for (const file of [finalPath, stagedPath, finalPath]) {
    const bytes = await files.readIfThere(file);
    if (bytes !== null) return { file, bytes };
  }
  throw new Error("it was committed, and is not there");
}

function byTime<Row extends RowPlace>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => a.committedAtMs - b.committedAtMs);
}
