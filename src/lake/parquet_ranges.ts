import { type RecordBatch, tableFromIPC } from "apache-arrow";
import { Encoding, ParquetFile, type ReaderOptions } from "parquet-wasm";
import type { ColumnEncoding } from "./parquet_table.ts";

/** Reads the bytes of a file from `start` up to, not including, `end`. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array<ArrayBuffer>>;

/** A Parquet file of which only those parts are read that are asked for. */
export interface OpenParquet {
  readonly file: ParquetFile;
  readonly reads: Reads;
}

/** @param bytes the file's length; `loadParquet` must have been called */
export async function openParquet(bytes: number, read: ReadRange): Promise<OpenParquet> {
  const reads = new Reads(read);
  const file = await reads.guarding(() =>
    ParquetFile.fromFile(new RangeBlob({ start: 0, end: bytes }, reads))
  );
  return { file, reads };
}

/**
 * Reads that do not fail before Rust's eyes: its reader would end by a panic, and with it all that this thread has of
 * it; so it does with bytes that are no Parquet. It is left waiting, with what it holds of that file, and whoever asked
 * it gets the failure.
 */
class Reads {
  readonly #read: ReadRange;
  readonly #failed = Promise.withResolvers<never>();

  constructor(read: ReadRange) {
    this.#read = read;
    // A failure is for whoever asks for something of the file, and need not be noticed by anybody.
    this.#failed.promise.catch(() => {});
  }

  async bytes(start: number, end: number): Promise<ArrayBuffer> {
    try {
      const { buffer, length } = await this.#read(start, end);
      if (length !== end - start) throw new Error(`it has ${length} bytes from ${start} to ${end}`);
      return buffer;
    } catch (error) {
      this.#failed.reject(error);
      return await new Promise<never>(() => {});
    }
  }

  /** Does something with the file; throws what a read meanwhile, or before, failed with. */
  guarding<T>(action: () => Promise<T>): Promise<T> {
    return Promise.race([this.#failed.promise, action()]);
  }
}

/** What Rust's reader takes for a file: it asks for slices, and for the bytes of these. */
class RangeBlob extends Blob {
  readonly #start: number;
  readonly #end: number;
  readonly #reads: Reads;

  constructor({ start, end }: { readonly start: number; readonly end: number }, reads: Reads) {
    super([]);
    this.#start = start;
    this.#end = end;
    this.#reads = reads;
  }

  override get size(): number {
    return this.#end - this.#start;
  }

  override slice(start = 0, end = this.size): Blob {
    return new RangeBlob({ start: this.#start + start, end: this.#start + end }, this.#reads);
  }

  override arrayBuffer(): Promise<ArrayBuffer> {
    return this.#reads.bytes(this.#start, this.#end);
  }
}

/** Some rows of a file, decoded: usually one batch, more where they lie in several row groups. */
export async function readRows(
  { file, reads }: OpenParquet,
  options: ReaderOptions & { readonly limit: number },
): Promise<readonly RecordBatch[]> {
  const table = await reads.guarding(() => file.read({ batchSize: options.limit, ...options }));
  return tableFromIPC(table.intoIPCStream()).batches.filter(({ numRows }) => numRows > 0);
}

/** All rows of one row group, decoded. */
export async function readRowGroup(
  parquet: OpenParquet,
  { group, columns }: { readonly group: number; readonly columns: string[] },
): Promise<readonly RecordBatch[]> {
  const limit = parquet.file.metadata().rowGroup(group).numRows();
  return await readRows(parquet, { rowGroups: [group], columns, limit });
}

/** How the columns of a file are encoded, in the terms that it was written with. */
export function encodingsOf(
  { file }: OpenParquet,
): readonly (readonly [column: string, encoding: ColumnEncoding])[] {
  const metadata = file.metadata();
  if (metadata.numRowGroups() === 0) return [];
  return metadata.rowGroup(0).columns().flatMap((column) => {
    const encoding = encodingIn(column.encodings());
    return encoding === "dictionary" ? [] : [[column.columnPath().join("."), encoding] as const];
  });
}

function encodingIn(used: readonly Encoding[]): ColumnEncoding {
  if (used.includes(Encoding.DELTA_BINARY_PACKED)) return "integer_deltas";
  return used.includes(Encoding.DELTA_BYTE_ARRAY) ? "text_deltas" : "dictionary";
}

/** The key-value metadata of a file. */
export function metadataOf({ file }: OpenParquet): ReadonlyMap<string, unknown> {
  return file.metadata().fileMetadata().keyValueMetadata();
}

/** Rows of a file, and about how many bytes they have decoded. */
export function sizesOf(
  { file }: OpenParquet,
): { readonly rowCount: number; readonly bytes: number } {
  const metadata = file.metadata();
  const bytes = metadata.rowGroups().reduce((sum, group) => sum + group.totalByteSize(), 0);
  return { rowCount: metadata.fileMetadata().numRows(), bytes };
}

/** How many row groups a file has. */
export function groupCountOf({ file }: OpenParquet): number {
  return file.metadata().numRowGroups();
}
