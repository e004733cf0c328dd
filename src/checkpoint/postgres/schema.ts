import { damagedError } from "../../core/errors.ts";
import { KEY_WORDS } from "../../core/id_hash.ts";
import { storeName, type StoreUrl } from "../../core/store_url.ts";
import { beingRebuiltError, REBUILDING } from "../store_rebuild.ts";
import type { Row, Run } from "./connection.ts";
import { registerInstance } from "./instances.ts";

/** The version of the tables below; a store of another one is refused. */
export const SCHEMA_VERSION = 1;

/** Settings of the lake stand in the meta table beside those of the store. */
export const SETTING = "setting.";

/**
 * In the lake's schema. `partitions` holds the claims too: next_offset is null until the first commit. A row of
 * `seen_runs` says which ids one commit added, so that the expired ones are found without an index on time; their
 * hashes are 16 bytes each.
 */
const TABLES = `
  CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
  CREATE SEQUENCE commit_sequence;
  CREATE TABLE instances (
    instance_id text PRIMARY KEY,
    state text NOT NULL,
    alive_at timestamptz NOT NULL,
    counters text NOT NULL,
    seen_ids bigint NOT NULL
  );
  CREATE TABLE commits (
    sequence bigint PRIMARY KEY,
    instance_id text NOT NULL,
    committed_at_ms bigint NOT NULL,
    trigger text NOT NULL,
    is_published boolean NOT NULL
  );
  CREATE INDEX unpublished_commits ON commits (sequence) WHERE NOT is_published;
  CREATE TABLE files (
    sequence bigint NOT NULL,
    final_path text NOT NULL,
    staged_path text NOT NULL,
    kind text NOT NULL,
    row_count bigint NOT NULL,
    bytes bigint NOT NULL,
    checksum text NOT NULL,
    min_ts_us bigint NOT NULL,
    max_ts_us bigint NOT NULL,
    filter bytea,
    PRIMARY KEY (sequence, final_path)
  );
  CREATE TABLE offset_ranges (
    sequence bigint NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    published bigint NOT NULL,
    duplicate bigint NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (sequence, topic, partition)
  );
  CREATE TABLE partitions (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint,
    published bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    group_id text,
    generation integer,
    PRIMARY KEY (topic, partition)
  );
  CREATE TABLE seen_ids (hash uuid PRIMARY KEY, seen_at_ms bigint NOT NULL);
  CREATE TABLE seen_runs (
    sequence bigint PRIMARY KEY,
    seen_at_ms bigint NOT NULL,
    hashes bytea NOT NULL
  );
  CREATE INDEX seen_runs_by_time ON seen_runs (seen_at_ms);
  ALTER TABLE seen_runs ALTER hashes SET STORAGE EXTERNAL;
  CREATE TABLE duplicates (
    sequence bigint PRIMARY KEY,
    found_at_ms bigint NOT NULL,
    count bigint NOT NULL,
    partitions text NOT NULL,
    filter bytea NOT NULL,
    records bytea NOT NULL
  );
  CREATE INDEX duplicates_by_time ON duplicates (found_at_ms);
  CREATE TABLE replays (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    attempts integer NOT NULL,
    outcome text NOT NULL,
    detail text,
    sequence bigint,
    replayed_at_ms bigint NOT NULL,
    PRIMARY KEY (topic, partition, "offset", attempts)
  );
  CREATE TABLE purges (
    path text PRIMARY KEY,
    sequence bigint NOT NULL,
    letters bigint NOT NULL,
    bytes bigint NOT NULL,
    reasons text NOT NULL,
    purged_at_ms bigint NOT NULL,
    is_removed boolean NOT NULL
  );
  -- A lake has few of these rows, and they change with each commit.
  ALTER TABLE instances SET (fillfactor = 50);
  ALTER TABLE partitions SET (fillfactor = 50);
`;

/** Of merged files, which leave `files`. Schemas of the same version that an older orilla made are without it. */
const REPLACED_FILES = `
  CREATE TABLE replaced_files (
    path text PRIMARY KEY,
    sequence bigint NOT NULL,
    replaced_by bigint NOT NULL,
    row_count bigint NOT NULL,
    bytes bigint NOT NULL,
    is_removed boolean NOT NULL
  );
  CREATE INDEX unremoved_files ON replaced_files (path) WHERE NOT is_removed;
  CREATE INDEX replaced_files_by_merge ON replaced_files (replaced_by);
`;

/** Whether the lake's schema has its tables. */
export function hasTables(run: Run): Promise<boolean> {
  return hasTable(run, "meta");
}

/** Whether the lake's schema has a table. */
export async function hasTable(run: Run, name: string): Promise<boolean> {
  // By the catalog: a name would be looked up as of when the connection first used it.
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT 1 AS found FROM pg_catalog.pg_tables
      WHERE schemaname = current_setting('search_path') AND tablename = ${name}`
  );
  return rows.length > 0;
}

/**
 * Opens the lake for a process: makes schema and tables where they are missing, and registers the process; all of it, or
 * nothing. Another process may be doing the same.
 *
 * @returns the key of the event ids' hashes
 * @throws OrillaError with exit code 1 where the store is being made anew, 3 where this orilla does not know the tables
 */
export async function openSchema(
  run: Run,
  url: StoreUrl,
  instanceId: string,
): Promise<Uint32Array> {
  await run((sql) => sql`BEGIN`);
  await lockSchema(run, url);
  await makeTables(run, url);
  await refuseOtherVersion(run, url);
  const idKey = await readIdKey(run, url);
  // Under the lock: whoever makes the store anew sees this process, or this process sees that.
  await registerInstance(run, instanceId);
  await run((sql) => sql`COMMIT`);
  return idKey;
}

/** Keeps others from making the lake's tables until the transaction ends. */
export async function lockSchema(run: Run, url: StoreUrl): Promise<void> {
  // The number only has to be another one than others use in this database.
  await run((sql) => sql`SELECT pg_advisory_xact_lock(hashtext(${`orilla ${url.lake}`}))`);
}

/** Makes schema and tables where they are missing, inside a transaction that has locked them. */
export async function makeTables(run: Run, url: StoreUrl): Promise<void> {
  if (!await hasTables(run)) {
    // The name needs no quotes: see parseStoreUrl.
    await run((sql) => sql.unsafe(`CREATE SCHEMA IF NOT EXISTS ${url.lake}; ${TABLES}`));
    const idKey = crypto.getRandomValues(new Uint32Array(KEY_WORDS));
    const meta = [
      { key: "schema_version", value: String(SCHEMA_VERSION) },
      { key: "id_key", value: Array.from(idKey, hexWord).join("") },
    ];
    await run((sql) => sql`INSERT INTO meta ${sql(meta)}`);
  }
  if (!await hasTable(run, "replaced_files")) await run((sql) => sql.unsafe(REPLACED_FILES));
}

/** The key of the event ids' hashes. @throws OrillaError with exit code 3 where there is none */
export async function readIdKey(run: Run, url: StoreUrl): Promise<Uint32Array> {
  const digits = await readMeta(run, "id_key");
  if (digits === null || !/^[0-9a-f]{32}$/.test(digits)) {
    throw damagedError(`${storeName(url)} holds no id_key`);
  }
  return Uint32Array.from(digits.match(/.{8}/g) ?? [], (word) => parseInt(word, 16));
}

/**
 * Refuses a store that is not open, or not to this orilla.
 *
 * @throws OrillaError with exit code 1 where it is being made anew, 3 where this orilla does not know the tables
 */
export async function refuseOtherVersion(run: Run, url: StoreUrl): Promise<void> {
  const version = await readMeta(run, "schema_version");
  if (version === String(SCHEMA_VERSION)) return;
  throw version === REBUILDING
    ? beingRebuiltError(storeName(url))
    : otherVersionError(url, version);
}

/** The failure to use tables of another version; null where they have none. */
export function otherVersionError(url: StoreUrl, version: string | null): Error {
  return damagedError(
    `${storeName(url)} has schema version ${version ?? "none"}, this orilla knows ` +
      `${SCHEMA_VERSION}. Use the orilla that wrote it, or another lake= name`,
  );
}

/** A value of the meta table; null where there is none. */
export async function readMeta(run: Run, key: string): Promise<string | null> {
  const [row] = await run((sql) => sql<Row[]>`SELECT value FROM meta WHERE key = ${key}`);
  return typeof row?.["value"] === "string" ? row["value"] : null;
}

function hexWord(word: number): string {
  return word.toString(16).padStart(8, "0");
}
