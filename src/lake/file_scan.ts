import type { Data, RecordBatch } from "apache-arrow";
import type { MergedOrigin, RowOrigin } from "../core/compaction.ts";
import { damagedError, messageOf } from "../core/errors.ts";
import type { FileKind } from "../core/lake_path.ts";
import { textColumn } from "./file_content.ts";
import { originOf } from "./merged_metadata.ts";
import type { MergeSource } from "./merger.ts";
import {
  groupCountOf,
  metadataOf,
  type OpenParquet,
  openParquet,
  readRowGroup,
  readRows,
  sizesOf,
} from "./parquet_ranges.ts";
import type { LakeFiles } from "./storage.ts";

/** What is to be known of a file before it is read: what its name says, and where it lies. */
export interface FileToScan extends Omit<MergeSource, "bytes"> {
  readonly kind: FileKind;
  /** Relative to OUT_DIR. */
  readonly path: string;
  /** Whether it is told where the rows come from. */
  readonly withOrigins?: boolean;
}

/** Rows of a file, some of its many. */
export interface ScannedRows {
  /** The event ids, null where a dead letter has none. */
  readonly eventIds: readonly (string | null)[];
  /** The reasons of dead letters; empty for events. */
  readonly reasons: readonly string[];
  /** When the events were staged, milliseconds since 1970-01-01 UTC; empty for dead letters. */
  readonly stagedAtMs: readonly number[];
  /** Where the events come from; empty where that was not asked for. */
  readonly origins: readonly RowOrigin[];
}

/** What a file says as a whole. */
export interface FileSummary {
  readonly rowCount: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
  /** Smallest and largest ts (time of rejection for dead letters), microseconds since 1970-01-01 UTC. */
  readonly minTsMicroseconds: bigint;
  readonly maxTsMicroseconds: bigint;
  /** The commits of its rows: one, or those of all files that were merged into it. */
  readonly origin: MergedOrigin;
}

/**
 * Reads a file of orilla's row group by row group, so that memory does not depend on its size. `loadParquet` must
 * have been called.
 *
 * @throws OrillaError with exit code 3 where it is not a Parquet file that orilla wrote
 */
export async function scanFile(
  files: LakeFiles,
  file: FileToScan,
  onRows: (rows: ScannedRows) => void,
): Promise<FileSummary> {
  const { path, kind } = file;
  const checksum = await files.checksum(path);
  try {
    const { parquet, bytes, origin } = await openFile(files, file);
    const { rowCount } = sizesOf(parquet);
    const groupCount = groupCountOf(parquet);
    const columns = [
      "event_id",
      kind === "events" ? "processing_ts" : "reason",
      ...(file.withOrigins === true ? ["kafka_partition", "kafka_offset"] : []),
    ];
    for (let group = 0; group < groupCount; group++) {
      for (const batch of await readRowGroup(parquet, { group, columns })) onRows(rowsOf(batch));
    }
    return { rowCount, bytes, checksum, ...await timeBounds(parquet, { kind, rowCount }), origin };
  } catch (error) {
    throw damagedError(
      `${path} cannot be read as a Parquet file of orilla's: ${messageOf(error)}`,
      error,
    );
  }
}

/**
 * Opens a file of orilla's, of which only those parts are read that are asked for.
 *
 * @throws where it is not there, or not a Parquet file that orilla wrote
 */
export async function openFile(files: LakeFiles, file: Omit<FileToScan, "kind">) {
  const { path } = file;
  const bytes = await files.size(path);
  if (bytes === null) throw new Deno.errors.NotFound(`${path} is not there`);
  const parquet = await openParquet(bytes, (start, end) => files.readRange(path, { start, end }));
  const { rowCount } = sizesOf(parquet);
  const origin = originOf({ ...file, bytes }, { metadata: metadataOf(parquet), rowCount });
  return { parquet, bytes, origin };
}

function rowsOf(batch: RecordBatch): ScannedRows {
  const stagedAtMs = dataOf(batch, "processing_ts").flatMap(millisecondsOf);
  const partitions = dataOf(batch, "kafka_partition").flatMap(({ values }) => [...values]);
  const offsets = dataOf(batch, "kafka_offset").flatMap(({ values }) => [...values]);
  return {
    eventIds: textColumn(batch, "event_id"),
    reasons: textColumn(batch, "reason").map(String),
    stagedAtMs,
    origins: partitions.map((partition, row) => {
      return { partition, offset: offsets[row], stagedAtMs: stagedAtMs[row] ?? 0 };
    }),
  };
}

function dataOf(batch: RecordBatch, name: string): readonly Data[] {
  return batch.getChild(name)?.data ?? [];
}

function millisecondsOf({ values, length }: Data): number[] {
  if (!(values instanceof BigInt64Array)) throw new Error("its times are not 64 bits wide");
  return Array.from(values.subarray(0, length), (microseconds) => Number(microseconds / 1000n));
}

/** The rows of a file are in the order of their times. */
async function timeBounds(
  parquet: OpenParquet,
  { kind, rowCount }: { readonly kind: FileKind; readonly rowCount: number },
) {
  const column = kind === "events" ? "ts" : "rejected_at";
  const at = async (offset: number) => {
    const [batch] = await readRows(parquet, { columns: [column], offset, limit: 1 });
    const value: unknown = batch?.getChild(column)?.data[0]?.values[0];
    return typeof value === "bigint" ? value : 0n;
  };
  return {
    minTsMicroseconds: await at(0),
    maxTsMicroseconds: await at(Math.max(0, rowCount - 1)),
  };
}
