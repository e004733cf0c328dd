import type { Data, Field, RecordBatch } from "apache-arrow";
import { countUpTo } from "../core/sorted_runs.ts";
import { MICROSECONDS_A_DAY } from "../core/timestamp.ts";
import { type OpenParquet, readRows, sizesOf } from "./parquet_ranges.ts";

/** Decoded rows of one source, in the order of their times. */
export interface Piece {
  readonly fields: readonly Field[];
  readonly columns: readonly Data[];
  /** Microseconds since midnight of the lake partition's day. */
  readonly times: Float64Array;
}

/** Rows of a piece that are next in the merged file. */
export interface Taken {
  readonly piece: Piece;
  readonly start: number;
  readonly end: number;
}

/** One source of a merge, read a stretch of rows at a time. */
export class MergeCursor {
  readonly file: OpenParquet;
  readonly rowCount: number;
  /** About how many bytes a row has, decoded. */
  readonly rowBytes: number;
  /** The time of its first row, microseconds since midnight. */
  readonly firstTime: number;
  readonly #day: number;
  #readCount = 0;
  #pieces: Piece[] = [];
  /** Rows of the first piece that were taken. */
  #taken = 0;
  #lastTime: number;

  private constructor(file: OpenParquet, { day, firstTime }: {
    readonly day: number;
    readonly firstTime: number;
  }) {
    const { rowCount, bytes } = sizesOf(file);
    this.file = file;
    this.rowCount = rowCount;
    this.rowBytes = bytes / Math.max(1, rowCount) + FIXED_BYTES;
    this.firstTime = firstTime;
    this.#day = day;
    this.#lastTime = firstTime;
  }

  /** @param day the lake partition of its rows */
  static async open(file: OpenParquet, day: number): Promise<MergeCursor> {
    const [batch] = await readRows(file, { columns: ["ts"], limit: 1 });
    const firstTime = batch === undefined ? 0 : timesOf(batch, day)[0] ?? 0;
    return new MergeCursor(file, { day, firstTime });
  }

  /** Whether rows are in memory. */
  get hasRows(): boolean {
    return this.#pieces.length > 0;
  }

  /** Whether there are rows that were not read yet. */
  get hasMore(): boolean {
    return this.#readCount < this.rowCount;
  }

  /** The time of the last row in memory: what was not read yet is not before it. */
  get lastTime(): number {
    return this.#lastTime;
  }

  /**
   * Reads the next rows.
   *
   * @throws where the rows are not in the order of their times, as those of every file of orilla's are
   */
  async readNext(limit: number): Promise<void> {
    const count = Math.min(limit, this.rowCount - this.#readCount);
    const batches = await readRows(this.file, { offset: this.#readCount, limit: count });
    let readCount = 0;
    for (const batch of batches) {
      const { schema: { fields }, data: { children: columns } } = batch;
      const piece = { fields, columns, times: timesOf(batch, this.#day) };
      for (const time of piece.times) {
        if (time < this.#lastTime) throw new Error("its rows are not in the order of their ts");
        this.#lastTime = time;
      }
      this.#pieces.push(piece);
      readCount += batch.numRows;
    }
    if (readCount !== count) {
      throw new Error(`it has ${readCount} rows where ${count} were expected`);
    }
    this.#readCount += count;
  }

  /** Takes the rows up to a time, that of the last of them included. */
  takeUpTo(bound: number): Taken[] {
    const taken: Taken[] = [];
    for (;;) {
      const [piece] = this.#pieces;
      if (piece === undefined) return taken;
      const start = this.#taken;
      const end = start + countUpTo(piece.times, { start, bound });
      if (end > start) taken.push({ piece, start, end });
      this.#taken = end;
      if (end < piece.times.length) return taken;
      this.#pieces.shift();
      this.#taken = 0;
    }
  }
}

/** Bytes of a row's columns of fixed width, which are encoded smaller than that. */
const FIXED_BYTES = 60;
const WORD = 2 ** 32;

/** Exact for every date, since only differences are computed; times themselves are beyond 2^53 in far years. */
function timesOf(batch: RecordBatch, day: number): Float64Array {
  const values: unknown = batch.getChild("ts")?.data[0]?.values;
  if (!(values instanceof BigInt64Array)) throw new Error("it has no ts of 64 bits");
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * batch.numRows);
  const midnight = new Int32Array(
    BigInt64Array.of(BigInt(day) * BigInt(MICROSECONDS_A_DAY)).buffer,
  );
  const low = (midnight[0] ?? 0) >>> 0, high = midnight[1] ?? 0;
  const times = new Float64Array(batch.numRows);
  for (let i = 0; i < times.length; i++) {
    times[i] = ((words[2 * i + 1] ?? 0) - high) * WORD + (((words[2 * i] ?? 0) >>> 0) - low);
  }
  return times;
}
