import type { Batch } from "../core/batch.ts";
import type { Deduped } from "../core/dedupe.ts";
import type { RejectedRecords } from "../core/rejected_records.ts";
import type { SplitBatch } from "../core/split.ts";
import type { ParquetTable } from "./parquet_table.ts";
import type { Protection } from "./protection.ts";

/** Makes a Parquet file of a table, whose stream it may take away. */
export type TableEncoder = (table: ParquetTable) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Makes files of batches and tables, in this thread or in another. Rejects with an error that cannot pass where
 * something cannot be written.
 */
export interface Encoder {
  readonly encode: TableEncoder;
  /** Takes a batch in, which must stay as it is until what it gave is disposed. */
  readonly take: (batch: Batch, how: BatchTreatment) => Promise<BatchEncoding>;
}

/** How a batch is treated. */
export interface BatchTreatment {
  /** Key of the hashes of event ids. */
  readonly idKey: Uint32Array;
  readonly protection: Protection;
}

/** A batch that an encoder has taken in: what becomes of it needs its columns, and neither checkpoint nor disk. */
export interface BatchEncoding extends Disposable {
  /** The hashes of the batch's event ids, in their order, each once; `split` may take them away. */
  readonly hashes: Uint32Array;
  /**
   * Splits the batch; once, and before its events are encoded.
   *
   * @param isSeen for each of the hashes, 1 where earlier commits accepted it, else 0
   */
  split(isSeen: Uint8Array): Promise<EncodableBatch>;
  /** The file of one lake partition, by its place in what `split` gave. */
  encodeEvents(place: number, origin: FileOrigin): Promise<EncodedFile>;
  /** The file of the batch's dead letters. */
  encodeLetters(letters: RejectedRecords, origin: FileOrigin): Promise<EncodedFile>;
  /** Whether some rows can be written. */
  canEncode(rows: Int32Array, origin: FileOrigin): Promise<boolean>;
}

/** What an encoder tells of a batch that it split; the rows of its lake partitions it keeps. */
export interface EncodableBatch extends Deduped, Omit<SplitBatch, "groups"> {
  /** The lake partitions of the fresh rows, earliest date first. */
  readonly groups: readonly EncodableRows[];
}

/** The fresh rows of one lake partition. */
export interface EncodableRows {
  /** Days since 1970-01-01 UTC. */
  readonly day: number;
  readonly rowCount: number;
  /** Their first and last time, microseconds since 1970-01-01 UTC. */
  readonly bounds: readonly [min: bigint, max: bigint];
}

/** Where a file comes from. */
export interface FileOrigin {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly stagedAtMs: number;
  /** Its key-value metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A file as it is to be written. */
export interface EncodedFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
  /** A filter of its event ids, see id_filter.ts. */
  readonly filter: Uint8Array<ArrayBuffer>;
}

const none = () => Promise.reject(new Error("Assertion failed: this mode has an encoder"));

/** For modes that write no Parquet, which do without the thread that would make it. */
export const noEncoder: Encoder = { encode: none, take: none };
