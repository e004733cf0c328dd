import type { Admin, Batch, Consumer, EachBatchPayload } from "kafkajs";
import type { OffsetRange } from "../core/commit.ts";
import { messageOf, operatingError } from "../core/errors.ts";
import type { RecordRun, TopicPartition } from "../core/record.ts";
import type { Log } from "../runtime/logs.ts";
import { canPassLater, retry, type Retrying } from "../runtime/retry.ts";
import { Assignment } from "./assignment.ts";
import { type ConnectedClient, refusalNow } from "./client.ts";
import { refusalBehind } from "./connection_errors.ts";
import { isRefusal } from "./errors.ts";
import { Membership } from "./membership.ts";
import { type KnownOffsets, type KnownWriters, startOffset } from "./positions.ts";
import { heartbeatPump } from "./heartbeat_pump.ts";
import { cursors } from "./records.ts";
import { SilenceWatch } from "./silence.ts";
import { findBrokers, knownOffsets } from "./topic_offsets.ts";

/** The part of a pipeline that a source feeds. */
export interface RecordSink {
  add(run: RecordRun, isCurrent: () => boolean): Promise<boolean>;
  drop(): void;
  /** Waits for a commit under way. */
  settle(): Promise<void>;
  /** Takes partitions over from their last owner; false where a later generation of the group has them. */
  claim(
    partitions: readonly TopicPartition[],
    claimant: { readonly groupId: string; readonly generation: number },
  ): Promise<boolean>;
  nextOffset(at: TopicPartition): bigint | undefined;
  noteHighWatermark(at: TopicPartition, offset: bigint): void;
  noteRebalance(): void;
  /** The last commit's. */
  readonly sequence: number;
}

export interface KafkaSourceOptions {
  /** A patient client: as a member that waits for its broker the process keeps its partitions. */
  readonly client: ConnectedClient;
  readonly topic: string;
  readonly groupId: string;
  readonly instanceId: string;
  /** Those that have written to the same store: none of their offsets is ahead of it. */
  readonly writers: () => Promise<KnownWriters>;
  readonly allowsGaps: boolean;
  readonly sessionTimeoutMs: number;
  /** Partitions that are added to the topic are found after this long. */
  readonly metadataMaxAgeMs: number;
  readonly sink: RecordSink;
  readonly log: Log;
  readonly retrying: Retrying;
  /** Called after each run was taken in, and once positions are known. */
  readonly onProgress: () => void;
  /** Called once, when the source cannot go on. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Records of a topic, as a member of a consumer group. Everything that depends on the assignment belongs to
 * an `Assignment`; a new one (the first, and every rebalance) makes whatever waits in an older one give up.
 */
export class KafkaSource implements AsyncDisposable {
  readonly #options: KafkaSourceOptions;
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  #assignment = Assignment.none();
  #isDraining = false;
  readonly #membership: Membership;
  #silence: SilenceWatch | null = null;
  /** Where each partition's log ended when it was first looked at, for `--until-end`. */
  readonly #firstEnds = new Map<number, bigint>();

  constructor(options: KafkaSourceOptions) {
    this.#options = options;
    const { client: { kafka, gate }, groupId, sessionTimeoutMs, metadataMaxAgeMs } = options;
    gate.before = () => this.#beforeLeaving();
    this.#admin = kafka.admin();
    this.#consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3_000, Math.floor(sessionTimeoutMs / 10)),
      maxWaitTimeInMs: 250,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      metadataMaxAge: metadataMaxAgeMs,
      retry: { restartOnFailure: () => Promise.resolve(false) },
    });
    this.#membership = new Membership({ ...options, gate, consumer: this.#consumer });
  }

  /** Partitions assigned now, each with where its log ended when first seen and how far it was read. */
  get assignment(): Assignment {
    return this.#assignment;
  }

  /** For how long the group's coordinator has accepted nothing of this process, milliseconds. */
  get silentMs(): number {
    return this.#silence?.silentMs ?? 0;
  }

  /** Connects, joins the group and begins to deliver. The topic must exist. */
  async start(): Promise<void> {
    const { topic, groupId, client, retrying: { clock, policy } } = this.#options;
    this.#silence = new SilenceWatch({
      clock,
      budgetMs: policy.budgetMs,
      refusal: () => refusalNow(client),
      onEnd: (error) => this.#giveUp(error),
    });
    await this.#admin.connect();
    // Meanwhile the group is joined; what fails here is tried again when offsets are asked for.
    findBrokers(this.#admin, { topic, groupId }).catch(() => {});
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    const { GROUP_JOIN, HEARTBEAT, CRASH, START_BATCH_PROCESS } = this.#consumer.events;
    this.#consumer.on(HEARTBEAT, () => this.#silence?.heard());
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#silence?.heard();
      this.#assign(payload.memberAssignment[topic] ?? [], client.gate.generation);
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#crashed(payload.error));
    this.#consumer.on(START_BATCH_PROCESS, ({ payload }) => {
      // Batches of control records and aborted transactions alone are not handed to eachBatch.
      if (payload.batchSize > 0) return;
      this.#assignment.read(payload.partition, BigInt(payload.lastOffset) + 1n);
      this.#options.onProgress();
    });
    await this.#run();
  }

  /** Stops delivering; what was delivered can still be committed. */
  drain(): void {
    this.#isDraining = true;
  }

  /** See `Group`. */
  confirmAssignment(): Promise<boolean> {
    const assignment = this.#assignment;
    return this.#membership.confirm(assignment).then((isMember) =>
      isMember && assignment === this.#assignment
    );
  }

  /** See `Group`. */
  noteFenced(): void {
    this.#options.log.warning("another process has these partitions: waiting for a new assignment");
    this.#assignment.end();
  }

  /** See `Group`: the group's offsets are a hint for other tools and for the partitions' next owners. */
  acknowledge(ranges: readonly OffsetRange[], sequence: number): Promise<void> {
    return this.#membership.writeOffsets(this.#assignment, ranges, sequence);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDraining = true;
    this.#membership.close();
    this.#silence?.[Symbol.dispose]();
    this.#assignment.end();
    // A broker that is gone must not hold up the end; the group finds out by itself.
    await Promise.race([
      Promise.all([this.#consumer.disconnect(), this.#admin.disconnect()]),
      delay(DISCONNECT_MS),
    ]);
  }

  /** A commit under way is finished and acknowledged; what is only buffered is somebody else's to handle. */
  async #beforeLeaving(): Promise<void> {
    await this.#options.sink.settle();
    this.#assignment.end();
    this.#options.sink.drop();
  }

  #assign(partitions: readonly number[], generation: number): void {
    const { sink, topic, log } = this.#options;
    this.#assignment.end();
    const assignment = new Assignment(partitions, generation);
    this.#assignment = assignment;
    sink.drop();
    sink.noteRebalance();
    log.info("assigned", { topic, partitions: partitions.length });
    assignment.ready = this.#seekAll(assignment);
    // Handlers that wait for it see the failure too; here it ends the process even if none waits.
    assignment.ready.catch((error) => {
      if (assignment.isCurrent) this.#options.onFailure(error);
    });
  }

  /** Finds where each assigned partition goes on, and makes kafkajs fetch from there. */
  async #seekAll(assignment: Assignment): Promise<void> {
    const { topic, groupId, writers, allowsGaps, sink, log, retrying } = this.#options;
    const { partitions, generation } = assignment;
    const claimed = partitions.map((partition) => ({ topic, partition }));
    const all = await retry("positions", retrying, async () => {
      if (!await sink.claim(claimed, { groupId, generation })) return null;
      const offsets = await knownOffsets(
        this.#admin,
        { topic, groupId },
        (at) => sink.nextOffset(at),
      );
      return { offsets, writers: await writers() };
    });
    if (!assignment.isCurrent) return;
    if (all === null) return this.noteFenced();
    for (const known of all.offsets) {
      const { partition, logEnd } = known;
      if (!this.#firstEnds.has(partition)) this.#firstEnds.set(partition, logEnd);
      if (!assignment.has(partition)) continue;
      const start = startOffset(known, { ...all.writers, allowsGaps });
      assignment.begin(partition, { start, end: this.#firstEnds.get(partition) ?? logEnd });
      sink.noteHighWatermark({ topic, partition }, logEnd);
      this.#consumer.seek({ topic, partition, offset: String(start) });
      if (known.checkpoint === null && start > known.logStart) {
        log.warning(
          "this OUT_DIR is new, but the group has read the partition before: going on there",
          {
            topic,
            partition,
            offset: start,
            groupId,
          },
        );
      }
    }
    await this.#acknowledgeLate(assignment, all.offsets);
    this.#options.onProgress();
  }

  /**
   * Writes the checkpoint's offsets to the group where these are ahead: the last process ended, or could not
   * reach the broker, between its commit and the acknowledgement. A next owner would start too early.
   */
  async #acknowledgeLate(assignment: Assignment, all: readonly KnownOffsets[]): Promise<void> {
    const late = all.filter(({ partition, checkpoint, group }) =>
      assignment.has(partition) && checkpoint !== null && checkpoint > (group?.offset ?? -1n)
    );
    if (late.length === 0) return;
    const offsets = late.map(({ topic, partition, checkpoint }) => ({
      topic,
      partition,
      nextOffset: checkpoint ?? 0n,
    }));
    await this.#membership.writeOffsets(assignment, offsets, this.#options.sink.sequence);
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    this.#membership.heartbeat = payload.heartbeat;
    using pump = heartbeatPump(payload.heartbeat);
    try {
      await this.#takeIn(payload);
    } catch (error) {
      // kafkajs would deliver the batch again and again; what fails here has had its retries.
      this.drain();
      this.#options.onFailure(error);
    }
    if (this.#isDraining) await delay(POLL_MS);
    // kafkajs rejoins the group when a handler throws what its heartbeat threw.
    if (pump.error !== null) throw pump.error;
    if (this.#isDraining || this.#assignment.isCurrent) return;
    throw Object.assign(new Error("the assignment has ended"), { type: "REBALANCE_IN_PROGRESS" });
  }

  async #takeIn(payload: EachBatchPayload): Promise<void> {
    const { sink, onProgress } = this.#options;
    const { batch } = payload;
    const { topic, partition } = batch;
    const assignment = this.#assignment;
    await assignment.ready;
    const isCurrent = () => assignment.isCurrent && !this.#isDraining && !payload.isStale();
    if (!isCurrent() || !this.#follows(assignment, batch)) return;
    sink.noteHighWatermark({ topic, partition }, BigInt(batch.highWatermark));
    // What lies below belongs to whoever read the partition before.
    const fromOffset = assignment.position(partition);
    for (const records of cursors(batch.messages, fromOffset)) {
      if (!await sink.add({ topic, partition, records }, isCurrent)) return onProgress();
    }
    const last = batch.lastOffset();
    payload.resolveOffset(last);
    assignment.read(partition, BigInt(last) + 1n);
    onProgress();
  }

  /** Whether a batch begins where reading of its partition stands; kafkajs moved it otherwise (retention). */
  #follows(assignment: Assignment, batch: Batch): boolean {
    const fetched = BigInt(
      "fetchedOffset" in batch ? String(batch.fetchedOffset) : batch.firstOffset() ?? 0,
    );
    const expected = assignment.position(batch.partition);
    if (fetched <= expected) return true;
    // The new position is found like the first one was; if the log begins after it, that is exit 4.
    this.#options.log.warning("fetched from beyond the next offset; looking up where to go on", {
      topic: batch.topic,
      partition: batch.partition,
      offset: fetched,
      nextOffset: expected,
    });
    this.#options.sink.drop();
    assignment.ready = this.#seekAll(assignment);
    assignment.ready.catch(this.#options.onFailure);
    return false;
  }

  #run(): Promise<void> {
    return this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  /** Nothing is waited for any more. */
  #giveUp(error: Error): void {
    if (this.#isDraining) return;
    this.drain();
    this.#membership.close();
    this.#options.onFailure(error);
  }

  /** kafkajs gave up and left the group. Joins anew, unless trying again cannot help. */
  #crashed(error: unknown): void {
    const { client, sink, onFailure, retrying } = this.#options;
    this.#assignment.end();
    sink.drop();
    if (this.#isDraining) return;
    // A refusal of the old membership passes with a new one.
    if (!isRefusal(error) && !canPassLater(error)) {
      const { bootstrapServers, security } = client.connection;
      const at = { server: bootstrapServers.join(", "), security };
      onFailure(
        refusalBehind(error, at) ?? operatingError(`Kafka: ${messageOf(error)}`, error),
      );
      return;
    }
    retrying.onRetry("connect", error, RESTART_MS);
    setTimeout(() => void this.#restart(), RESTART_MS);
  }

  async #restart(): Promise<void> {
    try {
      if (this.#isDraining) return;
      await this.#consumer.connect();
      await this.#run();
    } catch (error) {
      this.#crashed(error);
    }
  }
}

const RESTART_MS = 1_000;

/** Larger fetches mean fewer turns; memory holds one fetch of all partitions at a time. */
const FETCH_BYTES_PER_PARTITION = 524_288;
const POLL_MS = 50;
const DISCONNECT_MS = 5_000;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
