import type { TracedFile } from "../checkpoint/traces.ts";
import type { DuplicateRecord } from "../checkpoint/duplicates.ts";
import { messageOf } from "../core/errors.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { parsePath } from "../core/lake_path.ts";
import { openFile } from "../lake/file_scan.ts";
import { type LakeFile, listPublished } from "../lake/lake_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import {
  type DeadLetterRow,
  type EventRow as FoundRow,
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

type EventRow = Omit<FoundRow, "commit">;

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
  for (let attempt = 1;; attempt++) {
    try {
      return await traceOnce({ files, reader }, eventId);
    } catch (error) {
      // Each time whole files were merged in between; that cannot go on for long.
      if (!(error instanceof Merged) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

const MAX_ATTEMPTS = 10;

/** A file was merged into another one since the checkpoint was read: what it held is to be looked for there. */
class Merged extends Error {}

async function traceOnce(
  { files, reader }: ReadLake,
  eventId: string,
): Promise<EventTrace> {
  const checkpoint = await reader.trace(eventId);
  const known = new Set(checkpoint.files.map(({ finalPath }) => finalPath));
  // Listed after the checkpoint was read: what was committed since then is looked into as well.
  const listed = (await listPublished(files)).filter(({ path }) => !known.has(path));
  const replaced = new Set(listed.length === 0 ? [] : await reader.unremovedReplaced());
  const unknown = listed.filter(({ path }) => !replaced.has(path));
  const candidates = [
    ...checkpoint.files.filter(({ mayHold }) => mayHold),
    ...unknown.map(unknownCandidate),
  ];
  const looked = { files, reader, instanceIds: checkpoint.instanceIds };
  const published = new Map<string, EventRow & RowPlace>();
  const rejected: RejectedRow[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  for (const candidate of candidates) {
    try {
      if (candidate.kind === "dead_letters") {
        rejected.push(...await lettersIn(looked, { candidate, eventId }));
        continue;
      }
      for (const row of await eventsIn(looked, { candidate, eventId })) {
        // The same row, of a file and of the one that it was merged into meanwhile, is one.
        published.set(`${row.partition} ${row.offset} ${row.processingTsMicroseconds}`, row);
      }
    } catch (error) {
      if (await reader.isReplaced(candidate.finalPath)) throw new Merged();
      // It may have been purged since the checkpoint was read.
      if (await reader.isPurged(candidate.finalPath)) continue;
      unreadable.push({ file: candidate.finalPath, reason: messageOf(error) });
    }
  }
  const fileCount = checkpoint.files.length + unknown.length;
  const counts = { fileCount, openedCount: candidates.length };
  return {
    eventId,
    published: byTime([...published.values()]),
    duplicates: checkpoint.duplicates,
    rejected: byTime(rejected),
    unreadable,
    ...counts,
  };
}

interface Looked extends ReadLake {
  /** Those whose numbers of commits are the checkpoint's. */
  readonly instanceIds: readonly string[];
}

interface Look {
  readonly candidate: Candidate;
  readonly eventId: string;
}

async function lettersIn(
  { files, reader }: Looked,
  { candidate, eventId }: Look,
): Promise<readonly RejectedRow[]> {
  const { file, parquet } = await openCandidate(files, candidate);
  const { sequence, committedAtMs } = candidate;
  const rows = await findDeadLetters(parquet, eventId);
  return await Promise.all(rows.map(async (row) => {
    return { ...row, file, sequence, committedAtMs, replay: await reader.markOf(row) };
  }));
}

/** The events of a file, each with the commit that accepted it: not the one that merged the file. */
async function eventsIn(
  { files, reader, instanceIds }: Looked,
  { candidate, eventId }: Look,
): Promise<readonly (EventRow & RowPlace)[]> {
  const { file, parquet, origin, isMerged } = await openCandidate(files, candidate);
  const rows = await findEvents(parquet, { eventId, origin });
  return await Promise.all(rows.map(async ({ commit, ...row }) => {
    if (!isMerged) {
      return { ...row, file, sequence: candidate.sequence, committedAtMs: candidate.committedAtMs };
    }
    const committedAtMs = Number(row.processingTsMicroseconds / 1000n);
    // A checkpoint that was rebuilt numbers the commits of others anew.
    const sequence = instanceIds.includes(commit.instanceId)
      ? commit.sequence
      : await reader.sequenceAt(committedAtMs);
    return { ...row, file, sequence, committedAtMs };
  }));
}

function unknownCandidate({ kind, path, stagedAtMs }: LakeFile): Candidate {
  return { kind, finalPath: path, stagedPath: path, committedAtMs: stagedAtMs, sequence: null };
}

/** A file by its final name, or by its staged one until it gets that. */
async function openCandidate(files: LakeFiles, { finalPath, stagedPath }: Candidate) {
  const named = parsePath(finalPath);
  if (named === null) throw new Error("it has no name of orilla's");
  let failure: unknown = new Error("it was committed, and is not there");
  // The final name is looked for again: a writer beside us may publish the file between two looks.
  for (const file of [finalPath, stagedPath, finalPath]) {
    try {
      return { file, isMerged: named.isMerged, ...await openFile(files, { ...named, path: file }) };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) failure = error;
    }
  }
  throw failure;
}

function byTime<Row extends RowPlace>(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted((a, b) => a.committedAtMs - b.committedAtMs);
}
