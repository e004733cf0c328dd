import initialize, {
  Compression,
  Encoding,
  Table,
  writeParquet,
  WriterPropertiesBuilder,
} from "parquet-wasm";
import wasm from "parquet-wasm/wasm" with { type: "bytes" };
import type { ParquetTable } from "./parquet_table.ts";

let isReady: Promise<unknown> | null = null;

/** Loads Rust's Parquet reader and writer; once a process, before the first use of either. */
export async function loadParquet(): Promise<void> {
  isReady ??= initialize({ module_or_path: wasm });
  await isReady;
}

/** Encodes a table as one Parquet file with zstd. `loadParquet` must have been called. */
export function encodeParquet({ stream, encodings, metadata }: ParquetTable): Uint8Array {
  let builder = new WriterPropertiesBuilder();
  for (const [name, encoding] of encodings) {
    builder = builder
      .setColumnDictionaryEnabled(name, false)
      .setColumnEncoding(
        name,
        encoding === "integer_deltas" ? Encoding.DELTA_BINARY_PACKED : Encoding.DELTA_BYTE_ARRAY,
      );
  }
  const properties = builder
    .setCompression(Compression.ZSTD)
    .setKeyValueMetadata(new Map(metadata))
    .build();
  return writeParquet(Table.fromIPCStream(stream), properties);
}
