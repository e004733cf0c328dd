import type { Commit, Committed, ManifestFile, PartitionState } from "../core/commit.ts";
import { partitionName, type TopicPartition } from "../core/record.ts";
import type { CommitCounts } from "../core/reject_window.ts";
import { OWNER_ONLY } from "../runtime/file_mode.ts";
import { Files } from "../runtime/files.ts";
import { noFaults } from "../runtime/operations.ts";
import { Checkpoint } from "./checkpoint.ts";
import { CHECKPOINT_FILE } from "./schema.ts";
import type {
  CommitName,
  CommitOutcome,
  CommitStore,
  DeadLetterMarks,
  Replacements,
  StoreOptions,
  TidyLimits,
  UnpublishedCommit,
} from "./commit_store.ts";
import type { DateTotals } from "./date_totals.ts";
import { makeInstanceId } from "./instances.ts";
import { LOCK_FILE, lockOutDir } from "./lock.ts";

/** Commits whose files are read at a time. */
const PAGE_COMMITS = 1_000;

/**
 * The checkpoint in OUT_DIR, as a commit store of one process: a lock keeps others out, so claims need nothing.
 * What is called runs at once, in the turn of the call.
 */
export class SqliteStore implements CommitStore {
  readonly isShared = false;
  readonly instanceId: string;
  readonly idKey: Uint32Array;
  readonly deadLetters: DeadLetterMarks;
  readonly replacements: Replacements;
  readonly #checkpoint: Checkpoint;
  readonly #files: Files;
  /** Which file was opened. */
  readonly #identity: string | null;
  readonly #resources: DisposableStack;

  private constructor({ checkpoint, files, identity, resources }: {
    readonly checkpoint: Checkpoint;
    readonly files: Files;
    readonly identity: string | null;
    readonly resources: DisposableStack;
  }) {
    this.#checkpoint = checkpoint;
    this.#files = files;
    this.#identity = identity;
    this.#resources = resources;
    this.instanceId = checkpoint.instanceId;
    this.idKey = checkpoint.idKey;
    this.deadLetters = marksOf(checkpoint);
    this.replacements = replacementsOf(checkpoint);
  }

  /**
   * Locks OUT_DIR and opens its checkpoint, or begins one.
   *
   * @param outDir absolute path
   * @throws OrillaError with exit code 1 where another process has it, 3 where it cannot be read
   */
  static async open(outDir: string, options: StoreOptions): Promise<SqliteStore> {
    const { hooks = noFaults, fileMode = OWNER_ONLY } = options;
    using resources = new DisposableStack();
    const files = new Files(outDir, hooks, { fileMode });
    for (const name of [CHECKPOINT_FILE, LOCK_FILE]) await files.refuseLink(name);
    resources.use(lockOutDir(outDir, fileMode));
    if (!await files.exists(CHECKPOINT_FILE)) await options.beforeNew?.();
    const newInstanceId = makeInstanceId();
    const checkpoint = resources.use(new Checkpoint({ ...options, outDir, newInstanceId }));
    const identity = await files.identity(CHECKPOINT_FILE);
    return new SqliteStore({ checkpoint, files, identity, resources: resources.move() });
  }

  get seenIdCount(): number {
    return this.#checkpoint.seenIdCount;
  }

  /** SQLite goes on writing to a checkpoint that was removed, and such commits would be lost. */
  async assertInPlace(): Promise<void> {
    if (await this.#files.identity(CHECKPOINT_FILE) === this.#identity) return;
    const message = `${
      this.#files.absolute(CHECKPOINT_FILE)
    } is not the file that was opened: OUT_DIR was removed or replaced`;
    throw Object.assign(new Error(message), { code: "ENOENT" });
  }

  read(): Promise<Committed> {
    return Promise.try(() => this.#checkpoint.read());
  }

  lastCommitMs(): Promise<number | null> {
    return Promise.try(() => this.#checkpoint.lastCommitMs());
  }

  recentCounts(recordCount: number): Promise<readonly CommitCounts[]> {
    return Promise.try(() => {
      const counts: CommitCounts[] = [];
      let sum = 0;
      for (const commit of this.#checkpoint.recentCounts()) {
        counts.push(commit);
        sum += commit.receivedCount;
        if (sum >= recordCount) break;
      }
      return counts;
    });
  }

  dateTotals(): Promise<readonly DateTotals[]> {
    return Promise.try(() => this.#checkpoint.dateTotals());
  }

  async *eventFiles(first: number): AsyncGenerator<readonly ManifestFile[]> {
    const { sequence: last } = this.#checkpoint.read();
    for (let from = first; from <= last; from += PAGE_COMMITS) {
      yield this.#checkpoint.eventFiles(from, from + PAGE_COMMITS);
    }
  }

  unpublished(): Promise<readonly UnpublishedCommit[]> {
    return Promise.try(() => {
      const { instanceId } = this;
      const bySequence = Map.groupBy(
        this.#checkpoint.unpublishedFiles(),
        ({ sequence }) => sequence,
      );
      return Array.from(bySequence, ([sequence, rows]) => ({
        sequence,
        instanceId,
        files: rows.map(({ sequence: _, ...file }) => file),
      }));
    });
  }

  instanceIds(): Promise<readonly string[]> {
    return Promise.resolve([this.instanceId]);
  }

  rebuiltInstanceIds(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  /** No other process writes here, so whoever staged a file has ended. */
  endedInstances(staged: Iterable<string>): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(staged));
  }

  unknownAmong(): Promise<readonly CommitName[]> {
    return Promise.resolve([]);
  }

  setting(name: string): Promise<string | null> {
    return Promise.try(() => this.#checkpoint.setting(name));
  }

  note(name: string, value: string): Promise<void> {
    return Promise.try(() => this.#checkpoint.note(name, value));
  }

  claim(partitions: readonly TopicPartition[]): Promise<readonly PartitionState[]> {
    const names = new Set(partitions.map(partitionName));
    return Promise.try(() =>
      this.#checkpoint.read().partitions.filter((state) => names.has(partitionName(state)))
    );
  }

  reserve(): Promise<number> {
    return Promise.try(() => this.#checkpoint.lastSequence() + 1);
  }

  seenAmong(hashes: Uint32Array, nowMs: number): Promise<Uint8Array> {
    return Promise.try(() => this.#checkpoint.seenAmong(hashes, nowMs));
  }

  commit(commit: Commit): Promise<CommitOutcome> {
    return Promise.try(() => {
      this.#checkpoint.commit(commit);
      return "committed";
    });
  }

  /** What a try left is known when it returns. */
  withdraw(): Promise<boolean> {
    return Promise.resolve(false);
  }

  rehearse(commit: Commit): Promise<void> {
    return Promise.try(() => this.#checkpoint.rehearse(commit));
  }

  adopt(commit: Commit): Promise<void> {
    return Promise.try(() => this.#checkpoint.adopt(commit));
  }

  markPublished(sequences: readonly number[]): Promise<void> {
    return Promise.try(() => this.#checkpoint.markPublished(Math.max(...sequences)));
  }

  tidy({ nowMs, expireLimit, addedCount }: TidyLimits): Promise<number> {
    return Promise.try(() => {
      this.#checkpoint.dropDuplicatesStep(nowMs);
      const expired = this.#checkpoint.expireStep(nowMs, expireLimit);
      this.#checkpoint.mergeSteps(nowMs, addedCount);
      return expired;
    });
  }

  leave(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.try(() => this.#resources.dispose());
  }
}

function marksOf({ deadLetters }: Checkpoint): DeadLetterMarks {
  return {
    markOf: (letter) => Promise.try(() => deadLetters.replayOf(letter)),
    markSent: (replays, atMs) => Promise.try(() => deadLetters.markSent(replays, atMs)),
    purge: (files) => Promise.try(() => deadLetters.purge(files)),
    unremovedPurges: () => Promise.try(() => deadLetters.unremovedPurges()),
    markRemoved: () => Promise.try(() => deadLetters.markRemoved()),
  };
}

function replacementsOf({ replacedFiles }: Checkpoint): Replacements {
  return {
    replace: (commit, sources) => Promise.try(() => replacedFiles.replace(commit, sources)),
    adopt: (commit, paths) => Promise.try(() => replacedFiles.adopt(commit, paths)),
    unremoved: (untilMs) => Promise.try(() => replacedFiles.unremoved(untilMs)),
    replacedBy: (path) => Promise.try(() => replacedFiles.replacedBy(path)),
    replacedAmong: (paths) => Promise.try(() => replacedFiles.replacedAmong(paths)),
    markRemoved: (paths) => Promise.try(() => replacedFiles.markRemoved(paths)),
    foldersWithSmall: (rule) => Promise.try(() => replacedFiles.foldersWithSmall(rule)),
    smallFilesIn: (folder, belowBytes) =>
      Promise.try(() => replacedFiles.smallFilesIn(folder, belowBytes)),
  };
}
