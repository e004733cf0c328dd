import type { Counters } from "./counters.ts";
import type { Duplicates } from "./duplicates.ts";
import type { FileKind } from "./lake_path.ts";
import type { Trigger } from "./outcome.ts";
import type { TopicPartition } from "./record.ts";
import type { Replay } from "./replay.ts";

/** What a commit handled of one topic-partition: the offsets from `firstOffset` up to, not including, `nextOffset`. */
export interface OffsetRange extends TopicPartition {
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
  readonly publishedCount: number;
  readonly duplicateCount: number;
  readonly rejectedCount: number;
}

/** A file of a commit, as the manifest holds it. Paths are relative to OUT_DIR. */
export interface ManifestFile {
  readonly kind: FileKind;
  readonly stagedPath: string;
  readonly finalPath: string;
  readonly rowCount: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
  /** Smallest and largest ts in the file (time of rejection for dead letters), microseconds since 1970-01-01 UTC. */
  readonly minTsMicroseconds: bigint;
  readonly maxTsMicroseconds: bigint;
}

/** A filter of the event ids in a file of a commit, see id_filter.ts. */
export interface FileFilter {
  readonly finalPath: string;
  readonly filter: Uint8Array;
}

/** What a commit leaves for `orilla trace`. */
export interface CommitTraces {
  /** Of its files; one without a filter is looked through by each trace. */
  readonly filters: readonly FileFilter[];
  /** null where it has none, or was read back from files that do not tell them. */
  readonly duplicates: Duplicates | null;
}

/** Everything that becomes durable together. */
export interface Commit {
  /** 1 for the first commit of a checkpoint; each one adds 1. */
  readonly sequence: number;
  /** Milliseconds since 1970-01-01 UTC; ids of this commit count as seen from here. */
  readonly committedAtMs: number;
  readonly trigger: Trigger;
  readonly files: readonly ManifestFile[];
  readonly ranges: readonly OffsetRange[];
  /** The keyed hashes of the accepted events' ids, in their order, each once. */
  readonly freshHashes: Uint32Array;
  readonly traces: CommitTraces;
  /** What became of the dead letters that this commit replayed. */
  readonly replays: readonly Replay[];
  /** The counters as they stand after this commit. */
  readonly counters: Counters;
}

/** What a commit store knows of a topic-partition. */
export interface PartitionState extends TopicPartition {
  readonly nextOffset: bigint;
  readonly publishedCount: number;
  readonly duplicateCount: number;
  readonly rejectedCount: number;
}

/** What the last commit left. */
export interface Committed {
  /** 0 before the first commit. */
  readonly sequence: number;
  readonly partitions: readonly PartitionState[];
  readonly counters: Counters;
}
