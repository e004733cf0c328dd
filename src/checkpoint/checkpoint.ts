import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Commit, Committed, ManifestFile, OffsetRange } from "../core/commit.ts";
import { counterRows } from "../core/counters.ts";
import { assert, damagedError, messageOf } from "../core/errors.ts";
import { KEY_WORDS } from "../core/id_hash.ts";
import type { CommitCounts } from "../core/reject_window.ts";
import { REPLAY_PARTITION } from "../core/replay.ts";
import { makeEmptyFileSync, OWNER_ONLY } from "../runtime/file_mode.ts";
import { type FaultHooks, noFaults, operateSync } from "../runtime/operations.ts";
import { DeadLetterLog, type DeadLetterTransaction } from "./dead_letter_log.ts";
import { DuplicateRecords } from "./duplicates.ts";
import { type DateTotals, readDateTotals } from "./date_totals.ts";
import { FileFilters } from "./file_filters.ts";
import { ReplacedFiles, type ReplacementTransaction } from "./replaced_files.ts";
import { allRows, eventFilesOf, manifestFileOf, readCommitted, readSeenIdCount } from "./rows.ts";
import {
  addToPartition,
  insertCommit,
  insertRange,
  movePartition,
  writeCounters,
} from "./commit_rows.ts";
import { CHECKPOINT_FILE, prepareSchema, readIdKey, readMeta } from "./schema.ts";
import { SeenIds, type SeenIdsChange } from "./seen_ids.ts";
import { GROUPS_A_STEP } from "./seen_merging.ts";

export interface CheckpointOptions {
  /** Absolute path of OUT_DIR, which exists. */
  readonly outDir: string;
  /** The file's name where it is not the checkpoint itself (`orilla rebuild` makes a new one beside it). */
  readonly file?: string;
  /** How long an event id counts as seen, milliseconds; 0 for ever. */
  readonly ttlMs: number;
  /** How long the duplicates found are kept, milliseconds; 0 for ever. */
  readonly duplicateTtlMs: number;
  /** See `SeenIdsOptions.memoryBytes`. */
  readonly seenMemoryBytes?: number;
  /** Twelve random hexadecimal digits, used if the checkpoint is new. */
  readonly newInstanceId: string;
  /** The file's mode where it is made. */
  readonly fileMode?: number;
  /** Four words, the key of the event ids' hashes if the checkpoint is new; random where it is absent. */
  readonly newIdKey?: Uint32Array;
  readonly hooks?: FaultHooks;
}

/** Small commits count as one of so many ids, so that after a large merge theirs do not wait for long. */
const LEAST_ADDED = 5_000;

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
  /** Key of the hashes that stand for event ids; secret, so that nobody can make two ids with one hash. */
  readonly idKey: Uint32Array;
  readonly deadLetters: DeadLetterLog;
  readonly replacedFiles: ReplacedFiles;
  readonly #database: DatabaseSync;
  readonly #seenIds: SeenIds;
  readonly #fileFilters: FileFilters;
  readonly #duplicates: DuplicateRecords;
  readonly #hooks: FaultHooks;
  /** Null where it has to be read, since a transaction failed. */
  #seenIdCount: number | null = null;
  /** Hashes that merges are to move; negative where a step moved more. */
  #movesDue = 0;
  /** Statements, since errors of `exec` carry no SQLite code to decide on. */
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #undo: StatementSync;
  readonly #lastSequence: StatementSync;

  /** @throws OrillaError with exit code 3 where the file cannot be read as a checkpoint */
  constructor(
    { outDir, file = CHECKPOINT_FILE, ...options }: CheckpointOptions,
  ) {
    const { ttlMs, duplicateTtlMs, seenMemoryBytes: memoryBytes, newInstanceId, newIdKey } =
      options;
    this.#hooks = options.hooks ?? noFaults;
    makeEmptyFileSync(`${outDir}/${file}`, options.fileMode ?? OWNER_ONLY);
    this.#database = open(`${outDir}/${file}`);
    try {
      prepareSchema(this.#database, newInstanceId, newIdKey ?? randomKey());
      this.#seenIds = new SeenIds(this.#database, { ttlMs, memoryBytes });
      this.#fileFilters = new FileFilters(this.#database);
      this.#duplicates = new DuplicateRecords(this.#database, duplicateTtlMs);
      this.deadLetters = new DeadLetterLog(
        this.#database,
        this.#fileFilters,
        this.#transaction.bind(this),
      );
      this.replacedFiles = new ReplacedFiles(
        this.#database,
        this.#fileFilters,
        this.#transaction.bind(this),
      );
      this.instanceId = readMeta(this.#database, "instance_id");
      this.idKey = readIdKey(this.#database);
      this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
      this.#end = this.#database.prepare("COMMIT");
      this.#undo = this.#database.prepare("ROLLBACK");
      this.#lastSequence = this.#database.prepare("SELECT max(sequence) AS sequence FROM commits");
    } catch (error) {
      this.#database.close();
      throw isUnreadable(error) ? unreadable(error) : error;
    }
  }

  /** Event ids held, expired ones that were not swept yet among them. */
  get seenIdCount(): number {
    return this.#seenIdCount ??= readSeenIdCount(this.#database);
  }

  /** What the last commit left. */
  read(): Committed {
    return readCommitted(this.#database);
  }

  /** The number of the last commit, 0 before the first. */
  lastSequence(): number {
    return Number(this.#lastSequence.get()?.["sequence"] ?? 0);
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

  /** Files of events, added up by the date of their lake partition; each call goes through the whole manifest. */
  dateTotals(): readonly DateTotals[] {
    return readDateTotals(this.#database);
  }

  /** The files of commits that are not known to be published. */
  unpublishedFiles(): readonly (ManifestFile & { readonly sequence: number })[] {
    return allRows(
      this.#database,
      "SELECT f.* FROM commits c JOIN files f USING (sequence) WHERE c.is_published = 0 ORDER BY 1, 2",
    ).map((row) => ({ ...manifestFileOf(row), sequence: Number(row["sequence"]) }));
  }

  /** The event files of some commits, commit by commit: of those from `first` up to, not including, `end`. */
  eventFiles(first: number, end: number): readonly ManifestFile[] {
    return eventFilesOf(this.#database, { first, end });
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
    this.#store(commit, {
      movePartition: (range) => {
        assert(
          movePartition(this.#database, range),
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

  /** Adds ids that count as seen since a time: those of a merged file, which has rows of many commits. */
  adoptIds(hashes: Uint32Array, seenAtMs: number): void {
    this.#changeSeenIds("commit", () => this.#seenIds.add(hashes, seenAtMs));
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
   * Merges runs of seen ids where there are many: as much as keeps up with the ids that were added since the
   * last call, or one small step where there are none.
   */
  mergeSteps(nowMs: number, addedCount: number): void {
    if (addedCount === 0) {
      if (this.#seenIds.hasMerges(nowMs)) this.#mergeStep(nowMs, 1);
      return;
    }
    this.#movesDue += Math.max(addedCount, LEAST_ADDED) * this.#seenIds.movesAnId;
    while (this.#movesDue > 0 && this.#seenIds.hasMerges(nowMs)) {
      this.#movesDue -= this.#mergeStep(nowMs, GROUPS_A_STEP);
    }
    this.#movesDue = Math.min(this.#movesDue, 0);
  }

  /** Drops the expired duplicates of a few commits, if there are any. */
  dropDuplicatesStep(nowMs: number): void {
    if (!this.#duplicates.hasExpired(nowMs)) return;
    this.#transaction("expire", () => this.#duplicates.dropStep(nowMs));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #markPublished(sequence: number): void {
    this.#database
      .prepare("UPDATE commits SET is_published = 1 WHERE is_published = 0 AND sequence <= ?")
      .run(sequence);
  }

  #adopting(commit: Commit): TakingIn {
    return {
      movePartition: (range) =>
        movePartition(this.#database, range) || addToPartition(this.#database, range),
      markReplays: (replays) => this.deadLetters.markAdopted(replays, replayedBy(commit)),
    };
  }

  #store(commit: Commit, takingIn: TakingIn): void {
    this.#changeSeenIds("commit", () => this.#write(commit, takingIn));
  }

  /** A transaction that changes the seen ids, and their count with them. */
  #changeSeenIds<T extends SeenIdsChange>(name: "commit" | "expire" | "merge", action: () => T): T {
    const countBefore = this.seenIdCount;
    const write = () => {
      const change = action();
      writeCounters(this.#database, [["seenIds", "", countBefore + change.idCount]]);
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

  /** Moves the hashes of some groups of chunks; returns how many. */
  #mergeStep(nowMs: number, groupLimit: number): number {
    return this.#changeSeenIds("merge", () => this.#seenIds.mergeStep(nowMs, groupLimit))
      .movedCount;
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

  /** What a commit changes, inside its transaction; returns how the seen ids changed. */
  #write(commit: Commit, { movePartition: takesIn, markReplays }: TakingIn): SeenIdsChange {
    this.#markPublished(commit.sequence - 1);
    insertCommit(this.#database, commit);
    for (const range of commit.ranges) {
      insertRange(this.#database, commit.sequence, range);
      takesIn(range);
    }
    markReplays(commit.replays);
    this.#fileFilters.add(commit.sequence, commit.traces.filters);
    if (commit.traces.duplicates !== null) this.#duplicates.add(commit.traces.duplicates, commit);
    writeCounters(this.#database, counterRows(commit.counters));
    return this.#seenIds.add(commit.freshHashes, commit.committedAtMs);
  }

  #transaction<T>(
    name:
      | ("commit" | "published" | "expire" | "merge" | "settings")
      | DeadLetterTransaction
      | ReplacementTransaction,
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
       PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 1000`,
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
