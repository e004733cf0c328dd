import { Batch, type BatchPartition } from "../core/batch.ts";
import type { Committed, OffsetRange } from "../core/commit.ts";
import type { Counters, RetriedOperation } from "../core/counters.ts";
import { assert } from "../core/errors.ts";
import type { PartitionMetrics } from "../core/metrics.ts";
import type { Trigger } from "../core/outcome.ts";
import { partitionName, type RecordRun, type TopicPartition } from "../core/record.ts";
import { hasNoRoom, reachedTrigger } from "../core/trigger.ts";
import type { Claimant } from "../checkpoint/commit_store.ts";
import { CircuitBreaker } from "./circuit_breaker.ts";
import { CommitChain } from "./commit_chain.ts";
import { countingRetries } from "./counting_retries.ts";
import { type Ingest, loadDeferred } from "./deferred.ts";
import { retry } from "../runtime/retry.ts";
import type { DeadLetterTopic, Group, OtherCommit, PipelineParts } from "./pipeline_parts.ts";
import { TakenAhead } from "./taken_ahead.ts";
import { closes, fencedError, refuseUnclosed, refuseUnkeepable } from "./refusals.ts";

/**
 * Takes runs of records, buffers them as one batch, and commits it when a trigger fires: events, bytes, or
 * a timer. While a commit is under way `add` waits, so nothing more is taken from the source; where it may
 * work ahead it fills the next batch first and gives it to the encoder, and two batches bound the memory.
 */
export class Pipeline implements Disposable {
  readonly #parts: PipelineParts;
  #group: Group | null = null;
  #deadLetterTopic: DeadLetterTopic | null = null;
  /** What is being filled. */
  #batch = new Batch();
  /** What is being committed, or waits to be after a failure; null where nothing does. */
  #taken: Batch | null = null;
  /** A batch that was committed: its memory is used again. */
  #spare: Batch | null = null;
  readonly #ahead: TakenAhead;
  /** Rises whenever the buffer is dropped: a commit begun before that must not go on. */
  #epoch = 0;
  #sequence: number;
  #counters: Counters;
  /** By partition name: what is committed. */
  readonly #nextOffsets = new Map<string, bigint>();
  readonly #highWatermarks = new Map<string, { at: TopicPartition; offset: bigint }>();
  readonly #breaker: CircuitBreaker | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #chain = new CommitChain();
  #isStaging = false;
  /** Records committed by this pipeline. */
  #committedCount = 0;

  private constructor(
    parts: PipelineParts,
    { committed, breaker }: {
      readonly committed: Committed;
      readonly breaker: CircuitBreaker | null;
    },
  ) {
    this.#parts = parts;
    this.#ahead = new TakenAhead(parts);
    this.#breaker = breaker;
    this.#sequence = committed.sequence;
    this.#counters = committed.counters;
    for (const state of committed.partitions) {
      this.#nextOffsets.set(partitionName(state), state.nextOffset);
    }
    refuseUnclosed(committed.counters);
  }

  /** Goes on from the last commit of the parts' store. */
  static async open(parts: PipelineParts): Promise<Pipeline> {
    const { rejectLimit: limit, checkpoint } = parts;
    const breaker = limit === undefined
      ? null
      : new CircuitBreaker(limit, await checkpoint.recentCounts(limit.windowSize));
    return new Pipeline(parts, { committed: await checkpoint.read(), breaker });
  }

  /** Counters as of the last commit; retries and rebalances as of now. */
  get counters(): Counters {
    return this.#counters;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get bufferedCount(): number {
    return this.#batch.receivedCount + (this.#taken?.receivedCount ?? 0);
  }

  get bufferedBytes(): number {
    return this.#batch.bytes + (this.#taken?.bytes ?? 0);
  }

  /** Whether a commit is under way, from its first step to its last. */
  get isCommitting(): boolean {
    return this.#isStaging || this.#chain.isFinishing;
  }

  /** The next offset that is committed for a partition; undefined where there is none. */
  nextOffset(at: TopicPartition): bigint | undefined {
    return this.#nextOffsets.get(partitionName(at));
  }

  /**
   * Takes partitions over in the store: what other processes committed of them is known from here on.
   *
   * @param claimant the group that assigned them; null where none does
   * @returns false where another process has them by a later assignment, and nothing was taken over
   */
  async claim(partitions: readonly TopicPartition[], claimant: Claimant | null): Promise<boolean> {
    const states = await this.#parts.checkpoint.claim(partitions, claimant);
    if (states === null) return false;
    for (const state of states) this.#nextOffsets.set(partitionName(state), state.nextOffset);
    await this.#parts.finishOthers?.();
    return true;
  }

  /** Joins the pipeline to a consumer group, whose assignment each commit confirms. */
  joinGroup(group: Group): void {
    this.#group = group;
  }

  /** Makes each commit wait until the topic has the records that it rejected. */
  sendDeadLettersTo(topic: DeadLetterTopic): void {
    this.#deadLetterTopic = topic;
  }

  /** Counts an assignment received from the group coordinator. */
  noteRebalance(): void {
    this.#counters.rebalances++;
  }

  /** Counts a failure of an operation that is tried again. */
  noteRetry(operation: RetriedOperation): void {
    this.#counters.retries[operation]++;
  }

  /** Notes where a partition's log ends, for its lag. */
  noteHighWatermark(at: TopicPartition, offset: bigint): void {
    this.#highWatermarks.set(partitionName(at), { at, offset });
  }

  /**
   * Takes a run of records in; commits whenever a limit is reached. Records below the next offset were
   * handled before, and are skipped; those beyond `limits.maxRecords` are left.
   *
   * @param isCurrent asked after every wait: false once the run's partition was taken away
   * @returns whether the whole run was taken in
   * @throws OrillaError with exit code 4 at a record that is too large for a dead letter
   */
  async add(run: RecordRun, isCurrent: () => boolean = () => true): Promise<boolean> {
    const { records } = run, [ingest] = await loadDeferred();
    if (!isCurrent()) return false;
    const expected = Number(this.#expected(run) - records.baseOffset);
    while (this.#fill(run, expected, ingest)) {
      await this.#makeRoom(records.byteLength);
      if (!isCurrent() || this.isAtLimit) return false;
      this.#take(run, ingest);
    }
    if (this.#isFull()) await this.#makeRoom(0);
    return isCurrent();
  }

  /** Takes records in up to one that has no room, which it tells of; V8 is slow to compile a loop that waits. */
  #fill(run: RecordRun, expected: number, ingest: Ingest): boolean {
    const { records } = run, { limits } = this.#parts;
    while (records.next()) {
      if (records.offsetDelta < expected) continue;
      refuseUnkeepable(run);
      const isRoom = !this.#isFull() && !hasNoRoom(this.#batch, records.byteLength, limits);
      if (!isRoom || this.isAtLimit) return true;
      this.#take(run, ingest);
    }
    return false;
  }

  #take(run: RecordRun, ingest: Ingest): void {
    const batch = this.#batch, rejectedBefore = batch.rejected.length;
    if (batch.isEmpty) this.#startTimer();
    ingest(batch, run, run.records, this.#parts.limits);
    if (batch.rejected.length === rejectedBefore) return;
    const failure = this.#breaker?.noteRejected(batch) ?? null;
    if (failure !== null) this.#stop(failure);
  }

  /** Commits what is buffered, once a commit under way is done. Does nothing where nothing is buffered. */
  commit(trigger: Trigger): Promise<void> {
    return this.#enqueue(trigger, () => {});
  }

  async #enqueue(trigger: Trigger, onBegun: () => void): Promise<void> {
    await this.#chain.run(() => this.#commit(trigger, onBegun));
    await this.#chain.finished();
  }

  /** Makes a commit that has no batch, once those under way are done. */
  async commitOther(make: (at: OtherCommit) => Promise<void>): Promise<void> {
    await this.#chain.run(async () => {
      await this.#chain.finished();
      let isCommitted = false;
      const onUnknown = (failure: Error) => this.#chain.fail(failure);
      const onCommitted = (sequence: number, counters: Counters) => {
        isCommitted = true;
        this.#moveOn(sequence, counters);
      };
      await make({ counters: this.#counters, onCommitted, onUnknown }).catch((error) => {
        if (isCommitted && error instanceof Error) this.#chain.fail(error);
        throw error;
      });
    });
  }

  /** Waits for commits under way. */
  settle(): Promise<void> {
    return this.#chain.settle();
  }

  /** @throws what kept the files of a commit from being published, or ended the run: the next start goes on */
  assertSound(): void {
    this.#chain.assertSound();
  }

  /** Forgets partitions and what is buffered of them: they may belong to somebody else now. */
  drop(): void {
    this.#epoch++;
    this.#stopTimer();
    this.#batch = new Batch();
    this.#taken = null;
    this.#ahead.drop();
    this.#highWatermarks.clear();
    this.#breaker?.reset();
  }

  /** What each partition looks like from outside. */
  partitionMetrics(): PartitionMetrics[] {
    return [...this.#highWatermarks.values()].map(({ at, offset }) => ({
      topic: at.topic,
      partition: at.partition,
      lag: Math.max(0, Number(offset - this.#expected(at))),
      unpublished: this.#buffered(at).reduce((sum, { receivedCount }) => sum + receivedCount, 0),
    }));
  }

  [Symbol.dispose](): void {
    this.#stopTimer();
    this.#ahead.drop();
  }

  /** What is buffered of a partition, the batch that is being filled last. */
  #buffered(at: TopicPartition): readonly BatchPartition[] {
    const batches = this.#taken === null ? [this.#batch] : [this.#taken, this.#batch];
    return batches.flatMap(({ partitions }) =>
      partitions.filter(({ topic, partition }) => topic === at.topic && partition === at.partition)
    );
  }

  #expected(at: TopicPartition): bigint {
    return this.#batch.nextOffsetOf(at) ?? this.#taken?.nextOffsetOf(at) ?? this.nextOffset(at) ??
      0n;
  }

  /** Whether this pipeline has as many records as it may take in, committed or buffered. */
  get isAtLimit(): boolean {
    const { maxRecords = 0 } = this.#parts.limits;
    return maxRecords > 0 && this.#committedCount + this.bufferedCount >= maxRecords;
  }

  #isFull(): boolean {
    if (this.isCommitting && !this.#parts.limits.isAhead) return true;
    return reachedTrigger(this.#batch, this.#parts.limits) !== null;
  }

  /**
   * Commits a batch that reached a limit, or that a record of so many bytes would bring over it, once the one
   * before it is committed; working ahead, only begins to.
   */
  async #makeRoom(bytes: number): Promise<void> {
    const { limits, onFailure } = this.#parts;
    if (!limits.isAhead) await this.settle();
    else {
      // Nothing can be added to it any more.
      if (this.#isStaging && this.#isFull()) this.#ahead.begin(this.#batch);
      await this.#chain.committed();
    }
    const trigger = reachedTrigger(this.#batch, limits) ??
      (hasNoRoom(this.#batch, bytes, limits) ? "bytes" : null);
    if (trigger === null) return;
    if (!limits.isAhead) return await this.commit(trigger);
    const begun = Promise.withResolvers<void>();
    const committed = this.#enqueue(trigger, begun.resolve);
    committed.catch(onFailure);
    await Promise.race([begun.promise, committed]);
  }

  /** Ends the run with a failure: what is buffered is not committed, also not by the timer. */
  #stop(failure: Error): never {
    this.#stopTimer();
    this.#chain.fail(failure);
    throw failure;
  }

  #startTimer(): void {
    const { limits: { maxLatencyMs }, onFailure } = this.#parts;
    this.#timer = setTimeout(() => this.commit("latency").catch(onFailure), maxLatencyMs);
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Commits what a failure left, then what is buffered. */
  async #commit(trigger: Trigger, onBegun: () => void): Promise<void> {
    if (this.#taken !== null) await this.#commitTaken(this.#taken, trigger);
    if (this.#batch.isEmpty) return;
    this.#stopTimer();
    const batch = this.#batch;
    this.#breaker?.noteTaken(batch);
    this.#taken = batch;
    this.#batch = this.#spare ?? new Batch();
    this.#spare = null;
    const committed = this.#commitTaken(batch, trigger);
    onBegun();
    await committed;
  }

  async #commitTaken(batch: Batch, trigger: Trigger): Promise<void> {
    this.#isStaging = true;
    let isCommitted = false;
    try {
      const epoch = this.#epoch;
      const [, commitBatch] = await loadDeferred();
      const sequence = await this.#reserve();
      const finish = await commitBatch(this.#parts, {
        batch,
        trigger,
        sequence,
        takeIn: () => this.#ahead.take(batch),
        counters: this.#counters,
        confirm: () => this.#confirm(epoch),
        onCommitted: ({ ranges, freshHashes, counters }) => {
          isCommitted = true;
          this.#ahead.noteCommitted(freshHashes);
          this.#moveOn(sequence, counters);
          this.#committed(batch, ranges);
        },
        onFenced: () => this.#fenced(epoch),
        group: this.#group,
        deadLetterTopic: this.#deadLetterTopic,
      });
      if (finish === null) return;
      this.#chain.finish(async () => await this.#parts.onCommit(await finish()));
    } catch (error) {
      if (isCommitted && error instanceof Error) this.#chain.fail(error);
      throw error;
    } finally {
      this.#isStaging = false;
    }
  }

  async #reserve(): Promise<number> {
    const retrying = countingRetries(this.#parts, this.#counters);
    return await retry("commit", retrying, () => this.#parts.checkpoint.reserve());
  }

  /** Asked before a transaction: the one before is finished then, and the batch still this process's. */
  async #confirm(epoch: number): Promise<boolean> {
    await this.#chain.finished();
    if (epoch !== this.#epoch) return false;
    const isConfirmed = this.#group === null || await this.#group.confirmAssignment();
    if (!isConfirmed && epoch === this.#epoch) this.drop();
    return epoch === this.#epoch;
  }

  #fenced(epoch: number): void {
    if (this.#group === null) this.#stop(fencedError());
    this.#group.noteFenced();
    if (epoch === this.#epoch) this.drop();
  }

  /** Runs right after the store's transaction. */
  #committed(batch: Batch, ranges: readonly OffsetRange[]): void {
    for (const range of ranges) this.#nextOffsets.set(partitionName(range), range.nextOffset);
    this.#breaker?.noteCommitted(ranges);
    this.#committedCount += batch.receivedCount;
    batch.clear();
    this.#spare = batch;
    this.#taken = null;
    this.#deadLetterTopic?.committed();
    assert(closes(this.#counters), "received = published + duplicate + rejected at every commit");
  }

  #moveOn(sequence: number, counters: Counters): void {
    this.#sequence = sequence;
    // What happened while the commit was under way is counted on, and stored with the next one.
    counters.rebalances = this.#counters.rebalances;
    this.#counters = counters;
  }
}
