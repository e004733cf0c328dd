import {
  type Data,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
} from "apache-arrow";
import { assert } from "../core/errors.ts";

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

/** What becomes one Parquet file, in a form that another thread can be given. */
export interface ParquetTable {
  /** The rows as an Arrow IPC stream (arrow.apache.org, "IPC Streaming Format"). */
  readonly stream: Uint8Array<ArrayBuffer>;
  /** By column, where it is not the dictionary. */
  readonly encodings: readonly (readonly [column: string, encoding: ColumnEncoding])[];
  /** The file's key-value metadata. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
}

/** Makes a table of columns of equal length. */
export function parquetTable(
  columns: readonly Column[],
  metadata: ReadonlyMap<string, string>,
): ParquetTable {
  const fields = columns.map(({ name, data, isNullable }) =>
    new Field(name, data.type, isNullable)
  );
  const schema = new Schema(fields);
  const length = columns[0]?.data.length ?? 0;
  const children = columns.map(({ data }) => data);
  const struct = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const encodings = columns.flatMap(({ name, encoding = "dictionary" }) =>
    encoding === "dictionary" ? [] : [[name, encoding] as const]
  );
  const { buffer, byteLength } = tableToIPC(new Table(new RecordBatch(schema, struct)), "stream");
  assert(
    buffer instanceof ArrayBuffer && buffer.byteLength === byteLength,
    "an Arrow IPC stream has memory of its own, which can be given away",
  );
  return { stream: new Uint8Array(buffer), encodings, metadata: [...metadata] };
}
