import type { DatabaseSync } from "node:sqlite";
import { damagedError } from "../core/errors.ts";

/** The checkpoint's file inside OUT_DIR. */
export const CHECKPOINT_FILE = "checkpoint.sqlite";

/** The version of the tables below; a checkpoint of a newer one is refused. */
export const SCHEMA_VERSION = 1;

const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS commits (
    sequence INTEGER PRIMARY KEY,
    committed_at_ms INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    is_published INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS unpublished_commits ON commits (sequence) WHERE is_published = 0;
  CREATE TABLE IF NOT EXISTS files (
    sequence INTEGER NOT NULL,
    final_path TEXT NOT NULL,
    staged_path TEXT NOT NULL,
    kind TEXT NOT NULL,
    row_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    min_ts_us INTEGER NOT NULL,
    max_ts_us INTEGER NOT NULL,
    PRIMARY KEY (sequence, final_path)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS offset_ranges (
    sequence INTEGER NOT NULL,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    published INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    PRIMARY KEY (sequence, topic, partition)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS partitions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    published INTEGER NOT NULL,
    duplicate INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS counters (
    name TEXT NOT NULL, label TEXT NOT NULL, value REAL NOT NULL, PRIMARY KEY (name, label)
  ) WITHOUT ROWID;
`;

/** Makes the tables that are missing, and gives a new checkpoint its random instance id and key. */
export function prepareSchema(
  database: DatabaseSync,
  instanceId: string,
  idKey: Uint32Array,
): void {
  refuseOtherVersion(database);
  database.exec(TABLES);
  const insert = database.prepare("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING");
  insert.run("schema_version", String(SCHEMA_VERSION));
  insert.run("instance_id", instanceId);
  insert.run("id_key", Array.from(idKey, (word) => word.toString(16).padStart(8, "0")).join(""));
}

/** Before anything is written: tables of another version are not touched. */
function refuseOtherVersion(database: DatabaseSync): void {
  const version = otherVersionIn(database);
  if (version !== null) throw otherVersionError(version);
}

/** The version of tables that this orilla does not know; null where it knows them, or there are none. */
export function otherVersionIn(database: DatabaseSync): string | null {
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'meta'")
    .get();
  if (Number(tables?.["n"] ?? 0) === 0) return null;
  const row = database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").get();
  const version = row?.["value"];
  return version === undefined || version === String(SCHEMA_VERSION) ? null : String(version);
}

/** The failure to use tables of another version. */
export function otherVersionError(version: string): Error {
  return damagedError(
    `checkpoint.sqlite has schema version ${version}, this orilla knows ${SCHEMA_VERSION}. ` +
      `Use the orilla that wrote it, or another OUT_DIR`,
  );
}

/** A value of the meta table. */
export function readMeta(database: DatabaseSync, key: string): string {
  const row = database.prepare("SELECT value FROM meta WHERE key = ?").get(key);
  const value = row?.["value"];
  if (typeof value !== "string") throw damagedError(`checkpoint.sqlite holds no ${key}`);
  return value;
}

/** The key of the event ids' hashes, four words; 32 hexadecimal digits in the meta table. */
export function readIdKey(database: DatabaseSync): Uint32Array {
  const digits = readMeta(database, "id_key");
  if (!/^[0-9a-f]{32}$/.test(digits)) throw damagedError("checkpoint.sqlite holds no id_key");
  return Uint32Array.from(digits.match(/.{8}/g) ?? [], (word) => parseInt(word, 16));
}
