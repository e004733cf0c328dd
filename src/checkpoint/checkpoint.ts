import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Commit, Committed, ManifestFile, OffsetRange } from "../core/commit.ts";
import { type CounterRow, counterRows } from "../core/counters.ts";
import { assert, damagedError, messageOf } from "../core/errors.ts";
import { KEY_WORDS } from "../core/id_hash.ts";
import { makeEmptyFileSync, OWNER_ONLY } from "../runtime/file_mode.ts";
import { type FaultHooks, noFaults, operateSync } from "../runtime/operations.ts";
import { allRows, manifestFileOf, readCommitted } from "./rows.ts";
import { prepareSchema, readIdKey, readMeta } from "./schema.ts";
import { SeenIds, type SeenIdsChange } from "./seen_ids.ts";
import { MOVES_AN_ID } from "./seen_merging.ts";

/** The checkpoint's file inside OUT_DIR. */
export const CHECKPOINT_FILE = "checkpoint.sqlite";

export interface CheckpointOptions {
  /** Absolute path of OUT_DIR, which exists. */
  readonly outDir: string;
  /** The file's name where it is not the checkpoint itself (`orilla rebuild` makes a new one beside it). */
  readonly file?: string;
  /** How long an event id counts as seen, milliseconds; 0 for ever. */
  readonly ttlMs: number;
  /** Twelve random hexadecimal digits, used if the checkpoint is new. */
  readonly newInstanceId: string;
  /** The file's mode where it is made. */
  readonly fileMode?: number;
  /** Four words, the key of the event ids' hashes if the checkpoint is new; random where it is absent. */
  readonly newIdKey?: Uint32Array;
  readonly hooks?: FaultHooks;
}

/**
 * The commit store: the one truth about what was handled. Manifest, seen ids, next offsets and counters
 * change together, in one SQLite transaction with synchronous=FULL. Calls are synchronous, so nothing can
 * come between a check of the assignment and the commit that follows it.
 */
export class Checkpoint implements Disposable {
  readonly instanceId: string;
  /** Key of the hashes that stand for event ids; secret, so that nobody can make two ids with one hash. */
  readonly idKey: Uint32Array;
  readonly #database: DatabaseSync;
  readonly #seenIds: SeenIds;
  readonly #hooks: FaultHooks;
  /** Null where it has to be read, since a transaction failed. */
  #seenIdCount: number | null = null;
  /** Statements, since errors of `exec` carry no SQLite code to decide on. */
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #undo: StatementSync;

  /** @throws OrillaError with exit code 3 where the file cannot be read as a checkpoint */
  constructor(
    { outDir, file = CHECKPOINT_FILE, ttlMs, newInstanceId, newIdKey, ...options }:
      CheckpointOptions,
  ) {
    this.#hooks = options.hooks ?? noFaults;
    makeEmptyFileSync(`${outDir}/${file}`, options.fileMode ?? OWNER_ONLY);
    this.#database = open(`${outDir}/${file}`);
    try {
      prepareSchema(this.#database, newInstanceId, newIdKey ?? randomKey());
      this.#seenIds = new SeenIds(this.#database, ttlMs);
      this.instanceId = readMeta(this.#database, "instance_id");
      this.idKey = readIdKey(this.#database);
      this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
      this.#end = this.#database.prepare("COMMIT");
      this.#undo = this.#database.prepare("ROLLBACK");
    } catch (error) {
      this.#database.close();
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }

  /** Event ids held, expired ones that were not swept yet among them. */
  get seenIdCount(): number {
    return this.#seenIdCount ??= this.#readSeenIdCount();
  }

  /** What the last commit left. */
  read(): Committed {
    return readCommitted(this.#database);
  }

  /** When the last commit was made, milliseconds since 1970-01-01 UTC; null before the first. */
  lastCommitMs(): number | null {
    const row = this.#database.prepare("SELECT max(committed_at_ms) AS ms FROM commits").get();
    return typeof row?.["ms"] === "number" ? row["ms"] : null;
  }

  /** The files of commits that are not known to be published. */
  unpublishedFiles(): readonly ManifestFile[] {
    return allRows(
      this.#database,
      "SELECT f.* FROM commits c JOIN files f USING (sequence) WHERE c.is_published = 0 ORDER BY 1, 2",
    ).map(manifestFileOf);
  }

  /** A setting of the lake that `note` stored; null where there is none. */
  setting(name: string): string | null {
    const row = this.#database.prepare("SELECT value FROM meta WHERE key = ?").get(name);
    return typeof row?.["value"] === "string" ? row["value"] : null;
  }

  /** Stores a setting of the lake. */
  note(name: string, value: string): void {
    this.#transaction("settings", () => {
      this.#database.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(name, value);
    });
  }

  /**
   * Says for each hash of an event id, 1 or 0, whether the id was accepted before, within the time to live.
   *
   * @param hashes in their order, each once
   */
  seenAmong(hashes: Uint32Array, nowMs: number): Uint8Array {
    try {
      return this.#seenIds.seenAmong(hashes, nowMs);
    } catch (error) {
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }

  /** Makes a commit durable as a whole, or throws and leaves no trace of it. All earlier ones count as published. */
  commit(commit: Commit): void {
    this.#store(commit, (range) => {
      assert(
        this.#movePartition(range),
        "a commit begins where the last one of its partition ended, or later",
      );
    });
  }

  /** Stores a commit that was read back from the lake's files; its offsets may overlap with others'. */
  adopt(commit: Commit): void {
    this.#store(commit, (range) => this.#movePartition(range) || this.#addToPartition(range));
  }

  /** Notes that all files up to this commit have their final names. */
  markPublished(sequence: number): void {
    this.#transaction("published", () => this.#markPublished(sequence));
  }

  /** Deletes about `limit` of the expired ids, if there are any; returns how many that were. */
  expireStep(nowMs: number, limit: number): number {
    if (!this.#seenIds.hasExpired(nowMs)) return 0;
    return -this.#changeSeenIds("expire", () => this.#seenIds.expireStep(nowMs, limit)).idCount;
  }

  /**
   * Merges runs of seen ids where there are many: one small step, or as many as keep up with the ids that
   * were added since the last call.
   */
  mergeSteps(nowMs: number, addedCount: number): void {
    const limit = Math.max(1, addedCount * MOVES_AN_ID);
    for (let moved = 0; moved < limit && this.#seenIds.hasMerges(nowMs);) {
      moved += this.#changeSeenIds("merge", () => this.#seenIds.mergeStep(nowMs)).movedCount;
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #readSeenIdCount(): number {
    const row = this.#database.prepare("SELECT value FROM counters WHERE name = 'seenIds'").get();
    return Number(row?.["value"] ?? 0);
  }

  #markPublished(sequence: number): void {
    this.#database
      .prepare("UPDATE commits SET is_published = 1 WHERE is_published = 0 AND sequence <= ?")
      .run(sequence);
  }

  #insertCommit({ sequence, committedAtMs, trigger, files }: Commit): void {
    this.#database.prepare("INSERT INTO commits VALUES (?, ?, ?, 0)").run(
      sequence,
      committedAtMs,
      trigger,
    );
    const insert = this.#database.prepare("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const file of files) {
      insert.run(
        sequence,
        file.finalPath,
        file.stagedPath,
        file.kind,
        file.rowCount,
        file.bytes,
        file.checksum,
        file.minTsMicroseconds,
        file.maxTsMicroseconds,
      );
    }
  }

  #store(commit: Commit, movePartition: (range: OffsetRange) => void): void {
    this.#changeSeenIds("commit", () => {
      this.#markPublished(commit.sequence - 1);
      this.#insertCommit(commit);
      for (const range of commit.ranges) {
        this.#insertRange(commit.sequence, range);
        movePartition(range);
      }
      this.#writeCounters(counterRows(commit.counters));
      return this.#seenIds.add(commit.freshHashes, commit.committedAtMs);
    });
  }

  /** A transaction that changes the seen ids, and their count with them. */
  #changeSeenIds<T extends SeenIdsChange>(name: "commit" | "expire" | "merge", action: () => T): T {
    const countBefore = this.seenIdCount;
    const write = () => {
      const change = action();
      this.#writeCounters([["seenIds", "", countBefore + change.idCount]]);
      return change;
    };
    // What a lost merge or expiry would have done is done again, so the disk need not be waited for.
    const change = name === "commit"
      ? this.#transaction(name, write)
      : this.#withoutSync(() => this.#transaction(name, write));
    change.apply();
    this.#seenIdCount = countBefore + change.idCount;
    return change;
  }

  /** Makes the transactions of an action durable with the next one that is waited for. */
  #withoutSync<T>(action: () => T): T {
    this.#database.exec("PRAGMA synchronous = NORMAL");
    try {
      return action();
    } finally {
      this.#database.exec("PRAGMA synchronous = FULL");
    }
  }

  #insertRange(
    sequence: number,
    { topic, partition, firstOffset, nextOffset, ...counts }: OffsetRange,
  ): void {
    const { publishedCount, duplicateCount, rejectedCount } = counts;
    this.#database.prepare("INSERT INTO offset_ranges VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
      sequence,
      topic,
      partition,
      firstOffset,
      nextOffset,
      publishedCount,
      duplicateCount,
      rejectedCount,
    );
  }

  /** Moves a partition forward; false, and nothing done, where the range begins before its next offset. */
  #movePartition({ topic, partition, firstOffset, nextOffset, ...counts }: OffsetRange): boolean {
    const { changes } = this.#database.prepare(
      `INSERT INTO partitions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         next_offset = excluded.next_offset, published = published + excluded.published,
         duplicate = duplicate + excluded.duplicate, rejected = rejected + excluded.rejected
       WHERE excluded.next_offset > next_offset AND ? >= next_offset`,
    ).run(
      topic,
      partition,
      nextOffset,
      counts.publishedCount,
      counts.duplicateCount,
      counts.rejectedCount,
      firstOffset,
    );
    return changes === 1;
  }

  #addToPartition({ topic, partition, nextOffset, ...counts }: OffsetRange): void {
    this.#database.prepare(
      `UPDATE partitions SET next_offset = max(next_offset, ?), published = published + ?,
         duplicate = duplicate + ?, rejected = rejected + ? WHERE topic = ? AND partition = ?`,
    ).run(
      nextOffset,
      counts.publishedCount,
      counts.duplicateCount,
      counts.rejectedCount,
      topic,
      partition,
    );
  }

  #writeCounters(rows: readonly CounterRow[]): void {
    const write = this.#database.prepare(
      "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    for (const row of rows) write.run(...row);
  }

  #transaction<T>(
    name: "commit" | "published" | "expire" | "merge" | "settings",
    action: () => T,
  ): T {
    const path = CHECKPOINT_FILE;
    try {
      operateSync(this.#hooks, { label: `${name}:begin`, path }, () => this.#begin.run());
      const result = operateSync(this.#hooks, { label: `${name}:write`, path }, action);
      operateSync(this.#hooks, { label: `${name}:end`, path }, () => this.#end.run());
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#undo.run();
      this.#seenIds.forget();
      this.#seenIdCount = null;
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }
}

function randomKey(): Uint32Array {
  return crypto.getRandomValues(new Uint32Array(KEY_WORDS));
}

function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec(
      `PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
       PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 1000`,
    );
    return database;
  } catch (error) {
    database?.close();
    throw isUnreadable(error) ? unreadable(error) : error;
  }
}

function isUnreadable(error: unknown): boolean {
  return /malformed|not a database|disk image|corrupt|no such column|no such table|has \d+ columns/i
    .test(messageOf(error));
}

function unreadable(error: unknown): Error {
  return damagedError(
    `${CHECKPOINT_FILE} cannot be read as a checkpoint (${
      messageOf(error)
    }). Restore it from a copy, ` +
      `or make a new one from the lake's files: orilla rebuild`,
    error,
  );
}
