import { HASH_WORDS } from "../../core/id_hash.ts";
import type { Row, Run, Sql } from "./connection.ts";
import { copiedIds, hashBytes, uuidArray } from "./hash_arrays.ts";

/** No id was seen before this: what stands for a time to live without an end. */
const NEVER_MS = -1n;

/** Ids that were seen at this time, or before, count as seen no more; milliseconds since 1970-01-01 UTC. */
export function expiredAt(nowMs: number, ttlMs: number): bigint {
  return ttlMs === 0 ? NEVER_MS : BigInt(nowMs - ttlMs);
}

/** Says for each hash, 1 or 0, whether it was seen after a time. */
export async function seenAmong(
  run: Run,
  hashes: Uint32Array,
  expiredMs: bigint,
): Promise<Uint8Array> {
  const isSeen = new Uint8Array(hashes.length / HASH_WORDS);
  if (isSeen.length === 0) return isSeen;
  const given = uuidArray(hashBytes(hashes));
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT (given.place - 1)::int AS place
      FROM unnest(${given}::uuid[]) WITH ORDINALITY AS given (hash, place)
      JOIN seen_ids USING (hash) WHERE seen_at_ms > ${expiredMs}`
  );
  for (const { place } of rows) isSeen[Number(place)] = 1;
  return isSeen;
}

/** How the ids changed that a commit adds. */
export interface AddedIds {
  /** False where some of them were seen already: then the transaction must be taken back. */
  readonly areFresh: boolean;
  /** How many rows there are more. */
  readonly rowCount: number;
}

/**
 * Adds a commit's ids, inside its transaction, where none of them is there: the usual case, and much the quickest
 * way, since COPY takes half of the time that INSERT does. Of two transactions that add the same one at the same time
 * the later one waits here for the end of the other.
 *
 * @param hashes in their order, each once
 * @throws an error that `mayBeTakenId` knows where one is there; the transaction is void then
 */
export async function addNewIds(run: Run, hashes: Uint32Array, at: {
  readonly sequence: number;
  readonly seenAtMs: number;
}): Promise<AddedIds> {
  const count = hashes.length / HASH_WORDS;
  if (count === 0) return { areFresh: true, rowCount: 0 };
  const bytes = hashBytes(hashes);
  await run((sql) => copyIds(sql, copiedIds(bytes, at.seenAtMs)));
  await addRun(run, bytes, at);
  return { areFresh: true, rowCount: count };
}

/** Keeps a commit's hashes together too: by them they are deleted when they have expired. */
async function addRun(run: Run, bytes: Uint8Array, at: {
  readonly sequence: number;
  readonly seenAtMs: number;
}): Promise<void> {
  // Of a commit that is read back, rows may lie in several merged files.
  await run((sql) =>
    sql`
      INSERT INTO seen_runs VALUES (${at.sequence}, ${at.seenAtMs}, ${bytes})
      ON CONFLICT (sequence) DO UPDATE SET hashes = seen_runs.hashes || excluded.hashes`
  );
}

/**
 * Sends rows of ids. Where the server refuses them after the last byte, the client tells nobody
 * (github.com/porsager/postgres/issues/1173): the next statement fails then, since the transaction is void.
 */
async function copyIds(sql: Sql, rows: Uint8Array): Promise<void> {
  const ids = await sql`COPY seen_ids (hash, seen_at_ms) FROM STDIN (FORMAT binary)`.writable();
  await new Promise<void>((resolve, reject) => {
    ids.on("error", reject);
    ids.write(rows, (error) => error ? reject(error) : resolve());
  });
  ids.end();
}

/**
 * Whether `addNewIds` may have failed because one of the ids is there: seen by another process, or expired and not
 * deleted. `addSeenIds` tells, and what else it may have been.
 */
export function mayBeTakenId(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === VOID_TRANSACTION || error.code === UNIQUE_VIOLATION;
}

const UNIQUE_VIOLATION = "23505";
/** What a statement fails with after one that failed. */
const VOID_TRANSACTION = "25P02";

/** As `addNewIds`, where some may be there: those that are expired are seen anew. */
export async function addSeenIds(run: Run, hashes: Uint32Array, at: {
  readonly sequence: number;
  readonly seenAtMs: number;
  readonly expiredMs: bigint;
}): Promise<AddedIds> {
  const count = hashes.length / HASH_WORDS;
  if (count === 0) return { areFresh: true, rowCount: 0 };
  const bytes = hashBytes(hashes);
  const [row] = await run((sql) =>
    sql<Row[]>`
      WITH added AS (
        INSERT INTO seen_ids
          SELECT hash, ${at.seenAtMs}::bigint FROM unnest(${
      uuidArray(bytes)
    }::uuid[]) AS given (hash)
        ON CONFLICT (hash) DO UPDATE SET seen_at_ms = excluded.seen_at_ms
          WHERE seen_ids.seen_at_ms <= ${at.expiredMs}
        RETURNING xmax = 0 AS is_new
      )
      SELECT count(*) AS added, count(*) FILTER (WHERE is_new) AS new FROM added`
  );
  if (Number(row?.["added"]) !== count) return { areFresh: false, rowCount: 0 };
  await addRun(run, bytes, at);
  return { areFresh: true, rowCount: Number(row?.["new"]) };
}

/** Adds the ids of a commit that was read back from the lake's files: some of them may be there already. */
export async function adoptSeenIds(run: Run, hashes: Uint32Array, at: {
  readonly sequence: number;
  readonly seenAtMs: number;
}): Promise<AddedIds> {
  const bytes = hashBytes(hashes);
  const [row] = await run((sql) =>
    sql<Row[]>`
      WITH added AS (
        INSERT INTO seen_ids
          SELECT hash, ${at.seenAtMs}::bigint FROM unnest(${
      uuidArray(bytes)
    }::uuid[]) AS given (hash)
        ON CONFLICT (hash) DO UPDATE
          SET seen_at_ms = greatest(seen_ids.seen_at_ms, excluded.seen_at_ms)
        RETURNING xmax = 0 AS is_new
      )
      SELECT count(*) FILTER (WHERE is_new) AS new FROM added`
  );
  await addRun(run, bytes, at);
  return { areFresh: true, rowCount: Number(row?.["new"]) };
}

/**
 * Deletes the expired ids of the commit that holds the oldest ones, inside the caller's transaction. A commit that
 * another process is deleting from is passed over.
 *
 * @returns how many were deleted; null where there is nothing to delete
 */
export async function expireRun(run: Run, expiredMs: bigint): Promise<number | null> {
  const [oldest] = await run((sql) =>
    sql<Row[]>`
      SELECT sequence, hashes FROM seen_runs WHERE seen_at_ms <= ${expiredMs}
      ORDER BY seen_at_ms LIMIT 1 FOR UPDATE SKIP LOCKED`
  );
  const hashes = oldest?.["hashes"], sequence = oldest?.["sequence"];
  if (!(hashes instanceof Uint8Array) || typeof sequence !== "bigint") return null;
  // An id that was seen again since is in a later commit, too.
  const { count } = await run((sql) =>
    sql`
      DELETE FROM seen_ids WHERE hash = ANY (${uuidArray(hashes)}::uuid[])
        AND seen_at_ms <= ${expiredMs}`
  );
  await run((sql) => sql`DELETE FROM seen_runs WHERE sequence = ${sequence}`);
  return count;
}
