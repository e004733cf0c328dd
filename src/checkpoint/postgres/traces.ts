import { type IdHash, mayHold } from "../../core/id_filter.ts";
import { type DuplicateRecord, storedPositions } from "../duplicates.ts";
import { type CheckpointTrace, type TracedFile, tracedFileOf } from "../traces.ts";
import type { Row, Run } from "./connection.ts";
import { readInstanceIds } from "./instances.ts";

/** Filters are read so many at a time: some megabytes. */
const FILTERS_AT_ONCE = 200;

/** Looks an event id up in the filters of all files, and in the recorded duplicates. */
export async function readTrace(
  run: Run,
  id: { readonly eventId: string; readonly hash: IdHash },
): Promise<CheckpointTrace> {
  const files = await tracedFiles(run, id.hash);
  const duplicates = await findDuplicates(run, id);
  return { files, duplicates, instanceIds: await readInstanceIds(run) };
}

async function tracedFiles(run: Run, hash: IdHash): Promise<readonly TracedFile[]> {
  const files: TracedFile[] = [];
  let after: Pick<TracedFile, "sequence" | "finalPath"> = { sequence: -1, finalPath: "" };
  for (;;) {
    const { sequence, finalPath } = after;
    const rows = await run((sql) =>
      sql<Row[]>`
        SELECT f.sequence, kind, final_path, staged_path, committed_at_ms, filter
        FROM files AS f JOIN commits USING (sequence)
        WHERE (f.sequence, final_path) > (${sequence}, ${finalPath})
          AND final_path NOT IN (SELECT path FROM purges)
        ORDER BY f.sequence, final_path LIMIT ${FILTERS_AT_ONCE}`
    );
    files.push(...rows.map((row) => tracedFileOf(row, hash)));
    const last = files.at(-1);
    if (rows.length < FILTERS_AT_ONCE || last === undefined) return files;
    after = last;
  }
}

async function findDuplicates(
  run: Run,
  { eventId, hash }: { readonly eventId: string; readonly hash: IdHash },
): Promise<DuplicateRecord[]> {
  const found: DuplicateRecord[] = [];
  for (let after = -1;;) {
    const rows = await run((sql) =>
      sql<Row[]>`
        SELECT sequence, filter FROM duplicates WHERE sequence > ${after}
        ORDER BY sequence LIMIT ${FILTERS_AT_ONCE}`
    );
    for (const { sequence, filter } of rows) {
      if (!(filter instanceof Uint8Array) || !mayHold(filter, hash)) continue;
      found.push(...await positionsIn(run, Number(sequence), eventId));
    }
    const last = rows.at(-1);
    if (last === undefined) return found;
    after = Number(last["sequence"]);
  }
}

async function positionsIn(
  run: Run,
  sequence: number,
  eventId: string,
): Promise<DuplicateRecord[]> {
  const [row] = await run((sql) =>
    sql<Row[]>`SELECT * FROM duplicates WHERE sequence = ${sequence}`
  );
  const records = row?.["records"];
  // It may have expired since.
  if (row === undefined || !(records instanceof Uint8Array)) return [];
  const partitions = String(row["partitions"]), count = Number(row["count"]);
  const foundAtMs = Number(row["found_at_ms"]);
  return storedPositions({ partitions, count, records }, eventId)
    .map((position) => ({ ...position, sequence, foundAtMs }));
}
