import type { Finding } from "../core/check.ts";
import type { Committed } from "../core/commit.ts";
import type { Origin } from "../core/record.ts";
import type { MarkedReplay } from "../core/replay.ts";
import type { LakeHistory } from "./history.ts";
import type { CheckpointContent } from "./inspection.ts";
import type { LakeStatus } from "./lake_status.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "./small_files.ts";
import type { Soundness } from "./soundness.ts";
import type { CheckpointTrace, TracedFile } from "./traces.ts";

/** Whose a checkpoint is, and how far it got. */
export interface CheckpointPositions {
  /** The instances that have written to it; SQLite's has one. */
  readonly instanceIds: readonly string[];
  /** See `CommitStore`. */
  readonly rebuiltInstanceIds: readonly string[];
  readonly committed: Committed;
}

/**
 * A checkpoint looked at, without writing to it and beside its writers. Each answer is as of one moment.
 *
 * All but `soundness` throw an OrillaError: with exit code 3 where there is no checkpoint
 * or it cannot be read, with 1 where something outside (disk, server) is the reason.
 */
export interface CheckpointReader extends AsyncDisposable {
  /** How messages name it: a path, or a URL without its password. */
  readonly name: string;
  /** Whether several processes may write to its lake at the same time. */
  readonly isShared: boolean;
  /** Whether there is one. */
  exists(): Promise<boolean>;
  /** Whether a process has it open for writing just now. */
  isWriting(): Promise<boolean>;
  /** Everything that it says of the lake. */
  content(): Promise<CheckpointContent>;
  positions(): Promise<CheckpointPositions>;
  /** Its figures, with so many of the newest dates. */
  status(dateLimit: number): Promise<LakeStatus>;
  /** All its commits and files. */
  history(): Promise<LakeHistory>;
  /** What it knows of an event id: files that may hold it, and duplicates. */
  trace(eventId: string): Promise<CheckpointTrace>;
  /** The filter of a file's event ids; null where it has none. */
  fileFilter(file: Pick<TracedFile, "sequence" | "finalPath">): Promise<Uint8Array | null>;
  /** Whether a file that was committed was purged by now. */
  isPurged(path: string): Promise<boolean>;
  /** Whether a file that was committed was merged into another one by now. */
  isReplaced(path: string): Promise<boolean>;
  /** Files that were merged into others, and are not known to be gone. */
  unremovedReplaced(): Promise<readonly string[]>;
  /** The commit of a batch that was made at a time, milliseconds since 1970-01-01 UTC; null where there is none. */
  sequenceAt(committedAtMs: number): Promise<number | null>;
  /** The small files of all lake partitions that have some to merge, by folder. */
  smallFiles(rule: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]>;
  /** How many dead letters lie in the lake, replayed ones among them. */
  deadLetterCount(): Promise<number>;
  /** What became of a dead letter, null where it waits. */
  markOf(letter: Origin): Promise<MarkedReplay | null>;
  /** Whether it is sound, by a quick look. */
  soundness(): Promise<Soundness>;
  /** What `doctor` is to know of its server: whether it keeps what it says it has kept. SQLite has none. */
  serverChecks(): readonly ServerCheck[];
}

/** A check of a store's server, not made yet; what it throws is its finding. */
export interface ServerCheck {
  readonly name: string;
  readonly make: () => Promise<Finding>;
}
