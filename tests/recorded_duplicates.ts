import { DatabaseSync } from "node:sqlite";
import { zstdDecompressSync } from "node:zlib";

/** A duplicate as the checkpoint holds it, read with no code of orilla's. */
export interface RecordedDuplicate {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly eventId: string;
  readonly sequence: number;
}

/** All recorded duplicates of a lake, in the order of their commits. */
export function recordedDuplicates(outDir: string): RecordedDuplicate[] {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  const rows = database.prepare("SELECT * FROM duplicates ORDER BY sequence").all();
  return rows.flatMap((row) => {
    const { count, partitions, records, sequence } = row;
    if (!(records instanceof Uint8Array)) throw new Error("records is no blob");
    const decoded = decode(new Uint8Array(zstdDecompressSync(records)), Number(count));
    const names: { topic: string; partition: number }[] = JSON.parse(String(partitions));
    return decoded.map(({ place, offset, eventId }) => {
      const { topic, partition } = names[place] ?? { topic: "none", partition: -1 };
      return { topic, partition, offset, eventId, sequence: Number(sequence) };
    });
  });
}

/**
 * Duplicates that were counted, and are not recorded: none, unless the checkpoint was made from the lake's
 * files, which do not tell where they lay.
 */
export function unrecordedDuplicateCount(outDir: string): number {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  const row = database.prepare("SELECT sum(duplicate) AS counted FROM offset_ranges").get();
  return Number(row?.["counted"]) - recordedDuplicates(outDir).length;
}

function decode(bytes: Uint8Array, count: number) {
  const view = new DataView(bytes.buffer);
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  let at = 16 * count;
  const rows = Array.from({ length: count }, (_, i) => {
    const end = at + view.getInt32(12 * count + 4 * i, true);
    const eventId = utf8.decode(bytes.subarray(at, end));
    at = end;
    return {
      offset: view.getBigInt64(8 * i, true),
      place: view.getInt32(8 * count + 4 * i, true),
      eventId,
    };
  });
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes after the last id`);
  return rows;
}
