import { parquetRead, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";

/** A row of the lake, as a reader that orilla does not use sees it. */
export interface LakeRow {
  /** The date of the folder. */
  readonly date: string;
  readonly file: string;
  readonly event_id: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly ts: bigint;
  readonly usuario_id: bigint;
  readonly accion: string | null;
  readonly monto: number;
  readonly processing_ts: bigint;
  readonly extra: string | null;
  readonly kafka_partition: number;
  readonly kafka_offset: bigint;
}

/** A dead letter. */
export interface DeadLetterRow {
  readonly file: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly record_timestamp: bigint;
  readonly key: Uint8Array | null;
  readonly headers: readonly { readonly name: string; readonly value: Uint8Array | null }[];
  readonly value: Uint8Array | null;
  readonly reason: string;
  readonly path: string | null;
  readonly event_id: string | null;
  readonly rejected_at: bigint;
  readonly stage: string;
  readonly attempts: number;
  /** The key that key, value and headers are encrypted with; null where they are in clear. */
  readonly key_id: string | null;
}

/** Rows of all published files. */
export function readLake(outDir: string): Promise<LakeRow[]> {
  return readFolders(outDir, (file, row) => ({ ...row, date: file.slice(5, 15), file }) as LakeRow);
}

/** Rows of all dead-letter files. */
export async function readDeadLetters(outDir: string): Promise<DeadLetterRow[]> {
  const folder = `${outDir}/_dead_letters`;
  return await readFolders(folder, (file, row) => ({ ...row, file }) as DeadLetterRow);
}

async function readFolders<Row>(
  root: string,
  toRow: (file: string, row: Record<string, unknown>) => Row,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const folder of await names(root)) {
    if (!/^date=\d{4}-\d\d-\d\d$/.test(folder)) continue;
    for (const name of await names(`${root}/${folder}`)) {
      if (!name.endsWith(".parquet")) continue;
      const file = `${folder}/${name}`;
      for (const row of await readParquetFile(`${root}/${file}`)) rows.push(toRow(file, row));
    }
  }
  return rows;
}

/** Rows of one Parquet file; timestamps as microseconds, byte arrays as bytes. */
export async function readParquetFile(path: string): Promise<Record<string, unknown>[]> {
  return await readParquet(await Deno.readFile(path));
}

/** The same of the bytes of a file. */
export async function readParquet(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({ file: Uint8Array.from(bytes).buffer, ...READING });
}

/** Some columns of one Parquet file, each a list of its values: without an object for any row. */
export async function readColumns<Name extends string>(
  path: string,
  names: readonly Name[],
): Promise<ReadonlyMap<Name, readonly unknown[]>> {
  const bytes = await Deno.readFile(path);
  const columns = new Map(names.map((name) => [name, [] as unknown[]]));
  await parquetRead({
    file: bytes.buffer,
    ...READING,
    columns: [...names],
    onChunk: ({ columnName, columnData }) => {
      const column = columns.get(columnName as Name);
      for (const value of columnData) column?.push(value);
    },
  });
  return columns;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const READING = {
  compressors,
  utf8: false,
  parsers: {
    timestampFromMicroseconds: (value: bigint) => value,
    timestampFromMilliseconds: (value: bigint) => value * 1000n,
    timestampFromNanoseconds: (value: bigint) => value / 1000n,
    dateFromDays: (value: number) => value,
    stringFromBytes: (value: Uint8Array) => value && decoder.decode(value),
  },
};

/** Files in OUT_DIR that a finished run does not leave: anything staged, or of an unknown name. */
export async function strayFiles(outDir: string): Promise<string[]> {
  const strays: string[] = [];
  const expected = /^(metrics\.txt|checkpoint\.(sqlite(-wal|-shm)?|lock(-journal)?))$/;
  const data = /^(_dead_letters\/)?date=\d{4}-\d\d-\d\d\/(events|dead_letters)_[\w]+\.parquet$/;
  const table = /^_delta_log\/(\d{20}\.(json|checkpoint\.parquet)|_last_checkpoint)$/;
  for (const path of await filesBelow(outDir, "")) {
    if (![expected, data, table].some((known) => known.test(path))) strays.push(path);
  }
  return strays;
}

async function filesBelow(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    if (isDirectory) paths.push(...await filesBelow(root, `${folder}${name}/`));
    else paths.push(`${folder}${name}`);
  }
  return paths;
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
