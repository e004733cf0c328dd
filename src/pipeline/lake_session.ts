import type { CommitStore, StoreAccess } from "../checkpoint/commit_store.ts";
import { openStore } from "../checkpoint/open_store.ts";
import type { RetriedOperation } from "../core/counters.ts";
import { assert, messageOf } from "../core/errors.ts";
import type { TopicPartition } from "../core/record.ts";
import type { DiskSpace, MetricsSnapshot } from "../core/metrics.ts";
import type { MergeGroup } from "../core/compaction.ts";
import type { Encoder } from "../lake/encoder.ts";
import type { RejectLimit } from "../core/reject_window.ts";
import { FolderStorage } from "../lake/folder_storage.ts";
import { type Merger, noMerger } from "../lake/merger.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Protection, ProtectionOptions } from "../lake/protection.ts";
import type { LakeStorage } from "../lake/storage.ts";
import { OWNER_ONLY } from "../runtime/file_mode.ts";
import { Files } from "../runtime/files.ts";
import type { Log } from "../runtime/logs.ts";
import { type FaultHooks, noFaults, SimulatedCrash } from "../runtime/operations.ts";
import { processStats } from "../runtime/prometheus.ts";
import type { Retrying } from "../runtime/retry.ts";
import { AutoCompaction, type AutoCompactOptions } from "./auto_compaction.ts";
import { type Compacted, compactGroup } from "./compaction.ts";
import type { CommitReport } from "./commit.ts";
import { bringUp } from "./lake_recovery.ts";
import { protectLake, tellWiderModes } from "./lake_protection.ts";
import type { LakeTable, TableFormat } from "./lake_table.ts";
import { MetricsFile } from "./metrics_file.ts";
import { Pipeline } from "./pipeline.ts";
import type { PipelineParts } from "./pipeline_parts.ts";
import { refuseLostCheckpoint } from "./recovery.ts";
import { RunSummary } from "./run_summary.ts";
import { waitForStore } from "./store_waiting.ts";

/** What a storage is told of the session that it works for. */
export interface StorageSurroundings {
  readonly hooks: FaultHooks;
  /** Told of each failure that is followed by another try. */
  readonly onRetry: (operation: RetriedOperation) => void;
}

export interface LakeSessionOptions {
  /**
   * Absolute path of the folder of checkpoint, lock and metrics.txt, which exists; "" where it is not needed: the
   * store is a server, and the storage needs no folder.
   */
  readonly checkpointDir: string;
  /** The server that keeps the checkpoint; left out, a SQLite file in that folder is it. */
  readonly store?: StoreAccess;
  /** See `StoreOptions`. */
  readonly expelAfterMs?: number;
  /** Where the lake's files lie; left out, beside the checkpoint. */
  readonly storage?: (around: StorageSurroundings) => LakeStorage;
  readonly ttlMs: number;
  readonly duplicateTtlMs: number;
  /** See `StoreOptions`. */
  readonly seenMemoryBytes?: number;
  readonly limits: PipelineParts["limits"];
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly retrying: Omit<Retrying, "onRetry">;
  readonly onFailure: (error: unknown) => void;
  /** Makes files of batches. */
  readonly encoder: Encoder;
  /** Called after each commit. */
  readonly onCommit?: (report: CommitReport) => void;
  readonly hooks?: FaultHooks;
  /**
   * Without it everything stays in clear. `as_recorded` needs no key, and is for a session that commits no
   * batch.
   */
  readonly protection?: ProtectionOptions | "as_recorded";
  /** Merges files; a session without it cannot. */
  readonly merge?: Merger;
  /** When files are merged beside the run; without it they are not. */
  readonly autoCompact?: AutoCompactOptions;
  /** Called after files were merged. */
  readonly onCompacted?: (compacted: Compacted) => void;
  /** The mode of files that are made in OUT_DIR. */
  readonly fileMode?: number;
  /** When too many records are rejected; without it there is no such limit. */
  readonly rejectLimit?: RejectLimit;
  /** Whether each record's outcome is logged, at level debug. */
  readonly logsRecords?: boolean;
  /** "delta" makes the lake a table; without it, it is what it was. */
  readonly tableFormat?: TableFormat;
  /** Aborted when the process is told to stop: the checkpoint's server is then waited for no longer. */
  readonly stop?: AbortSignal;
}

const IN_CLEAR: ProtectionOptions = { keys: null, pseudonymizedFields: [] };

/** Expired ids deleted after a commit, at least; a commit of more records deletes twice as many. */
const EXPIRE_STEP_IDS = 2_000;
const IDLE_STEP_MS = 1_000;
const METRICS_EVERY_STEPS = 5;

/**
 * A lake opened for writing: locked against other writers, brought to its last commit, with a pipeline that
 * goes on from there. Disposing it gives the lock back; `close` before that ends the run in good order.
 */
export class LakeSession implements AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly summary: RunSummary;
  readonly checkpoint: CommitStore;
  readonly files: LakeStorage;
  /** Null where nothing of the lake lies on this machine. */
  readonly #local: Files | null;
  readonly #options: LakeSessionOptions;
  readonly #metrics: MetricsFile | null;
  readonly #resources: AsyncDisposableStack;
  readonly #protection: Protection;
  readonly #table: LakeTable | null;
  readonly #autoCompaction: AutoCompaction | null;
  /** The step of tidying up that runs. */
  #tidying: Promise<void> = Promise.resolve();
  #isTidying = false;
  #metricsWritten: Promise<void> = Promise.resolve();
  #lastPublishMs: number | null;
  #isWritable = true;
  #disk: DiskSpace | null = null;

  private constructor(
    options: LakeSessionOptions,
    { local, files, checkpoint, table, pipeline, protection, lastPublishMs, resources }: {
      readonly local: Files | null;
      readonly files: LakeStorage;
      readonly checkpoint: CommitStore;
      readonly table: LakeTable | null;
      readonly pipeline: Pipeline;
      readonly protection: Protection;
      readonly lastPublishMs: number | null;
      readonly resources: AsyncDisposableStack;
    },
  ) {
    this.#options = options;
    this.#resources = resources;
    this.#local = local;
    this.#lastPublishMs = lastPublishMs;
    this.checkpoint = checkpoint;
    this.files = files;
    // Processes that share a folder would replace each other's.
    const isReplaced = checkpoint.isShared && this.#isInFolder;
    this.#metrics = local === null || isReplaced ? null : new MetricsFile(local);
    this.pipeline = pipeline;
    this.#protection = protection;
    this.#table = table;
    this.#autoCompaction = this.#beginAutoCompaction();
    this.summary = new RunSummary(this.pipeline.counters);
    let steps = 0;
    const timer = setInterval(() => this.#idleStep(++steps), IDLE_STEP_MS);
    resources.defer(() => {
      clearInterval(timer);
      this.#autoCompaction?.abandon();
    });
  }

  /**
   * Opens the lake and recovers it. A server that keeps its checkpoint is waited for.
   *
   * @throws OrillaError with exit code 1 where another process writes to it, or that server does not answer, 2 where
   * a key is wrong or missing, 3 where it is damaged; StoppedBeforeStart
   */
  static async open(options: LakeSessionOptions): Promise<LakeSession> {
    if ((options.store?.url ?? null) === null) return await LakeSession.#open(options);
    let retryCount = 0;
    const waiting = { ...options, onRetry: () => retryCount++ };
    const session = await waitForStore(waiting, () => LakeSession.#open(options));
    for (; retryCount > 0; retryCount--) session.pipeline.noteRetry("checkpoint_server");
    return session;
  }

  static async #open(options: LakeSessionOptions): Promise<LakeSession> {
    const { checkpointDir, ttlMs, duplicateTtlMs, hooks = noFaults, log } = options;
    const { fileMode = OWNER_ONLY, store = { url: null } } = options;
    await using resources = new AsyncDisposableStack();
    const local = checkpointDir === "" ? null : new Files(checkpointDir, hooks, { fileMode });
    let opened: LakeSession | null = null;
    // Until the pipeline is there, the log alone tells of retries.
    const onRetry = (operation: RetriedOperation) => opened?.pipeline.noteRetry(operation);
    const files = options.storage?.({ hooks, onRetry }) ?? folderStorage(local);
    if (local !== null) await tellWiderModes(local, log, { fileMode });
    const beforeNew = () => refuseLostCheckpoint(files);
    const { expelAfterMs, seenMemoryBytes } = options;
    const keeping = { ttlMs, duplicateTtlMs, seenMemoryBytes, expelAfterMs, fileMode, hooks };
    const checkpoint = resources.use(
      await openStore({ checkpointDir, ...store }, { ...keeping, beforeNew }),
    );
    const protection = await protectLake(files, checkpoint, options.protection ?? IN_CLEAR);
    await files.prepare();
    const { table, finishOthers } = await bringUp(options, { files, checkpoint, protection });
    const parts = { ...options, files, checkpoint, protection, table };
    const onCommit = (report: CommitReport): Promise<void> => session.#onCommit(report);
    const sharing = checkpoint.isShared ? { finishOthers } : {};
    const pipeline = resources.use(await Pipeline.open({ ...parts, ...sharing, onCommit }));
    const lastPublishMs = await checkpoint.lastCommitMs();
    const made = { local, files, checkpoint, table, pipeline, protection, lastPublishMs };
    const session: LakeSession = new LakeSession(options, { ...made, resources: resources.move() });
    opened = session;
    return session;
  }

  /** Notes that everything is published, and writes metrics.txt once more. */
  async close(): Promise<void> {
    await this.#autoCompaction?.stop();
    await this.pipeline.settle();
    this.pipeline.assertSound();
    await this.#tidying;
    await this.#patiently({}, async () => {
      const { sequence } = this.pipeline;
      if (sequence > 0) await this.checkpoint.markPublished([sequence]);
      await this.checkpoint.leave();
    });
    await this.writeMetrics();
  }

  /** Takes partitions over that no group assigns. @throws StoppedBeforeStart */
  async claim(partitions: readonly TopicPartition[]): Promise<void> {
    await this.#patiently(this.#options, () => this.pipeline.claim(partitions, null));
  }

  async #patiently<T>({ stop }: Pick<LakeSessionOptions, "stop">, act: () => Promise<T>) {
    const onRetry = () => this.pipeline.noteRetry("checkpoint_server");
    return await waitForStore({ ...this.#options, stop, onRetry }, act);
  }

  /**
   * Merges a group of files into one, between the commits of the pipeline; one at a time.
   *
   * @param giveWay waited for before each step; rejects where the merge is no longer wanted
   * @returns null, and it throws, as compactGroup does
   */
  async compact(
    group: MergeGroup,
    giveWay: () => Promise<void> = () => Promise.resolve(),
  ): Promise<Compacted | null> {
    const { merge = noMerger, retrying, log, onCompacted } = this.#options;
    const onRetry: Retrying["onRetry"] = (operation, error, waitMs) => {
      this.pipeline.noteRetry(operation);
      log.warning("a merge failed and is tried again", { operation, error: String(error), waitMs });
    };
    const compacted = await compactGroup({
      ...this.#options,
      files: this.files,
      checkpoint: this.checkpoint,
      table: this.#table,
      merge,
      protection: this.#protection,
      retrying: { ...retrying, onRetry },
      freeBytes: async () => {
        return this.#isInFolder ? (await this.#local?.diskSpace())?.freeBytes ?? null : null;
      },
      commitOther: (make) => this.pipeline.commitOther(make),
      giveWay,
    }, group);
    if (compacted !== null) onCompacted?.(compacted);
    return compacted;
  }

  #beginAutoCompaction(): AutoCompaction | null {
    const { autoCompact } = this.#options;
    if (autoCompact === undefined) return null;
    return new AutoCompaction({
      ...this.#options,
      ...autoCompact,
      checkpoint: this.checkpoint,
      compact: (group, giveWay) => this.compact(group, giveWay),
      settle: () => this.pipeline.settle(),
      assertSound: () => this.pipeline.assertSound(),
    });
  }

  /** Whether the lake's files lie beside checkpoint and metrics.txt; else they are in a bucket. */
  get #isInFolder(): boolean {
    return this.files.location === this.#local?.absolute(".");
  }

  /** Whether OUT_DIR took the last metrics.txt; it is written after each commit, and every 5 s between them. */
  get isWritable(): boolean {
    return this.#isWritable;
  }

  /** Writes metrics.txt; a failure there is logged, and nothing waits for it. */
  async writeMetrics(): Promise<void> {
    // One after the other, so that none is under way when the run has ended.
    const written = this.#metricsWritten.then(() => this.#writeMetrics());
    this.#metricsWritten = written.catch(() => {});
    await written;
  }

  async #writeMetrics(): Promise<void> {
    try {
      await this.#measureDisk();
      await this.#metrics?.write(this.snapshot());
      this.#isWritable = true;
    } catch (error) {
      if (error instanceof SimulatedCrash) throw error;
      this.#isWritable = false;
      this.#options.log.warning("metrics.txt could not be written", { error: messageOf(error) });
    }
  }

  /** What metrics.txt says, as of now. */
  snapshot(): MetricsSnapshot {
    const { pipeline } = this;
    return {
      version: this.#options.version,
      counters: pipeline.counters,
      bufferedEvents: pipeline.bufferedCount,
      bufferedBytes: pipeline.bufferedBytes,
      isPaused: pipeline.isCommitting,
      seenIds: this.checkpoint.seenIdCount,
      lastPublishMs: this.#lastPublishMs,
      partitions: pipeline.partitionMetrics(),
      disk: this.#disk,
      process: processStats(),
    };
  }

  /** Where OUT_DIR is gone for now, how full it is is not known. */
  async #measureDisk(): Promise<void> {
    this.#disk = await this.#local?.diskSpace().catch(() => null) ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #onCommit(report: CommitReport): Promise<void> {
    const { clock, onCommit } = this.#options;
    this.summary.add(report);
    if (report.files.length > 0) this.#lastPublishMs = clock.nowMs();
    await this.#tidy(Math.max(EXPIRE_STEP_IDS, 2 * report.receivedCount), report.publishedCount);
    await this.writeMetrics();
    onCommit?.(report);
  }

  #idleStep(steps: number): void {
    // Also while a commit waits for room on it.
    if (steps % METRICS_EVERY_STEPS === 0) void this.#measureDisk();
    if (this.pipeline.isCommitting) return;
    this.#autoCompaction?.step();
    if (!this.#isTidying) void this.#tidy(EXPIRE_STEP_IDS, 0);
    if (steps % METRICS_EVERY_STEPS === 0) void this.writeMetrics();
  }

  /** What is expired may also go later, and runs merged later, so a failure here can wait. */
  async #tidy(expireLimit: number, addedCount: number): Promise<void> {
    const step = this.#tidying.then(() => this.#tidyStep(expireLimit, addedCount));
    this.#tidying = step.catch(() => {});
    await step;
  }

  async #tidyStep(expireLimit: number, addedCount: number): Promise<void> {
    const { clock, log } = this.#options;
    this.#isTidying = true;
    try {
      const deleted = await this.checkpoint.tidy({
        nowMs: clock.nowMs(),
        expireLimit,
        addedCount,
      });
      if (deleted > 0) log.debug("expired event ids", { deleted });
    } catch (error) {
      if (error instanceof SimulatedCrash) throw error;
      log.warning("what is expired could not be deleted, or merged", { error: messageOf(error) });
    } finally {
      this.#isTidying = false;
    }
  }
}

function folderStorage(local: Files | null): FolderStorage {
  assert(local !== null, "a lake that lies nowhere else lies in the folder of its checkpoint");
  return new FolderStorage(local);
}
