import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Commit, Committed, ManifestFile, OffsetRange } from "../core/commit.ts";
import { type CounterRow, counterRows } from "../core/counters.ts";
import { assert, damagedError, messageOf } from "../core/errors.ts";
import type { CommitCounts } from "../core/reject_window.ts";
import { REPLAY_PARTITION } from "../core/replay.ts";
import { type FaultHooks, noFaults, operateSync } from "../runtime/operations.ts";
import { DeadLetterLog, type DeadLetterTransaction } from "./dead_letter_log.ts";
import { DuplicateRecords } from "./duplicates.ts";
import { FileFilters } from "./file_filters.ts";
import { allRows, manifestFileOf, readCommitted } from "./rows.ts";
import { prepareSchema, readMeta } from "./schema.ts";
import { SeenIds } from "./seen_ids.ts";

/** The checkpoint's file inside OUT_DIR. */
export const CHECKPOINT_FILE = "checkpoint.sqlite";

export interface CheckpointOptions {
  /** Absolute path of OUT_DIR, which exists. */
  readonly outDir: string;
  /** The file's name where it is not the checkpoint itself (`orilla rebuild` makes a new one beside it). */
  readonly file?: string;
  /** How long an event id counts as seen, milliseconds; 0 for ever. */
  readonly ttlMs: number;
  /** How long the duplicates found are kept, milliseconds; 0 for ever. */
  readonly duplicateTtlMs: number;
  /** Twelve random hexadecimal digits, used if the checkpoint is new. */
  readonly newInstanceId: string;
  readonly hooks?: FaultHooks;
}

/** What commits of this process, and those read back from the lake's files, do differently. */
interface TakingIn {
  readonly movePartition: (range: OffsetRange) => void;
  readonly markReplays: (replays: Commit["replays"]) => void;
}

/**
 * The commit store: the one truth about what was handled. Manifest, seen ids, next offsets and counters
 * change together, in one SQLite transaction with synchronous=FULL. Calls are synchronous, so nothing can
 * come between a check of the assignment and the commit that follows it.
 */
export class Checkpoint implements Disposable {
  readonly instanceId: string;
  readonly deadLetters: DeadLetterLog;
  readonly #database: DatabaseSync;
  readonly #seenIds: SeenIds;
  readonly #fileFilters: FileFilters;
  readonly #duplicates: DuplicateRecords;
  readonly #hooks: FaultHooks;
  #seenIdCount: number;
  readonly #ttlMs: number;
  /** No id was seen before this; Infinity while there is none. */
  #oldestSeenMs: number;
  /** Statements, since errors of `exec` carry no SQLite code to decide on. */
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #undo: StatementSync;

  /** @throws OrillaError with exit code 3 where the file cannot be read as a checkpoint */
  constructor(
    { outDir, file = CHECKPOINT_FILE, hooks = noFaults, ...options }: CheckpointOptions,
  ) {
    const { ttlMs, duplicateTtlMs, newInstanceId } = options;
    this.#hooks = hooks;
    this.#ttlMs = ttlMs;
    this.#database = open(`${outDir}/${file}`);
    try {
      prepareSchema(this.#database, newInstanceId);
      this.#seenIds = new SeenIds(this.#database, ttlMs);
      this.#fileFilters = new FileFilters(this.#database);
      this.#duplicates = new DuplicateRecords(this.#database, duplicateTtlMs);
      this.deadLetters = new DeadLetterLog(
        this.#database,
        this.#fileFilters,
        this.#transaction.bind(this),
      );
      this.instanceId = readMeta(this.#database, "instance_id");
      this.#seenIdCount = this.#readSeenIdCount();
      this.#oldestSeenMs = this.#readOldestSeenMs();
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
    return this.#seenIdCount;
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

  /** How many records each commit received and rejected, the last commit first; replays are left out. */
  *recentCounts(): Generator<CommitCounts> {
    const commits = this.#database.prepare(
      `SELECT sum(published + duplicate + rejected) AS received, sum(rejected) AS rejected
       FROM offset_ranges WHERE topic <> ? GROUP BY sequence ORDER BY sequence DESC`,
    );
    for (const { received, rejected } of commits.iterate(REPLAY_PARTITION.topic)) {
      yield { receivedCount: Number(received), rejectedCount: Number(rejected) };
    }
  }

  /** The files of commits that are not known to be published. */
  unpublishedFiles(): readonly ManifestFile[] {
    return allRows(
      this.#database,
      "SELECT f.* FROM commits c JOIN files f USING (sequence) WHERE c.is_published = 0 ORDER BY 1, 2",
    ).map(manifestFileOf);
  }

  /** The places in `ids` of those accepted before, within the time to live. */
  seenAmong(ids: readonly string[], nowMs: number): readonly number[] {
    try {
      return this.#seenIds.seenAmong(ids, nowMs);
    } catch (error) {
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }

  /** Makes a commit durable as a whole, or throws and leaves no trace of it. All earlier ones count as published. */
  commit(commit: Commit): void {
    this.#store(commit, {
      movePartition: (range) => {
        assert(
          this.#movePartition(range),
          "a commit begins where the last one of its partition ended, or later",
        );
      },
      markReplays: (replays) => this.deadLetters.mark(replays, replayedBy(commit)),
    });
  }

  /** Does all of a commit and takes it back: throws what the commit would throw, and leaves no trace. */
  rehearse(commit: Commit): void {
    this.#begin.run();
    try {
      this.#write(commit, this.#adopting(commit));
    } finally {
      if (this.#database.isTransaction) this.#undo.run();
    }
  }

  /** Stores a commit that was read back from the lake's files; its offsets may overlap with others'. */
  adopt(commit: Commit): void {
    this.#store(commit, this.#adopting(commit));
  }

  /** Notes that all files up to this commit have their final names. */
  markPublished(sequence: number): void {
    this.#transaction("published", () => this.#markPublished(sequence));
  }

  /** Deletes the expired ones among the next `limit` seen ids; returns how many that were. */
  expireStep(nowMs: number, limit: number): number {
    if (nowMs - this.#ttlMs < this.#oldestSeenMs) return 0;
    let deleted = 0;
    this.#transaction("expire", () => {
      deleted = this.#seenIds.expireStep(nowMs, limit);
      if (deleted > 0) this.#writeCounters([["seenIds", "", this.#seenIdCount - deleted]]);
    });
    this.#seenIdCount -= deleted;
    return deleted;
  }

  /** Drops the expired duplicates of a few commits, if there are any. */
  dropDuplicatesStep(nowMs: number): void {
    if (!this.#duplicates.hasExpired(nowMs)) return;
    this.#transaction("expire", () => this.#duplicates.dropStep(nowMs));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #readSeenIdCount(): number {
    const row = this.#database.prepare("SELECT value FROM counters WHERE name = 'seenIds'").get();
    return Number(row?.["value"] ?? 0);
  }

  /** Every id was added by a commit, so the first commit bounds them. */
  #readOldestSeenMs(): number {
    const row = this.#database.prepare("SELECT min(committed_at_ms) AS ms FROM commits").get();
    return typeof row?.["ms"] === "number" ? row["ms"] : Infinity;
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

  #adopting(commit: Commit): TakingIn {
    return {
      movePartition: (range) => this.#movePartition(range) || this.#addToPartition(range),
      markReplays: (replays) => this.deadLetters.markAdopted(replays, replayedBy(commit)),
    };
  }

  #store(commit: Commit, takingIn: TakingIn): void {
    let added = 0;
    this.#transaction("commit", () => added = this.#write(commit, takingIn));
    this.#seenIdCount += added;
    this.#oldestSeenMs = Math.min(this.#oldestSeenMs, commit.committedAtMs);
  }

  /** What a commit changes, inside its transaction; returns how many seen ids it added. */
  #write(commit: Commit, { movePartition, markReplays }: TakingIn): number {
    this.#markPublished(commit.sequence - 1);
    this.#insertCommit(commit);
    for (const range of commit.ranges) {
      this.#insertRange(commit.sequence, range);
      movePartition(range);
    }
    markReplays(commit.replays);
    this.#fileFilters.add(commit.sequence, commit.traces.filters);
    if (commit.traces.duplicates !== null) this.#duplicates.add(commit.traces.duplicates, commit);
    const added = this.#seenIds.add(commit.freshIds, commit.committedAtMs);
    this.#writeCounters(counterRows(commit.counters));
    this.#writeCounters([["seenIds", "", this.#seenIdCount + added]]);
    return added;
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

  #transaction(
    name: "commit" | "published" | "expire" | DeadLetterTransaction,
    action: () => void,
  ): void {
    const path = CHECKPOINT_FILE;
    operateSync(
      this.#hooks,
      { label: `${name}:begin`, path },
      () => this.#begin.run(),
    );
    try {
      operateSync(this.#hooks, { label: `${name}:write`, path }, action);
      operateSync(this.#hooks, { label: `${name}:end`, path }, () => this.#end.run());
    } catch (error) {
      if (this.#database.isTransaction) this.#undo.run();
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }
}

function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
       PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 8000`,
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

function replayedBy({ sequence, committedAtMs }: Commit) {
  return { sequence, replayedAtMs: committedAtMs };
}
