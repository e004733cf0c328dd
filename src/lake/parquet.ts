import {
  type Data,
  RecordBatch,
  Schema,
  Struct,
  Table as ArrowTable,
  tableToIPC,
} from "apache-arrow";
import { Field, makeData } from "apache-arrow";
import initialize, {
  Compression,
  Encoding,
  Table,
  writeParquet,
  WriterPropertiesBuilder,
} from "parquet-wasm";
import wasm from "parquet-wasm/wasm" with { type: "bytes" };

/** A column to write: its name, and its values as Arrow data. */
export interface Column {
  readonly name: string;
  readonly data: Data;
  readonly isNullable: boolean;
  /** How Parquet writes the values; "dictionary" where nothing is said. */
  readonly encoding?: ColumnEncoding;
}

/**
 * Dictionary pays for columns of few distinct values. The others do for all-different ones: integers as the
 * differences of neighbours, texts by the beginning that they share with the one before.
 */
export type ColumnEncoding = "dictionary" | "integer_deltas" | "text_deltas";

let isReady: Promise<unknown> | null = null;

/** Loads the Parquet writer; once a process, before the first `encodeParquet`. */
export async function loadParquet(): Promise<void> {
  isReady ??= initialize({ module_or_path: wasm });
  await isReady;
}

/**
 * Encodes columns of equal length as one Parquet file with zstd.
 *
 * @param metadata the file's key-value metadata
 */
export function encodeParquet(
  columns: readonly Column[],
  metadata: ReadonlyMap<string, string>,
): Uint8Array {
  const fields = columns.map(({ name, data, isNullable }) =>
    new Field(name, data.type, isNullable)
  );
  const schema = new Schema(fields);
  const length = columns[0]?.data.length ?? 0;
  const children = columns.map(({ data }) => data);
  const struct = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const batch = new RecordBatch(schema, struct);
  const properties = withEncodings(columns)
    .setCompression(Compression.ZSTD)
    .setKeyValueMetadata(new Map(metadata))
    .build();
  return writeParquet(Table.fromIPCStream(tableToIPC(new ArrowTable(batch), "stream")), properties);
}

function withEncodings(columns: readonly Column[]): WriterPropertiesBuilder {
  let builder = new WriterPropertiesBuilder();
  for (const { name, encoding = "dictionary" } of columns) {
    if (encoding === "dictionary") continue;
    builder = builder
      .setColumnDictionaryEnabled(name, false)
      .setColumnEncoding(
        name,
        encoding === "integer_deltas" ? Encoding.DELTA_BINARY_PACKED : Encoding.DELTA_BYTE_ARRAY,
      );
  }
  return builder;
}
