/** What readiness depends on, as of one moment. */
export interface ReadinessFacts {
  /** Whether the lake is opened and recovered. */
  readonly isOpen: boolean;
  /** Whether the process was told to stop. */
  readonly isDraining: boolean;
  /** Where records come from; null where they are generated. */
  readonly source: SourceState | null;
  /** For how long something was buffered and nothing committed, milliseconds. */
  readonly uncommittedMs: number;
  /** The longest that this takes when all is well, milliseconds. */
  readonly commitWithinMs: number;
  /** Failed tries of what waits to be committed. */
  readonly failedTries: number;
  /** Whether the last write to OUT_DIR worked. */
  readonly isDiskWritable: boolean;
}

/** A member of a consumer group, as far as readiness depends on it. */
export interface SourceState {
  /** Whether the group has given it partitions, or told it that there are none for it. */
  readonly isAssigned: boolean;
  /** Whether each of them has a known position and a known end. */
  readonly hasPositions: boolean;
  /** For how long the group coordinator accepted nothing of it, milliseconds. */
  readonly silentMs: number;
}

/** Why a process is not ready: a closed list. The texts are for people. */
export const UNREADY_REASONS = {
  starting: "the lake is being opened",
  draining: "told to stop: what is buffered is committed, then it ends",
  not_assigned: "the consumer group has not given it any partitions yet, or took them away",
  lag_unknown: "Kafka does not say where the partitions end, or has not answered for 10 s",
  commit_failing: "a commit failed, and is tried again",
  commit_late: "records wait longer than they should to be committed",
  disk_not_writable: "the last write to OUT_DIR failed",
} as const;
export type UnreadyReason = keyof typeof UNREADY_REASONS;

/** Three heartbeats. */
const SILENT_MS = 10_000;

/** Everything that keeps a process from being ready; nothing where it is. */
export function unreadyReasons(facts: ReadinessFacts): readonly UnreadyReason[] {
  const { source } = facts;
  const lacksLag = source !== null && source.isAssigned &&
    (!source.hasPositions || source.silentMs > SILENT_MS);
  const found: readonly [UnreadyReason, boolean][] = [
    ["starting", !facts.isOpen],
    ["draining", facts.isDraining],
    ["not_assigned", facts.isOpen && source?.isAssigned === false],
    ["lag_unknown", facts.isOpen && lacksLag],
    ["commit_failing", facts.failedTries > 0],
    ["commit_late", facts.uncommittedMs > facts.commitWithinMs],
    ["disk_not_writable", !facts.isDiskWritable],
  ];
  return found.flatMap(([reason, holds]) => holds ? [reason] : []);
}
