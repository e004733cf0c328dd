import { storeName, type StoreUrl } from "../../core/store_url.ts";
import {
  alreadyRebuiltError,
  inUseError,
  knownCommitsError,
  REBUILDING,
} from "../store_rebuild.ts";
import type { Row, Run } from "./connection.ts";
import {
  hasTables,
  lockSchema,
  makeTables,
  otherVersionError,
  readIdKey,
  readMeta,
  SCHEMA_VERSION,
  SETTING,
} from "./schema.ts";

/** All tables but `meta`. */
const EMPTIED =
  "instances, commits, files, offset_ranges, partitions, seen_ids, seen_runs, duplicates, " +
  "replays, purges, replaced_files";

/** Who makes a schema anew. */
interface Rebuilder {
  /** Other than that of any other process. */
  readonly token: string;
  /** How long another one may have given no sign of life that is not waited for, milliseconds. */
  readonly silentMs: number;
}

/**
 * Begins to make a lake's schema anew, inside a transaction: it is empty then, and no process opens it.
 *
 * @returns the key of the event ids' hashes
 * @throws OrillaError with exit code 1 where a process has it open or is making it anew, 2 where it knows commits, 3
 * where it is another version's
 */
export async function beginRebuild(
  run: Run,
  url: StoreUrl,
  { token, silentMs }: Rebuilder,
): Promise<Uint32Array> {
  await lockSchema(run, url);
  const name = storeName(url);
  if (await hasTables(run)) {
    const version = await readMeta(run, "schema_version");
    if (version === REBUILDING) {
      if (await isRebuiltBySomebody(run, { token, silentMs })) throw alreadyRebuiltError(name);
    } else if (version !== String(SCHEMA_VERSION)) throw otherVersionError(url, version);
    else await refuseUsed(run, url, silentMs);
  }
  await makeTables(run, url);
  await run((sql) => sql.unsafe(`TRUNCATE ${EMPTIED}`));
  await run((sql) => sql`SELECT setval('commit_sequence', 1, false)`);
  await run((sql) => sql`DELETE FROM meta WHERE key LIKE ${`${SETTING}%`}`);
  await run((sql) =>
    sql`
      INSERT INTO meta VALUES ('schema_version', ${REBUILDING}), ('rebuild_token', ${token}),
        ('rebuild_alive', clock_timestamp()::text)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`
  );
  return await readIdKey(run, url);
}

async function isRebuiltBySomebody(run: Run, { token, silentMs }: Rebuilder): Promise<boolean> {
  const [row] = await run((sql) =>
    sql<Row[]>`
      SELECT 1 AS found FROM meta AS alive, meta AS token
      WHERE alive.key = 'rebuild_alive' AND token.key = 'rebuild_token' AND token.value <> ${token}
        AND alive.value::timestamptz > clock_timestamp() - ${silentMs}::bigint * interval '1 ms'`
  );
  return row !== undefined;
}

async function refuseUsed(run: Run, url: StoreUrl, silentMs: number): Promise<void> {
  const [commit] = await run((sql) => sql<Row[]>`SELECT 1 AS found FROM commits LIMIT 1`);
  if (commit !== undefined) {
    throw knownCommitsError(storeName(url), `DROP SCHEMA ${url.lake} CASCADE`);
  }
  const [living] = await run((sql) =>
    sql<Row[]>`
      SELECT 1 AS found FROM instances
      WHERE state = 'live' AND alive_at > clock_timestamp() - ${silentMs}::bigint * interval '1 ms' LIMIT 1`
  );
  if (living !== undefined) throw inUseError(storeName(url));
}

/** Whether this process makes the schema anew still; no other one takes over until the transaction ends. */
export async function isOwnRebuild(run: Run, token: string): Promise<boolean> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT 1 AS found FROM meta
      WHERE (key = 'schema_version' AND value = ${REBUILDING}) OR (key = 'rebuild_token' AND value = ${token})
      FOR SHARE`
  );
  return rows.length === 2;
}

/** A sign of life. */
export async function signOfRebuild(run: Run, token: string): Promise<void> {
  await run((sql) =>
    sql`
      UPDATE meta SET value = clock_timestamp()::text
      WHERE key = 'rebuild_alive'
        AND EXISTS (SELECT 1 FROM meta WHERE key = 'rebuild_token' AND value = ${token})`
  );
}
