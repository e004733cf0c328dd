import type { DatabaseSync, StatementSync } from "node:sqlite";

const TABLE = `
  CREATE TABLE IF NOT EXISTS seen_ids (
    event_id TEXT PRIMARY KEY, seen_at_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

/**
 * The event ids that were accepted within the time to live. Two operations matter: which of these are seen,
 * and add these in the commit's transaction. Both take many ids as one JSON array, which SQLite reads in one
 * statement.
 *
 * Expired ids count as unseen at once and are deleted by a sweep: each step looks at the next ids in order,
 * so that no index by time is needed, and a step costs the same however many ids there are.
 */
export class SeenIds {
  readonly #ttlMs: number;
  readonly #seenAmong: StatementSync;
  readonly #add: StatementSync;
  readonly #renew: StatementSync;
  readonly #stepEnd: StatementSync;
  readonly #deleteStep: StatementSync;
  /** The UTF-8 bytes of the id up to which the sweep looked: as text, an id with NUL would come back cut. */
  #cursor = new Uint8Array();

  /** @param ttlMs time to live in milliseconds, 0 for ever */
  constructor(database: DatabaseSync, ttlMs: number) {
    database.exec(TABLE);
    this.#ttlMs = ttlMs;
    // CROSS JOIN keeps SQLite from walking the whole table instead of the few ids asked for.
    this.#seenAmong = database.prepare(
      `SELECT j.key AS place FROM json_each(?) j CROSS JOIN seen_ids s ON s.event_id = j.value
       WHERE s.seen_at_ms > ?`,
    );
    this.#add = database.prepare(
      "INSERT OR IGNORE INTO seen_ids SELECT value, ? FROM json_each(?)",
    );
    this.#renew = database.prepare(
      "UPDATE seen_ids SET seen_at_ms = ?1 WHERE event_id IN (SELECT value FROM json_each(?2))",
    );
    this.#stepEnd = database.prepare(
      `SELECT CAST(max(event_id) AS BLOB) AS id FROM (
         SELECT event_id FROM seen_ids WHERE event_id > CAST(? AS TEXT) ORDER BY event_id LIMIT ?
       )`,
    );
    this.#deleteStep = database.prepare(
      `DELETE FROM seen_ids WHERE event_id > CAST(? AS TEXT) AND event_id <= CAST(? AS TEXT)
         AND seen_at_ms <= ?`,
    );
  }

  /** The places in `ids` of those accepted within the time to live. */
  seenAmong(ids: readonly string[], nowMs: number): readonly number[] {
    if (ids.length === 0) return [];
    const rows = this.#seenAmong.all(JSON.stringify(ids), this.#cutoffMs(nowMs));
    return rows.map(({ place }) => Number(place));
  }

  /**
   * Adds ids that `seenAmong` did not name, inside the caller's transaction.
   *
   * @returns by how many ids the table grew; fewer than given where some replaced an expired one
   */
  add(ids: readonly string[], seenAtMs: number): number {
    if (ids.length === 0) return 0;
    const json = JSON.stringify(ids);
    const added = Number(this.#add.run(seenAtMs, json).changes);
    if (added < ids.length) this.#renew.run(seenAtMs, json);
    return added;
  }

  /**
   * Deletes the expired ones among the next `limit` ids, then remembers where to go on.
   *
   * @returns how many were deleted
   */
  expireStep(nowMs: number, limit: number): number {
    if (this.#ttlMs === 0) return 0;
    const end = this.#stepEnd.get(this.#cursor, limit)?.["id"];
    const start = this.#cursor;
    this.#cursor = end instanceof Uint8Array ? end : new Uint8Array();
    if (!(end instanceof Uint8Array)) return 0;
    return Number(this.#deleteStep.run(start, end, this.#cutoffMs(nowMs)).changes);
  }

  /** Ids seen at this time or earlier are expired. */
  #cutoffMs(nowMs: number): number {
    return this.#ttlMs === 0 ? -1 : nowMs - this.#ttlMs;
  }
}
