import type { Data, RecordBatch } from "apache-arrow";
import {
  isOfCommit,
  type MergedCommit,
  type MergedOrigin,
  type RowOrigin,
} from "../core/compaction.ts";
import type { Position } from "../core/record.ts";
import { textColumn } from "./file_content.ts";
import { groupCountOf, type OpenParquet, readRowGroup, readRows } from "./parquet_ranges.ts";

/** A row of an events file. */
export interface EventRow extends Position {
  /** The commit that accepted it; a merged file has rows of many. */
  readonly commit: { readonly instanceId: string; readonly sequence: number };
  /** Microseconds since 1970-01-01 UTC. */
  readonly tsMicroseconds: bigint;
  /** Microseconds since 1970-01-01 UTC. */
  readonly processingTsMicroseconds: bigint;
}

/** A row of a dead-letter file. */
export interface DeadLetterRow extends Position {
  readonly reason: string;
  /** The failing field, null where the record as a whole failed. */
  readonly path: string | null;
  /** How often the record was tried: 1, and one more for each replay that rejected it again. */
  readonly attempts: number;
  /** Microseconds since 1970-01-01 UTC. */
  readonly rejectedAtMicroseconds: bigint;
}

/**
 * The rows of an events file that have an event id. Memory does not depend on its size. `loadParquet` must have
 * been called.
 *
 * @param origin the commits of its rows
 */
export async function findEvents(
  file: OpenParquet,
  { eventId, origin }: { readonly eventId: string; readonly origin: MergedOrigin },
): Promise<EventRow[]> {
  const found: EventRow[] = [];
  for (const row of await rowsWith(file, eventId)) {
    const columns = ["kafka_partition", "kafka_offset", "ts", "processing_ts"];
    const batch = await rowAt(file, { row, columns });
    const partition = Number(integerOf(batch, "kafka_partition"));
    const offset = integerOf(batch, "kafka_offset");
    const processingTsMicroseconds = integerOf(batch, "processing_ts");
    const from = { partition, offset, stagedAtMs: Number(processingTsMicroseconds / 1000n) };
    const commit = origin.commits.find((commit) => isOfCommit(from, commit));
    if (commit === undefined) throw new Error("it holds a row that is not of its commit's offsets");
    const { instanceId, sequence } = commit;
    found.push({
      commit: { instanceId, sequence },
      topic: topicOf(commit, from),
      partition,
      offset,
      tsMicroseconds: integerOf(batch, "ts"),
      processingTsMicroseconds,
    });
  }
  return found;
}

/** The rows of a dead-letter file that have an event id. `loadParquet` must have been called. */
export async function findDeadLetters(
  file: OpenParquet,
  eventId: string,
): Promise<DeadLetterRow[]> {
  const found: DeadLetterRow[] = [];
  for (const row of await rowsWith(file, eventId)) {
    const columns = ["topic", "partition", "offset", "reason", "path", "attempts", "rejected_at"];
    const batch = await rowAt(file, { row, columns });
    found.push({
      topic: textOf(batch, "topic") ?? "",
      partition: Number(integerOf(batch, "partition")),
      offset: integerOf(batch, "offset"),
      reason: textOf(batch, "reason") ?? "",
      path: textOf(batch, "path"),
      attempts: Number(integerOf(batch, "attempts")),
      rejectedAtMicroseconds: integerOf(batch, "rejected_at"),
    });
  }
  return found;
}

/** The numbers of the rows that have an event id: this one column is read, and compared as bytes. */
async function rowsWith(file: OpenParquet, eventId: string): Promise<number[]> {
  const wanted = new TextEncoder().encode(eventId);
  const groupCount = groupCountOf(file);
  const rows: number[] = [];
  let first = 0;
  for (let group = 0; group < groupCount; group++) {
    for (const batch of await readRowGroup(file, { group, columns: ["event_id"] })) {
      for (const data of batch.getChild("event_id")?.data ?? []) {
        rows.push(...rowsIn(data, wanted).map((row) => first + row));
      }
      first += batch.numRows;
    }
  }
  return rows;
}

function rowsIn(data: Data, wanted: Uint8Array): number[] {
  const { values, valueOffsets, length } = data;
  const rows: number[] = [];
  for (let i = 0; i < length; i++) {
    const start: number = valueOffsets[i] ?? 0;
    if (valueOffsets[i + 1] - start !== wanted.length || !data.getValid(i)) continue;
    if (wanted.every((byte, at) => values[start + at] === byte)) rows.push(i);
  }
  return rows;
}

async function rowAt(
  file: OpenParquet,
  { row, columns }: { readonly row: number; readonly columns: string[] },
): Promise<RecordBatch> {
  const [batch] = await readRows(file, { columns, offset: row, limit: 1 });
  if (batch === undefined) throw new Error(`it has no row ${row}`);
  return batch;
}

/** Events files hold no topic; the offsets that their commit handled, or the dead letters that it replayed, do. */
function topicOf({ ranges, replays }: MergedCommit, { partition, offset }: RowOrigin): string {
  const replay = replays.find(({ letter, outcome }) =>
    outcome === "published" && letter.partition === partition && letter.offset === offset
  );
  const range = ranges.find((range) =>
    range.partition === partition && range.firstOffset <= offset && offset < range.nextOffset
  );
  return replay?.letter.topic ?? range?.topic ?? "";
}

/** The integer in the first row of a column. Arrow's own accessor makes milliseconds of microseconds. */
function integerOf(batch: RecordBatch, name: string): bigint {
  const value: unknown = batch.getChild(name)?.data[0]?.values[0];
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return BigInt(value);
  throw new Error(`it has no integer in ${name}`);
}

function textOf(batch: RecordBatch, name: string): string | null {
  return textColumn(batch, name)[0] ?? null;
}
