import initialize, {
  Compression,
  Encoding,
  Table,
  writeParquet,
  type WriterProperties,
  WriterPropertiesBuilder,
} from "parquet-wasm";
import wasm from "parquet-wasm/wasm" with { type: "bytes" };
import { assert } from "../core/errors.ts";
import type { ParquetTable } from "./parquet_table.ts";

let isReady: Promise<unknown> | null = null;

/** Loads Rust's Parquet reader and writer; once a process, before the first use of either. */
export async function loadParquet(): Promise<void> {
  isReady ??= load();
  await isReady;
}

async function load(): Promise<void> {
  await initialize({ module_or_path: wasm });
  // The code is compiled: a module's bytes would stay for as long as the thread.
  wasm.buffer.transfer(0);
}

/** Encodes a table as one Parquet file with zstd, and frees its stream. `loadParquet` must have been called. */
export function encodeParquet(
  { stream, ...properties }: ParquetTable,
): Uint8Array<ArrayBuffer> {
  const table = tableOf(stream);
  const { buffer } = writeParquet(table, writerProperties(properties));
  assert(buffer instanceof ArrayBuffer, "a Parquet file has memory of its own");
  return new Uint8Array(buffer);
}

/** Rust's table of an Arrow IPC stream, whose memory is freed. */
export function tableOf(stream: Uint8Array<ArrayBuffer>): Table {
  const table = Table.fromIPCStream(stream);
  // Collections are rare in a thread that makes little else; until the next one this memory would pile up.
  stream.buffer.transfer(0);
  return table;
}

/**
 * How files of orilla's are written.
 *
 * @param maxRowGroupRows left out for the writer's own choice, a million
 */
export function writerProperties(
  { encodings, metadata }: Pick<ParquetTable, "encodings" | "metadata">,
  maxRowGroupRows?: number,
): WriterProperties {
  let builder = new WriterPropertiesBuilder();
  for (const [name, encoding] of encodings) {
    builder = builder
      .setColumnDictionaryEnabled(name, false)
      .setColumnEncoding(
        name,
        encoding === "integer_deltas" ? Encoding.DELTA_BINARY_PACKED : Encoding.DELTA_BYTE_ARRAY,
      );
  }
  if (maxRowGroupRows !== undefined) builder = builder.setMaxRowGroupSize(maxRowGroupRows);
  return builder
    .setCompression(Compression.ZSTD)
    .setKeyValueMetadata(new Map(metadata))
    .build();
}
