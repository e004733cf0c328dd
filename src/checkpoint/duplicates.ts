import type { DatabaseSync, StatementSync } from "node:sqlite";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { type Duplicates, positionsOf } from "../core/duplicates.ts";
import { type IdHash, mayHold } from "../core/id_filter.ts";
import type { Position, TopicPartition } from "../core/record.ts";

/** The filter stands before the records: SQLite then reads it without going through them. */
const TABLE = `
  CREATE TABLE IF NOT EXISTS duplicates (
    sequence INTEGER PRIMARY KEY,
    found_at_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    partitions TEXT NOT NULL,
    filter BLOB NOT NULL,
    records BLOB NOT NULL
  );
`;

/** The fastest level: event ids are mostly random, so that more effort gives nothing. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Commits whose duplicates are dropped at once: more than one, so that dropping keeps up with adding. */
const DROP_STEP_COMMITS = 4;

/**
 * The duplicates that commits found, one row a commit, until their time to live is over. They are dropped a
 * few rows at a time, oldest first, and SQLite uses their pages again.
 */
export class DuplicateRecords {
  readonly #ttlMs: number;
  readonly #add: StatementSync;
  readonly #oldest: StatementSync;
  readonly #drop: StatementSync;
  /** When the oldest row was made; Infinity while there is none. */
  #oldestMs: number;

  /** @param ttlMs how long they are kept, milliseconds; 0 for ever */
  constructor(database: DatabaseSync, ttlMs: number) {
    database.exec(TABLE);
    this.#ttlMs = ttlMs;
    this.#add = database.prepare("INSERT INTO duplicates VALUES (?, ?, ?, ?, ?, ?)");
    this.#oldest = database.prepare(
      "SELECT sequence, found_at_ms AS ms FROM duplicates ORDER BY sequence LIMIT 1",
    );
    this.#drop = database.prepare("DELETE FROM duplicates WHERE sequence = ?");
    this.#oldestMs = this.#readOldest().ms;
  }

  /** Whether `dropStep` has something to do. */
  hasExpired(nowMs: number): boolean {
    return this.#ttlMs > 0 && this.#oldestMs <= nowMs - this.#ttlMs;
  }

  /** Adds a commit's duplicates, inside the caller's transaction. */
  add(
    { count, partitions, filter, records }: Duplicates,
    { sequence, committedAtMs }: { readonly sequence: number; readonly committedAtMs: number },
  ): void {
    const names = JSON.stringify(partitions);
    this.#add.run(sequence, committedAtMs, count, names, filter, compressed(records));
    this.#oldestMs = Math.min(this.#oldestMs, committedAtMs);
  }

  /** Drops expired duplicates of the oldest few commits, inside the caller's transaction. */
  dropStep(nowMs: number): void {
    for (let dropped = 0; dropped < DROP_STEP_COMMITS; dropped++) {
      const { sequence, ms } = this.#readOldest();
      this.#oldestMs = ms;
      if (!this.hasExpired(nowMs)) return;
      this.#drop.run(sequence);
    }
  }

  #readOldest(): { readonly sequence: number; readonly ms: number } {
    const row = this.#oldest.get();
    return row === undefined
      ? { sequence: 0, ms: Infinity }
      : { sequence: Number(row["sequence"]), ms: Number(row["ms"]) };
  }
}

/** Records of duplicates as they are stored. */
export function compressed(records: Uint8Array): Uint8Array {
  return zstdCompressSync(records, COMPRESSION);
}

/** What of a stored commit's duplicates has an event id, in the order of its batch. */
export function storedPositions(
  { partitions, count, records }: {
    /** As JSON. */
    readonly partitions: string;
    readonly count: number;
    /** Compressed. */
    readonly records: Uint8Array;
  },
  eventId: string,
): Position[] {
  const parsed: readonly TopicPartition[] = JSON.parse(partitions);
  return positionsOf({ count, partitions: parsed, records: zstdDecompressSync(records) }, eventId);
}

/** A duplicate as it was recorded. */
export interface DuplicateRecord extends Position {
  /** The commit that found it. */
  readonly sequence: number;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly foundAtMs: number;
}

/** The recorded duplicates of an event id, oldest first. */
export function findDuplicates(
  database: DatabaseSync,
  { eventId, hash }: { readonly eventId: string; readonly hash: IdHash },
): DuplicateRecord[] {
  const filters = database.prepare("SELECT sequence, filter FROM duplicates ORDER BY sequence");
  const whole = database.prepare("SELECT * FROM duplicates WHERE sequence = ?");
  const found: DuplicateRecord[] = [];
  for (const { sequence, filter } of filters.iterate()) {
    if (!(filter instanceof Uint8Array) || !mayHold(filter, hash)) continue;
    const row = whole.get(sequence ?? null);
    const records = row?.["records"];
    if (!(records instanceof Uint8Array)) continue;
    const partitions = String(row?.["partitions"]), count = Number(row?.["count"]);
    const positions = storedPositions({ partitions, count, records }, eventId);
    const commit = { sequence: Number(sequence), foundAtMs: Number(row?.["found_at_ms"]) };
    found.push(...positions.map((position) => ({ ...position, ...commit })));
  }
  return found;
}
