import { createHash } from "node:crypto";
import { type RecordBatch, transformParquetStream, type WriterProperties } from "parquet-wasm";
import type { MergedOrigin } from "../core/compaction.ts";
import { assert, damagedError, messageOf } from "../core/errors.ts";
import { IdFilter } from "../core/id_filter.ts";
import { mergedOrder } from "../core/sorted_runs.ts";
import { MICROSECONDS_A_DAY } from "../core/timestamp.ts";
import { gatheredColumn, type Gathering } from "./gathered_columns.ts";
import { MergeCursor, type Taken } from "./merge_cursor.ts";
import { MERGED_METADATA, mergedText, originOf } from "./merged_metadata.ts";
import type { MergeFiles, Merger, MergeRequest } from "./merger.ts";
import { loadParquet, tableOf, writerProperties } from "./parquet.ts";
import { encodingsOf, metadataOf, openParquet } from "./parquet_ranges.ts";
import { type Column, parquetTable } from "./parquet_table.ts";
import { PROTECTION_METADATA } from "./protection.ts";

/** Decoded rows that are in memory at a time, bytes: they are shared by the sources that are being read. */
const DECODED_BYTES = 48 << 20;
/** Rows that are read, or written, in one step: some tens of milliseconds. */
const STEP_ROWS = 32_768;
/** Rows of one row group, at most, and their bytes. */
const ROW_GROUP_ROWS = 131_072;
const ROW_GROUP_BYTES = 32 << 20;

/**
 * Merges in this thread, a stretch of rows at a time: memory depends neither on the size of the sources nor on
 * that of the file. Between two steps other work of the thread goes on.
 */
export const mergeHere: Merger = async (request, files) => {
  await loadParquet();
  const sources = await openSources(request, files);
  const cursors = sources.map(({ cursor }) => cursor).sort((a, b) => a.firstTime - b.firstTime);
  const origin = mergedOrigin(request, sources);
  const rowCount = cursors.reduce((sum, cursor) => sum + cursor.rowCount, 0);
  const rows = new MergedRows(request.day, { cursors, rowCount });
  const [first] = sources;
  assert(first !== undefined, "a merge has sources");
  const properties = writerProperties({
    encodings: encodingsOf(first.cursor.file),
    metadata: metadataFor(request, origin),
  }, Math.min(ROW_GROUP_ROWS, rowsIn(ROW_GROUP_BYTES, cursors)));
  const written = await writeAll(rows, { properties, files });
  assert(rows.writtenCount === rowCount, "a merged file has the rows of its sources");
  return { rowCount, ...written, ...rows.bounds, filter: rows.filter.bytes };
};

interface OpenSource {
  readonly cursor: MergeCursor;
  readonly origin: MergedOrigin;
}

async function openSources(
  { day, sources }: MergeRequest,
  files: MergeFiles,
): Promise<readonly OpenSource[]> {
  const opened: OpenSource[] = [];
  for (const [index, source] of sources.entries()) {
    try {
      const file = await openParquet(
        source.bytes,
        (start, end) => files.read(index, { start, end }),
      );
      const cursor = await MergeCursor.open(file, day);
      const { rowCount } = cursor;
      opened.push({ cursor, origin: originOf(source, { metadata: metadataOf(file), rowCount }) });
    } catch (error) {
      throw unreadable(source, error);
    }
  }
  return opened;
}

function unreadable({ sequence }: { readonly sequence: number }, error: unknown): Error {
  return damagedError(
    `A file of commit ${sequence} cannot be merged: ${messageOf(error)}. See orilla verify`,
    error,
  );
}

function mergedOrigin(
  { sources }: MergeRequest,
  opened: readonly OpenSource[],
): MergedOrigin {
  const taken = sources.filter(({ isMerged }) => isMerged);
  return {
    commits: opened.flatMap(({ origin }) => origin.commits),
    merged: [
      ...opened.flatMap(({ origin }) => origin.merged),
      ...taken.map(({ instanceId, sequence, stagedAtMs }) => ({
        instanceId,
        sequence,
        stagedAtMs,
      })),
    ],
  };
}

function metadataFor({ version, protection }: MergeRequest, origin: MergedOrigin) {
  return [
    ["orilla.version", version],
    [MERGED_METADATA, mergedText(origin)],
    ...(protection === null ? [] : [[PROTECTION_METADATA, protection] as const]),
  ] as const;
}

/** How many rows about so many bytes are, at least some. */
function rowsIn(bytes: number, cursors: readonly MergeCursor[]): number {
  const rowBytes = cursors.reduce((most, cursor) => Math.max(most, cursor.rowBytes), 1);
  return Math.max(64, Math.floor(bytes / rowBytes));
}

/** The rows of all sources in the order of their times, batch by batch. */
class MergedRows {
  readonly filter: IdFilter;
  writtenCount = 0;
  readonly #day: number;
  /** By the time of their first row; those that are read already are taken out. */
  #waiting: MergeCursor[];
  #active: MergeCursor[] = [];
  #first: number | null = null;
  #last = 0;

  constructor(day: number, { cursors, rowCount }: {
    readonly cursors: readonly MergeCursor[];
    readonly rowCount: number;
  }) {
    this.#day = day;
    this.#waiting = cursors.filter((cursor) => cursor.rowCount > 0);
    this.filter = new IdFilter(rowCount);
  }

  /** The smallest and the largest time, microseconds since 1970-01-01 UTC. */
  get bounds() {
    const midnight = BigInt(this.#day) * BigInt(MICROSECONDS_A_DAY);
    return {
      minTsMicroseconds: midnight + BigInt(this.#first ?? 0),
      maxTsMicroseconds: midnight + BigInt(this.#last),
    };
  }

  async *batches(): AsyncGenerator<RecordBatch> {
    while (this.#waiting.length + this.#active.length > 0) {
      const bound = await this.#readToBound();
      const taken = this.#active.flatMap((cursor) => cursor.takeUpTo(bound));
      this.#active = this.#active.filter((cursor) => cursor.hasRows || cursor.hasMore);
      yield* this.#inOrder(taken);
    }
  }

  /**
   * Reads on wherever nothing is in memory.
   *
   * @returns a time before which no row is left that was not read
   */
  async #readToBound(): Promise<number> {
    for (;;) {
      const bound = this.#active.reduce(
        (least, cursor) => cursor.hasMore ? Math.min(least, cursor.lastTime) : least,
        Infinity,
      );
      const [next] = this.#waiting;
      const isStarved = this.#active.find((cursor) => !cursor.hasRows);
      if (isStarved === undefined && (next === undefined || next.firstTime > bound)) return bound;
      const toRead = isStarved ?? next;
      assert(toRead !== undefined, "there is a source to read");
      if (isStarved === undefined) this.#active.push(...this.#waiting.splice(0, 1));
      const share = DECODED_BYTES / this.#active.length;
      await toRead.readNext(Math.min(STEP_ROWS, rowsIn(share, [toRead])));
    }
  }

  *#inOrder(taken: readonly Taken[]): Generator<RecordBatch> {
    const lengths = taken.map(({ start, end }) => end - start);
    const times = new Float64Array(lengths.reduce((sum, length) => sum + length, 0));
    const ends: number[] = [];
    const pieces = new Uint16Array(times.length), rows = new Uint32Array(times.length);
    let at = 0;
    taken.forEach(({ piece, start, end }, index) => {
      times.set(piece.times.subarray(start, end), at);
      pieces.fill(index, at, at + end - start);
      for (let row = start; row < end; row++) rows[at++] = row;
      ends.push(at);
    });
    const order = mergedOrder(times, ends);
    this.#first ??= times[order[0] ?? 0] ?? null;
    this.#last = times[order[order.length - 1] ?? 0] ?? this.#last;
    for (let start = 0; start < order.length; start += STEP_ROWS) {
      const places = order.subarray(start, start + STEP_ROWS);
      yield this.#batchOf(taken, {
        pieces: Uint16Array.from(places, (place) => pieces[place] ?? 0),
        rows: Uint32Array.from(places, (place) => rows[place] ?? 0),
      });
    }
  }

  #batchOf(taken: readonly Taken[], gathering: Gathering): RecordBatch {
    const columns = gatheredColumns(taken, gathering);
    const ids = columns.find(({ name }) => name === "event_id")?.data;
    assert(ids !== undefined, "an event has an event_id");
    const texts = { bytes: ids.values, ends: ids.valueOffsets };
    for (let row = 0; row < ids.length; row++) this.filter.add(texts, row);
    this.writtenCount += ids.length;
    // Else its memory would be Rust's until the next collection, and they are rare.
    using table = tableOf(parquetTable(columns, new Map()).stream);
    const [batch] = table.recordBatches();
    assert(batch !== undefined, "a table of rows has a batch");
    return batch;
  }
}

function gatheredColumns(taken: readonly Taken[], gathering: Gathering): readonly Column[] {
  const fields = taken[0]?.piece.fields ?? [];
  return fields.map(({ name, nullable: isNullable }, index): Column => {
    const from = taken.map(({ piece: { fields, columns } }) => {
      const column = columns[index];
      if (column === undefined || fields[index]?.name !== name) {
        throw damagedError(`Files of one date have other columns than each other: ${name}`);
      }
      return column;
    });
    return { name, isNullable, data: gatheredColumn(from, gathering) };
  });
}

/**
 * Encodes batches and writes the file as it grows, a row group at a time. A failure ends the batches; Rust, which
 * would end by a panic, is not told.
 */
async function writeAll(
  rows: MergedRows,
  { properties, files }: { readonly properties: WriterProperties; readonly files: MergeFiles },
): Promise<{ readonly bytes: number; readonly checksum: string }> {
  const hash = createHash("sha256");
  const batches = rows.batches();
  // Rust waits for the first one, and would panic without.
  const first = await batches.next();
  assert(first.done !== true, "a merge has rows");
  let begun = false, bytes = 0, failure: unknown = null;
  const unlessFailed = async <T>(action: () => Promise<T>): Promise<T | null> => {
    if (failure !== null) return null;
    return await action().catch((error) => {
      failure ??= error;
      return null;
    });
  };
  const stream = new ReadableStream<RecordBatch>({
    pull: async (controller) => {
      await turn();
      const next = begun ? await unlessFailed(() => batches.next()) : first;
      begun = true;
      if (next === null || next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
  }, { highWaterMark: 0 });
  const encoded: ReadableStream<Uint8Array> = await transformParquetStream(stream, properties);
  for await (const part of encoded) {
    hash.update(part);
    bytes += part.length;
    await unlessFailed(() => files.write(new Uint8Array(part)));
  }
  if (failure !== null) throw failure;
  return { bytes, checksum: hash.digest("hex") };
}

/** Lets other work of this thread go first. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
