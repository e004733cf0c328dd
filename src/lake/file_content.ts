import { createHash } from "node:crypto";
import { type Table, tableFromIPC, type Vector } from "apache-arrow";
import { readParquet, readSchema } from "parquet-wasm";
import type { OffsetRange } from "../core/commit.ts";
import { damagedError, messageOf } from "../core/errors.ts";
import { type Replay, replaysFrom } from "../core/replay.ts";
import type { LakeFile } from "./lake_reader.ts";
import { offsetRangesFrom } from "./range_metadata.ts";
import { parseRecorded, PROTECTION_METADATA, type RecordedProtection } from "./protection.ts";
import type { LakeFiles } from "./storage.ts";

/** What a Parquet file of orilla's holds. */
export interface FileContent {
  readonly rowCount: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
  /** The event ids (null where a dead letter has none), row by row. */
  readonly eventIds: readonly (string | null)[];
  /** The reasons of dead letters, row by row; empty for events. */
  readonly reasons: readonly string[];
  /** What the whole commit handled, from the file's metadata. */
  readonly ranges: readonly OffsetRange[];
  /** What the whole commit replayed, from the same place. */
  readonly replays: readonly Replay[];
}

/**
 * Reads a file of orilla's as a whole. `loadParquet` must have been called.
 *
 * @throws OrillaError with exit code 3 where it is not a Parquet file that orilla wrote
 */
export async function readLakeFile(files: LakeFiles, path: string): Promise<FileContent> {
  const bytes = await files.read(path);
  try {
    const table: Table = tableFromIPC(readParquet(bytes).intoIPCStream());
    return {
      rowCount: table.numRows,
      bytes: bytes.length,
      checksum: createHash("sha256").update(bytes).digest("hex"),
      eventIds: textColumn(table, "event_id"),
      reasons: textColumn(table, "reason").map(String),
      ranges: offsetRangesOf(bytes),
      replays: replaysIn(bytes),
    };
  } catch (error) {
    throw damagedError(
      `${path} cannot be read as a Parquet file of orilla's: ${messageOf(error)}`,
      error,
    );
  }
}

/** What a file says of its lake's protection; null where it says nothing. `loadParquet` must have been called. */
export async function readProtection(
  files: LakeFiles,
  { path }: LakeFile,
): Promise<RecordedProtection | null> {
  const text = readSchema(await files.read(path)).metadata().get(PROTECTION_METADATA);
  return typeof text === "string" ? parseRecorded(text) : null;
}

// Arrow's own accessor takes a byte order mark off the beginning of a text.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The texts of a column, null where there is none; empty where there is no such column. */
export function textColumn(
  table: { readonly getChild: (name: string) => Pick<Vector, "data"> | null },
  name: string,
): (string | null)[] {
  const chunks = table.getChild(name)?.data ?? [];
  return chunks.flatMap((data) =>
    Array.from({ length: data.length }, (_, i) => {
      if (!data.getValid(i)) return null;
      return utf8.decode(data.values.subarray(data.valueOffsets[i], data.valueOffsets[i + 1]));
    })
  );
}

/** What the commit of a file replayed, from the file's metadata. */
function replaysIn(bytes: Uint8Array): readonly Replay[] {
  return replaysFrom(readSchema(bytes).metadata().get("orilla.replays"));
}

/** What the commit of a file handled, from the file's metadata. */
function offsetRangesOf(bytes: Uint8Array): OffsetRange[] {
  return offsetRangesFrom(readSchema(bytes).metadata().get("orilla.offset_ranges"));
}
