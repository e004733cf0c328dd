import { type Table, tableFromIPC } from "apache-arrow";
import { type ReaderOptions, readParquet } from "parquet-wasm";
import type { Position } from "../core/record.ts";
import { offsetRangesOf, replaysIn, textColumn } from "./file_content.ts";

/** A row of an events file. */
export interface EventRow extends Position {
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

/** The rows of an events file that have an event id. `loadParquet` must have been called. */
export function findEvents(file: Uint8Array, eventId: string): EventRow[] {
  return rowsWith(file, eventId).map((row) => {
    const columns = ["kafka_partition", "kafka_offset", "ts", "processing_ts"];
    const table = read(file, { columns, offset: row, limit: 1 });
    const partition = Number(integerOf(table, "kafka_partition"));
    const offset = integerOf(table, "kafka_offset");
    return {
      topic: topicOf(file, { partition, offset }),
      partition,
      offset,
      tsMicroseconds: integerOf(table, "ts"),
      processingTsMicroseconds: integerOf(table, "processing_ts"),
    };
  });
}

/** The rows of a dead-letter file that have an event id. `loadParquet` must have been called. */
export function findDeadLetters(file: Uint8Array, eventId: string): DeadLetterRow[] {
  return rowsWith(file, eventId).map((row) => {
    const columns = ["topic", "partition", "offset", "reason", "path", "attempts", "rejected_at"];
    const table = read(file, { columns, offset: row, limit: 1 });
    return {
      topic: textOf(table, "topic") ?? "",
      partition: Number(integerOf(table, "partition")),
      offset: integerOf(table, "offset"),
      reason: textOf(table, "reason") ?? "",
      path: textOf(table, "path"),
      attempts: Number(integerOf(table, "attempts")),
      rejectedAtMicroseconds: integerOf(table, "rejected_at"),
    };
  });
}

/** The numbers of the rows that have an event id: this one column is read, and compared as bytes. */
function rowsWith(file: Uint8Array, eventId: string): number[] {
  const wanted = new TextEncoder().encode(eventId);
  const table = read(file, { columns: ["event_id"] });
  const rows: number[] = [];
  let first = 0;
  for (const data of table.getChild("event_id")?.data ?? []) {
    const { values, valueOffsets, length } = data;
    for (let i = 0; i < length; i++) {
      const start: number = valueOffsets[i] ?? 0;
      if (valueOffsets[i + 1] - start !== wanted.length || !data.getValid(i)) continue;
      if (wanted.every((byte, at) => values[start + at] === byte)) rows.push(first + i);
    }
    first += length;
  }
  return rows;
}

function read(file: Uint8Array, options: ReaderOptions): Table {
  return tableFromIPC(readParquet(file, options).intoIPCStream());
}

/**
 * Events files hold no topic; the offsets that their commit handled say which one it is, or in a commit of
 * replays the dead letters that these were.
 */
function topicOf(
  file: Uint8Array,
  { partition, offset }: { readonly partition: number; readonly offset: bigint },
): string {
  const replay = replaysIn(file).find(({ letter, outcome }) =>
    outcome === "published" && letter.partition === partition && letter.offset === offset
  );
  if (replay !== undefined) return replay.letter.topic;
  const range = offsetRangesOf(file).find((range) =>
    range.partition === partition && range.firstOffset <= offset && offset < range.nextOffset
  );
  if (range === undefined) throw new Error("it holds a row that is not of its commit's offsets");
  return range.topic;
}

/** The integer in the first row of a column. Arrow's own accessor makes milliseconds of microseconds. */
function integerOf(table: Table, name: string): bigint {
  const value: unknown = table.getChild(name)?.data[0]?.values[0];
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return BigInt(value);
  throw new Error(`it has no integer in ${name}`);
}

function textOf(table: Table, name: string): string | null {
  return textColumn(table, name)[0] ?? null;
}
