import type { RejectedRecord } from "../core/rejected_records.ts";
import type { OffsetRange } from "../core/commit.ts";
import type { Counters } from "../core/counters.ts";
import type { RecordLimits } from "../core/ingest.ts";
import type { RejectLimit } from "../core/reject_window.ts";
import type { BatchLimits } from "../core/trigger.ts";
import type { CommitStore } from "../checkpoint/commit_store.ts";
import type { Encoder } from "../lake/encoder.ts";
import type { Protection } from "../lake/protection.ts";
import type { LakeStorage } from "../lake/storage.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Log } from "../runtime/logs.ts";
import type { FaultHooks } from "../runtime/operations.ts";
import type { Retrying } from "../runtime/retry.ts";
import type { CommitReport } from "./commit.ts";
import type { LakeTable } from "./lake_table.ts";

/** What a pipeline works with. */
export interface PipelineParts {
  readonly files: LakeStorage;
  readonly checkpoint: CommitStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly limits: BatchLimits & RecordLimits & {
    readonly maxLatencyMs: number;
    /** Records taken in by this pipeline in all; 0, or left out, is no limit. */
    readonly maxRecords?: number;
    /** Whether a further batch is filled while one is committed. */
    readonly isAhead?: boolean;
  };
  readonly protection: Protection;
  /** The lake as a table; null, or left out, where it is none. */
  readonly table?: LakeTable | null;
  readonly retrying: Omit<Retrying, "onRetry">;
  /** Makes files of batches. */
  readonly encoder: Encoder;
  /** When too many records are rejected; without it there is no such limit. */
  readonly rejectLimit?: RejectLimit;
  /** What tests, or a simulated fault, do around operations. */
  readonly hooks?: FaultHooks;
  /** Whether each record's outcome is logged, at level debug. */
  readonly logsRecords?: boolean;
  /** Called after partitions were claimed: what their last owners committed and did not publish, or merge to the end, is. */
  readonly finishOthers?: () => Promise<void>;
  /** Called after each commit, when its files are published. */
  readonly onCommit: (report: CommitReport) => Promise<void>;
  /** Called when a commit that no caller waits for (the latency timer's) fails for good. */
  readonly onFailure: (error: unknown) => void;
}

/** The part of a source that a commit needs; simulation has no group, and leaves it out. */
export interface Group {
  /** Whether the coordinator still counts this process in. */
  confirmAssignment(): Promise<boolean>;
  /** The store refused a commit, since another process has the partitions: the assignment is over. */
  noteFenced(): void;
  /** Writes the next offsets to the group; a failure there loses nothing. */
  acknowledge(ranges: readonly OffsetRange[], sequence: number): Promise<void>;
}

/** Where rejected records also go, beside the dead letters of the lake. */
export interface DeadLetterTopic {
  readonly name: string;
  /** Resolves when the topic has these records durably; called again after a failure that may pass. */
  send(letters: readonly RejectedRecord[]): Promise<void>;
  /** Called after each commit: what was sent before it will not come again. */
  committed(): void;
}

/** What a commit without a batch begins with. */
export interface OtherCommit {
  /** As of the commit before. */
  readonly counters: Counters;
  /** To be called right after its transaction, with its number and the counters after it. */
  readonly onCommitted: (sequence: number, counters: Counters) => void;
  /** To be called where it is not known whether it was made: no commit may follow, which would say it is published. */
  readonly onUnknown: (failure: Error) => void;
}
