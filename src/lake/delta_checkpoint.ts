import {
  Bool,
  type Data,
  Field,
  Int64,
  List,
  makeData,
  Map_,
  MapRow,
  Struct,
  StructRow,
  type Table,
  tableFromIPC,
  Utf8,
  Vector,
} from "apache-arrow";
import { readParquet } from "parquet-wasm";
import { type Action, parseAction } from "../core/delta_actions.ts";
import { int32Column, int64Column, utf8Column, validityOf } from "./arrow_columns.ts";
import { type Column, type ParquetTable, parquetTable } from "./parquet_table.ts";

type Texts = Readonly<Record<string, string | null>>;

/**
 * The checkpoint of a log (PROTOCOL.md, "Checkpoint Schema"): a column for each kind of action, one of them filled in
 * each row.
 */
export function checkpointTable(actions: readonly Action[]): ParquetTable {
  return parquetTable([
    { name: "txn", isNullable: true, data: txnColumn(actions.map(({ txn }) => txn ?? null)) },
    { name: "add", isNullable: true, data: addColumn(actions.map(({ add }) => add ?? null)) },
    {
      name: "remove",
      isNullable: true,
      data: removeColumn(actions.map(({ remove }) => remove ?? null)),
    },
    {
      name: "metaData",
      isNullable: true,
      data: metaDataColumn(actions.map(({ metaData }) => metaData ?? null)),
    },
    {
      name: "protocol",
      isNullable: true,
      data: protocolColumn(actions.map(({ protocol }) => protocol ?? null)),
    },
  ], new Map());
}

type Rows<K extends keyof Action> = readonly (NonNullable<Action[K]> | null)[];

function txnColumn(rows: Rows<"txn">): Data {
  return structColumn(rows, [
    required("appId", textData(rows, (txn) => txn.appId)),
    required("version", longData(rows, (txn) => txn.version)),
    optional("lastUpdated", maybeLongData(rows, (txn) => txn.lastUpdated)),
  ]);
}

function addColumn(rows: Rows<"add">): Data {
  return structColumn(rows, [
    required("path", textData(rows, (add) => add.path)),
    required("partitionValues", mapData(rows, (add) => add.partitionValues)),
    required("size", longData(rows, (add) => add.size)),
    required("modificationTime", longData(rows, (add) => add.modificationTime)),
    required("dataChange", boolData(rows, (add) => add.dataChange)),
    optional("stats", maybeTextData(rows, (add) => add.stats)),
    optional("tags", mapData(rows, (add) => add.tags)),
  ]);
}

function removeColumn(rows: Rows<"remove">): Data {
  return structColumn(rows, [
    required("path", textData(rows, (remove) => remove.path)),
    optional("deletionTimestamp", maybeLongData(rows, (remove) => remove.deletionTimestamp)),
    required("dataChange", boolData(rows, (remove) => remove.dataChange)),
    optional(
      "extendedFileMetadata",
      boolData(rows, (remove) => remove.extendedFileMetadata ?? false),
    ),
    optional("partitionValues", mapData(rows, (remove) => remove.partitionValues)),
    optional("size", maybeLongData(rows, (remove) => remove.size)),
  ]);
}

function metaDataColumn(rows: Rows<"metaData">): Data {
  const format = structColumn(rows, [
    required("provider", textData(rows, (metaData) => metaData.format.provider)),
    required("options", mapData(rows, (metaData) => metaData.format.options ?? {})),
  ]);
  return structColumn(rows, [
    required("id", textData(rows, (metaData) => metaData.id)),
    optional("name", maybeTextData(rows, (metaData) => metaData.name)),
    optional("description", maybeTextData(rows, (metaData) => metaData.description)),
    required("format", format),
    required("schemaString", textData(rows, (metaData) => metaData.schemaString)),
    required("partitionColumns", listData(rows, (metaData) => metaData.partitionColumns)),
    optional("createdTime", maybeLongData(rows, (metaData) => metaData.createdTime)),
    required("configuration", mapData(rows, (metaData) => metaData.configuration)),
  ]);
}

function protocolColumn(rows: Rows<"protocol">): Data {
  const integers = (of: (protocol: NonNullable<Action["protocol"]>) => number) =>
    int32Column(Int32Array.from(rows, (row) => row === null ? 0 : of(row)));
  return structColumn(rows, [
    required("minReaderVersion", integers((protocol) => protocol.minReaderVersion)),
    required("minWriterVersion", integers((protocol) => protocol.minWriterVersion)),
  ]);
}

function required(name: string, data: Data): Column {
  return { name, data, isNullable: false };
}

function optional(name: string, data: Data): Column {
  return { name, data, isNullable: true };
}

function structColumn(rows: readonly unknown[], columns: readonly Column[]): Data {
  const type = new Struct(
    columns.map(({ name, data, isNullable }) => new Field(name, data.type, isNullable)),
  );
  const { bitmap: nullBitmap, nullCount } = validityOf(rows.length, (row) => rows[row] !== null);
  const children = columns.map(({ data }) => data);
  return makeData({ type, length: rows.length, nullCount, nullBitmap, children });
}

/** Rows of another kind hold an empty text, which nobody sees below their null. */
function textData<Row>(rows: readonly (Row | null)[], of: (row: Row) => string): Data {
  return utf8Column(rows.map((row) => row === null ? "" : of(row)));
}

function maybeTextData<Row>(
  rows: readonly (Row | null)[],
  of: (row: Row) => string | null | undefined,
): Data {
  return utf8Column(rows.map((row) => row === null ? null : of(row) ?? null));
}

function longData<Row>(rows: readonly (Row | null)[], of: (row: Row) => number): Data {
  return int64Column(BigInt64Array.from(rows, (row) => BigInt(row === null ? 0 : of(row))));
}

function maybeLongData<Row>(
  rows: readonly (Row | null)[],
  of: (row: Row) => number | null | undefined,
): Data {
  const values = rows.map((row) => row === null ? null : of(row) ?? null);
  const { bitmap: nullBitmap, nullCount } = validityOf(rows.length, (row) => values[row] !== null);
  const data = BigInt64Array.from(values, (value) => BigInt(value ?? 0));
  return makeData({ type: new Int64(), length: rows.length, nullCount, nullBitmap, data });
}

function boolData<Row>(rows: readonly (Row | null)[], of: (row: Row) => boolean): Data {
  const { length } = rows;
  const { bitmap: data } = validityOf(length, (i) => {
    const row = rows[i] ?? null;
    return row !== null && of(row);
  });
  return makeData({ type: new Bool(), length, nullCount: 0, data });
}

/** A column of texts by name; where there is no such value it is null. */
function mapData<Row>(
  rows: readonly (Row | null)[],
  of: (row: Row) => Texts | null | undefined,
): Data {
  const values = rows.map((row) => row === null ? null : of(row) ?? null);
  const pairs = values.flatMap((texts) => Object.entries(texts ?? {}));
  const entries = structColumn(pairs, [
    required("key", utf8Column(pairs.map(([key]) => key))),
    optional("value", utf8Column(pairs.map(([, value]) => value))),
  ]);
  const type = new Map_<Utf8, Utf8>(
    new Field("key_value", entries.type as Struct<{ key: Utf8; value: Utf8 }>, false),
  );
  const sizes = values.map((texts) => Object.keys(texts ?? {}).length);
  const { bitmap: nullBitmap, nullCount } = validityOf(rows.length, (row) => values[row] !== null);
  return makeData({
    type,
    length: rows.length,
    nullCount,
    nullBitmap,
    valueOffsets: offsetsOf(sizes),
    child: entries,
  });
}

function listData<Row>(rows: readonly (Row | null)[], of: (row: Row) => readonly string[]): Data {
  const values = rows.map((row) => row === null ? [] : of(row));
  const type = new List(new Field("element", new Utf8(), false));
  const child = utf8Column(values.flat());
  const valueOffsets = offsetsOf(values.map(({ length }) => length));
  return makeData({ type, length: rows.length, nullCount: 0, valueOffsets, child });
}

function offsetsOf(sizes: readonly number[]): Int32Array {
  const offsets = new Int32Array(sizes.length + 1);
  sizes.forEach((size, i) => offsets[i + 1] = (offsets[i] ?? 0) + size);
  return offsets;
}

/**
 * The actions of a checkpoint, whoever wrote it. `loadParquet` must have been called.
 *
 * @throws Error where the bytes are no checkpoint
 */
export function readCheckpoint(bytes: Uint8Array): readonly Action[] {
  const table: Table = tableFromIPC(readParquet(bytes).intoIPCStream());
  const kinds = ["protocol", "metaData", "txn", "remove", "add"] as const;
  return kinds.flatMap((kind) =>
    rowsOf(table.getChild(kind)).map((row) => parseAction({ [kind]: row }))
  );
}

/** The rows of a column of structs that are no null; column by column, which is faster than Arrow's own rows. */
function rowsOf(column: Vector | null): Record<string, unknown>[] {
  if (column === null) return [];
  const names = column.type.children.map(({ name }: Field) => name);
  const members = names.map((name: string) => [name, column.getChild(name)] as const);
  const rows: Record<string, unknown>[] = [];
  for (let i = 0; i < column.length; i++) {
    if (!column.isValid(i)) continue;
    const row: Record<string, unknown> = {};
    for (const [name, values] of members) row[name] = plain(values?.get(i));
    rows.push(row);
  }
  return rows;
}

/** A value of Arrow's as JSON has it. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Vector) return Array.from(value, plain);
  if (value instanceof StructRow || value instanceof MapRow) {
    const members = Object.entries<unknown>(value.toJSON());
    return Object.fromEntries(members.map(([key, member]) => [key, plain(member)]));
  }
  return value;
}
