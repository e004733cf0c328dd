import { SqliteReader } from "../src/checkpoint/sqlite_reader.ts";
import type { ReadLake } from "../src/pipeline/read_lake.ts";
import { Files } from "../src/runtime/files.ts";

/** A lake whose checkpoint lies beside its files, as it is looked at. */
export function lakeIn(lake: string | Files): ReadLake {
  const files = typeof lake === "string" ? new Files(lake) : lake;
  return { files, reader: new SqliteReader(files.absolute(".")) };
}
