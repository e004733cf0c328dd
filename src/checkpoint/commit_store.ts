import type { Commit, Committed, ManifestFile, PartitionState } from "../core/commit.ts";
import type { SourceFile } from "../core/compaction.ts";
import type { PurgedFile } from "../core/purge.ts";
import type { Origin, TopicPartition } from "../core/record.ts";
import type { CommitCounts } from "../core/reject_window.ts";
import type { MarkedReplay, Replay } from "../core/replay.ts";
import type { FaultHooks } from "../runtime/operations.ts";
import type { SmallFilesRule } from "./small_files.ts";
import type { DateTotals } from "./date_totals.ts";

/** The server that keeps a checkpoint. */
export interface StoreAccess {
  /** CHECKPOINT_URL, with its password; null where the checkpoint is a SQLite file. */
  readonly url: string | null;
  /** PEM of the authorities that may sign the server's certificate; null, or left out, for the usual ones. */
  readonly caCertificates?: string | null;
}

/** Where a lake's commits are kept. */
export interface StoreLocation extends StoreAccess {
  /** Absolute path of the folder of a checkpoint that is a file, which exists; "" where there is none. */
  readonly checkpointDir: string;
}

/** A process that gives no sign of life to a shared store for so long is expelled by another one that starts. */
export const EXPEL_AFTER_MS = 300_000;

/** What a store is opened for writing with. */
export interface StoreOptions {
  /** How long an event id counts as seen, milliseconds; 0 for ever. */
  readonly ttlMs: number;
  /** How long the duplicates found are kept, milliseconds; 0 for ever. */
  readonly duplicateTtlMs: number;
  /** Of a checkpoint that is a file, see `SeenIdsOptions.memoryBytes`. */
  readonly seenMemoryBytes?: number;
  /** The mode of files that are made. */
  readonly fileMode?: number;
  /**
   * Of a shared store: how long another process may give no sign of life before it is expelled, and what it staged
   * deleted, milliseconds; left out, EXPEL_AFTER_MS.
   */
  readonly expelAfterMs?: number;
  /** Called before a new store is begun: throws where there must be an old one. */
  readonly beforeNew?: () => Promise<void>;
  readonly hooks?: FaultHooks;
}

/**
 * What became of a commit. Only the first one left something in the store:
 * - committed: it is durable as a whole;
 * - seen_meanwhile: another process committed some of its ids since `seenAmong` was asked, which knows them now;
 * - fenced: one of its partitions is not claimed by this process (any more), or this process was expelled.
 */
export type CommitOutcome = "committed" | "seen_meanwhile" | "fenced";

/** Who claims partitions. */
export interface Claimant {
  readonly groupId: string;
  /** The group's generation that assigned them: rises with each rebalance. */
  readonly generation: number;
}

/** A commit whose files are not known to have their final names. */
export interface UnpublishedCommit {
  readonly sequence: number;
  readonly instanceId: string;
  readonly files: readonly ManifestFile[];
}

/** Which commit a published file is of, as its name says. */
export interface CommitName {
  readonly instanceId: string;
  readonly sequence: number;
}

/** What `tidy` may do at once. */
export interface TidyLimits {
  readonly nowMs: number;
  /** About so many expired ids are deleted. */
  readonly expireLimit: number;
  /** How many ids were added since the last call: merging of what holds them keeps up with it. */
  readonly addedCount: number;
}

/**
 * The one truth about what was handled: manifest, seen ids, next offsets and counters change together, or not
 * at all. A store may be shared: several processes then write to one lake through it, and it tells them apart.
 *
 * Failures that can pass later (a server that cannot be reached, a full disk) are thrown as `canPassLater`
 * knows them, and leave nothing behind: whoever calls tries again. Damage is an OrillaError with exit code 3.
 */
export interface CommitStore extends AsyncDisposable {
  /**
   * Twelve hexadecimal digits: whose files and group offsets are this process's. With a shared store it is new
   * at each start, else the checkpoint's.
   */
  readonly instanceId: string;
  /** The key of the hashes that stand for event ids, four words; the lake's, and secret. */
  readonly idKey: Uint32Array;
  /** Whether other processes may write to the lake at the same time. */
  readonly isShared: boolean;
  /** Event ids held, expired ones that were not swept yet among them; of a shared store as last heard. */
  readonly seenIdCount: number;
  readonly deadLetters: DeadLetterMarks;
  readonly replacements: Replacements;

  /** @throws an error that can pass, where what was opened is not there any more (OUT_DIR was unmounted) */
  assertInPlace(): Promise<void>;

  /** What the last commit left. With a shared store the counters are this process's alone. */
  read(): Promise<Committed>;

  /** When the lake's last commit was made, milliseconds since 1970-01-01 UTC; null before the first. */
  lastCommitMs(): Promise<number | null>;

  /**
   * What the last commits received and rejected, the latest first and replays left out: as many as it takes
   * to have `recordCount` records, or all.
   */
  recentCounts(recordCount: number): Promise<readonly CommitCounts[]>;

  /** Files of events, added up by the date of their lake partition; goes through the whole manifest. */
  dateTotals(): Promise<readonly DateTotals[]>;

  /**
   * The event files of the commits from a sequence on, of all processes, those of some commits at a time. A process's
   * commits come in the order in which it made them.
   */
  eventFiles(first: number): AsyncIterable<readonly ManifestFile[]>;

  /** Commits, of all processes, whose files are not known to be published. */
  unpublished(): Promise<readonly UnpublishedCommit[]>;

  /** The instances that have written to the lake by this store. */
  instanceIds(): Promise<readonly string[]>;

  /**
   * Those of a shared store whose commits were read back from the lake's files, since it had lost them. What they
   * committed without a file is not known.
   */
  rebuiltInstanceIds(): Promise<readonly string[]>;

  /**
   * Which of the instances that staged files can commit no more, now or ever: what no commit has of these files
   * may go. Asked of a shared store, where the others may be staging just now; those that give no sign of life are
   * expelled by it.
   */
  endedInstances(staged: Iterable<string>): Promise<ReadonlySet<string>>;

  /**
   * Which of some commits, whose files are published, a shared store does not know: it has lost them. A store of
   * one process reads such commits back, see adoption.ts.
   */
  unknownAmong(commits: Iterable<CommitName>): Promise<readonly CommitName[]>;

  /** A setting of the lake that `note` stored; null where there is none. */
  setting(name: string): Promise<string | null>;

  /** Stores a setting of the lake. */
  note(name: string, value: string): Promise<void>;

  /**
   * Takes partitions over: from now on commits of other processes on them are refused, and all that was
   * committed of them is known here. A store of one process has nothing to do.
   *
   * @param claimant null where no group assigns them (generated events, replays)
   * @returns where they stand, those that were never committed left out; null where a later generation of the
   * same group has claimed one of them, and nothing was claimed
   * @throws OrillaError with exit code 1 where this process was expelled
   */
  claim(
    partitions: readonly TopicPartition[],
    claimant: Claimant | null,
  ): Promise<readonly PartitionState[] | null>;

  /** The number of the next commit, unique in the lake and larger than all before. A shared store leaves gaps. */
  reserve(): Promise<number>;

  /**
   * Says for each hash of an event id, 1 or 0, whether the id was accepted before, within the time to live. It may
   * be asked while a commit of this process is under way, whose ids may then count already, or not yet.
   *
   * @param hashes in their order, each once
   */
  seenAmong(hashes: Uint32Array, nowMs: number): Promise<Uint8Array>;

  /**
   * Makes a commit durable as a whole, or leaves no trace of it. All earlier ones of this process count as
   * published. It may be called again with the same commit after a failure that can pass: one that was durable
   * all the same is not made twice. SQLite's transaction runs before the call returns its promise, so nothing
   * comes between it and what was checked right before.
   */
  commit(commit: Commit): Promise<CommitOutcome>;

  /**
   * Gives up a commit that was tried: the answer of a try may have been lost, and the try be under way still.
   * From here on it is made, or never will be.
   *
   * @returns whether it was made
   */
  withdraw(sequence: number): Promise<boolean>;

  /** Does all of a commit and takes it back: throws what the commit would throw, and leaves no trace. */
  rehearse(commit: Commit): Promise<void>;

  /** Stores a commit that was read back from the lake's files; its offsets may overlap with others'. */
  adopt(commit: Commit): Promise<void>;

  /** Notes that all files of these commits have their final names; a store of one process, of all before too. */
  markPublished(sequences: readonly number[]): Promise<void>;

  /**
   * A step of what has to be done some time: expired ids and duplicates go, what holds the ids is merged.
   *
   * @returns how many ids went
   */
  tidy(limits: TidyLimits): Promise<number>;

  /** Notes that this process ends in good order: its partitions are free. */
  leave(): Promise<void>;
}

/** A file that was merged into another one. */
export type ReplacedFile = Pick<ManifestFile, "finalPath" | "bytes">;

/**
 * Files of events that were merged into others. They leave the manifest in the transaction that brings the merged
 * file in; a store notes them until they are removed.
 */
export interface Replacements {
  /**
   * Makes the one file of a commit take the place of others, as a whole or not at all. All earlier commits of this
   * process count as published. It may be called again with the same commit, as `CommitStore.commit`, and be given
   * up by `withdraw`.
   *
   * @param sources the files whose rows it has, as `smallFilesIn` found them
   * @returns false where nothing has changed: one of them is not in the manifest any more, since another process
   * merged it, or is not known to be published, or this process was expelled
   */
  replace(commit: Commit, sources: readonly SourceFile[]): Promise<boolean>;
  /** The same of a commit that was read back from the lake's files: some of what it replaced is not known here. */
  adopt(commit: Commit, paths: readonly string[]): Promise<void>;
  /**
   * Replaced files that are not known to be gone; of a shared store those whose merged file is known to be published.
   *
   * @param untilMs of commits made until then, milliseconds since 1970-01-01 UTC; left out, of all
   */
  unremoved(untilMs?: number): Promise<readonly string[]>;
  /** The files whose place a merged file took, by its final path; none where it is not in the manifest. */
  replacedBy(path: string): Promise<readonly ReplacedFile[]>;
  /** Which of some files were merged into others. */
  replacedAmong(paths: readonly string[]): Promise<ReadonlySet<string>>;
  /** Notes that these replaced files are gone for good. */
  markRemoved(paths: readonly string[]): Promise<void>;
  /** Folders of lake partitions that have files to merge, in their order; goes through the whole manifest. */
  foldersWithSmall(rule: SmallFilesRule): Promise<readonly string[]>;
  /**
   * The files of events in such a folder that have fewer bytes; of a shared store those that are known to be published.
   */
  smallFilesIn(folder: string, belowBytes: number): Promise<readonly SourceFile[]>;
}

/** What a store notes of dead letters: which were replayed, and which files were removed. */
export interface DeadLetterMarks {
  /** What became of a dead letter, null where it waits. */
  markOf(letter: Origin): Promise<MarkedReplay | null>;
  /** Marks dead letters that were sent to a topic. */
  markSent(replays: readonly Replay[], replayedAtMs: number): Promise<void>;
  /** Notes dead-letter files as purged, before they are removed. */
  purge(files: readonly PurgedFile[]): Promise<void>;
  /** Purged files that are not known to be gone. */
  unremovedPurges(): Promise<readonly string[]>;
  /** Notes that these purged files are gone for good; a store of one process, that all are. */
  markRemoved(paths: readonly string[]): Promise<void>;
}
