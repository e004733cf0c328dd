import { createHash } from "node:crypto";
import type { Batch } from "../core/batch.ts";
import { assert } from "../core/errors.ts";
import { groupByDay, type LakePartitionRows } from "../core/grouping.ts";
import { type DistinctHashes, distinctHashes } from "../core/hash_order.ts";
import { idFilterOf } from "../core/id_filter.ts";
import { hashTexts } from "../core/id_hash.ts";
import type { RejectedRecords } from "../core/rejected_records.ts";
import { splitBatch } from "../core/split.ts";
import { MICROSECONDS_A_DAY, microsecondsOf, momentOfMs } from "../core/timestamp.ts";
import { utf8Column } from "./arrow_columns.ts";
import { deadLetterColumns } from "./dead_letter_file.ts";
import type {
  BatchEncoding,
  BatchTreatment,
  EncodableBatch,
  EncodableRows,
  EncodedFile,
  FileOrigin,
  TableEncoder,
} from "./encoder.ts";
import { eventColumns } from "./event_file.ts";
import { parquetTable } from "./parquet_table.ts";
import type { Protection } from "./protection.ts";

/** What files are made with. */
interface FileWriting {
  readonly protection: Protection;
  readonly encode: TableEncoder;
}

/** A batch that is encoded in this thread. */
export class BatchEncodingHere implements BatchEncoding {
  readonly #batch: Batch;
  readonly #writing: FileWriting;
  readonly #distinct: DistinctHashes;
  #groups: readonly LakePartitionRows[] = [];

  constructor(batch: Batch, { idKey, ...writing }: BatchTreatment & FileWriting) {
    this.#batch = batch;
    this.#writing = writing;
    this.#distinct = distinctHashes(hashTexts(batch.eventIds, idKey));
  }

  get hashes(): Uint32Array {
    return this.#distinct.hashes;
  }

  split(isSeen: Uint8Array): Promise<EncodableBatch> {
    const { groups, ...told } = splitBatch(this.#batch, this.#distinct, isSeen);
    this.#groups = groups;
    const encodable = groups.map((group) => encodableRows(this.#batch, group));
    return Promise.resolve({ ...told, groups: encodable });
  }

  async encodeEvents(place: number, origin: FileOrigin): Promise<EncodedFile> {
    const group = this.#groups[place];
    assert(group !== undefined, "an encoding is asked for the lake partitions that it told of");
    return await encodeEvents(this.#batch, group, { ...this.#writing, ...origin });
  }

  encodeLetters(letters: RejectedRecords, origin: FileOrigin): Promise<EncodedFile> {
    return encodeLetters(letters, { ...this.#writing, ...origin });
  }

  async canEncode(rows: Int32Array, origin: FileOrigin): Promise<boolean> {
    const how = { ...this.#writing, ...origin };
    try {
      for (const group of groupByDay(this.#batch, rows)) {
        await encodeEvents(this.#batch, group, how);
      }
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    this.#groups = [];
  }
}

/** The rows are sorted by time, so the first and the last one bound it. */
export function encodableRows(batch: Batch, { day, rows }: LakePartitionRows): EncodableRows {
  const midnight = BigInt(day) * BigInt(MICROSECONDS_A_DAY);
  const at = (row = 0) => midnight + BigInt(batch.microseconds[row] ?? 0);
  return { day, rowCount: rows.length, bounds: [at(rows[0]), at(rows[rows.length - 1])] };
}

/** Makes the file of some rows of one lake partition. */
export async function encodeEvents(
  batch: Batch,
  group: LakePartitionRows,
  { protection: { pseudonyms }, encode, stagedAtMs, metadata }: FileWriting & FileOrigin,
): Promise<EncodedFile> {
  const inClear = eventColumns(batch, group, microsecondsOf(momentOfMs(stagedAtMs)));
  const columns = pseudonyms?.inColumns(inClear, utf8Column) ?? inClear;
  const bytes = await encode(parquetTable(columns, metadata));
  return encodedFile(bytes, idFilterOf(batch.eventIds, group.rows));
}

/** Makes the file of dead letters. */
export async function encodeLetters(
  letters: RejectedRecords,
  { protection: { cipher }, encode, stagedAtMs, metadata }: FileWriting & FileOrigin,
): Promise<EncodedFile> {
  const columns = deadLetterColumns(letters, microsecondsOf(momentOfMs(stagedAtMs)), cipher);
  const bytes = await encode(parquetTable(columns, metadata));
  return encodedFile(bytes, idFilterOf(letters.eventIds.texts, rowsWithId(letters)));
}

function rowsWithId({ length, eventIds }: RejectedRecords): Int32Array {
  return Int32Array.from({ length }, (_, row) => row).filter((row) => eventIds.isThere[row] === 1);
}

function encodedFile(
  bytes: Uint8Array<ArrayBuffer>,
  filter: Uint8Array<ArrayBuffer>,
): EncodedFile {
  return { bytes, checksum: createHash("sha256").update(bytes).digest("hex"), filter };
}
