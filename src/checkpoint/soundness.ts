import type { DatabaseSync } from "node:sqlite";
import { OrillaError } from "../core/errors.ts";
import {
  CHECKPOINT_FILE,
  otherVersionError,
  otherVersionIn,
  readMeta,
  SCHEMA_VERSION,
} from "./schema.ts";
import { readingCheckpoint, refuseDamage } from "./inspection.ts";
import { readLastCommitMs } from "./lake_status.ts";
import { allRows, readCommitted } from "./rows.ts";

/** A checkpoint's state, as a quick look has it. */
export type Soundness =
  | {
    readonly kind: "sound";
    readonly schemaVersion: number;
    readonly instanceId: string;
    /** The last commit, 0 before the first one. */
    readonly sequence: number;
    readonly lastCommitMs: number | null;
    /** False where the tables that grow with the events were left out, since reading them takes too long. */
    readonly isWhole: boolean;
  }
  | { readonly kind: "damaged"; readonly detail: string }
  /** It could not be read, and that says nothing about what is in it. */
  | { readonly kind: "out_of_reach"; readonly detail: string };

/** A quick look reads no more than this: some seconds, even from a slow disk. */
const QUICK_BYTES = 1_073_741_824;
/** Tables that grow with the events: nearly all of a large checkpoint. */
const BULK = ["seen_chunks", "seen_filters", "file_filters", "duplicates"];

/**
 * Looks through a checkpoint's pages and tables without writing to it, also beside a consumer.
 *
 * @param outDir absolute path of a folder with a checkpoint
 * @param quickBytes of a larger checkpoint the tables that grow with the events are left out
 */
export function checkSoundness(outDir: string, quickBytes: number = QUICK_BYTES): Soundness {
  try {
    const isWhole = Deno.lstatSync(`${outDir}/${CHECKPOINT_FILE}`).size <= quickBytes;
    const other = readingCheckpoint(outDir, otherVersionIn);
    if (other !== null) throw otherVersionError(other);
    return readingCheckpoint(outDir, (database) => {
      refuseDamage(database, isWhole ? null : smallTables(database));
      return {
        kind: "sound",
        schemaVersion: SCHEMA_VERSION,
        instanceId: readMeta(database, "instance_id"),
        sequence: readCommitted(database).sequence,
        lastCommitMs: readLastCommitMs(database),
        isWhole,
      };
    });
  } catch (error) {
    if (!(error instanceof OrillaError)) throw error;
    return { kind: error.exitCode === 3 ? "damaged" : "out_of_reach", detail: error.message };
  }
}

function smallTables(database: DatabaseSync): readonly string[] {
  const rows = allRows(
    database,
    "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
  );
  return rows.map((row) => String(row["name"])).filter((name) => !BULK.includes(name));
}
