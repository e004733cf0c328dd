import type { Admin, Batch, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import type { OffsetRange } from "../core/commit.ts";
import { messageOf, operatingError } from "../core/errors.ts";
import type { RecordRun, TopicPartition } from "../core/record.ts";
import type { Log } from "../runtime/logs.ts";
import { retry, type Retrying } from "../runtime/retry.ts";
import { Assignment } from "./assignment.ts";
import { groupMetadata, startOffset } from "./positions.ts";
import { rawRecord } from "./records.ts";
import { knownOffsets } from "./topic_offsets.ts";

/** The part of a pipeline that a source feeds. */
export interface RecordSink {
  add(run: RecordRun, isCurrent: () => boolean): Promise<boolean>;
  drop(): void;
  nextOffset(at: TopicPartition): bigint | undefined;
  noteHighWatermark(at: TopicPartition, offset: bigint): void;
  noteRebalance(): void;
}

export interface KafkaSourceOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly instanceId: string;
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
  #heartbeat: (() => Promise<void>) | null = null;
  #isDraining = false;
  /** When kafkajs first gave up since the last record taken in; null while all is well. */
  #failingSinceMs: number | null = null;
  /** Where each partition's log ended when it was first looked at, for `--until-end`. */
  readonly #firstEnds = new Map<number, bigint>();

  constructor(options: KafkaSourceOptions) {
    this.#options = options;
    const { kafka, groupId, sessionTimeoutMs, metadataMaxAgeMs } = options;
    this.#admin = kafka.admin();
    this.#consumer = kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3_000, Math.floor(sessionTimeoutMs / 10)),
      maxWaitTimeInMs: 250,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      allowAutoTopicCreation: false,
      metadataMaxAge: metadataMaxAgeMs,
      retry: { ...KAFKA_RETRIES, restartOnFailure: () => Promise.resolve(this.#mayRestart()) },
    });
  }

  /** Partitions assigned now, each with where its log ended when first seen and how far it was read. */
  get assignment(): Assignment {
    return this.#assignment;
  }

  /** Connects, joins the group and begins to deliver. The topic must exist. */
  async start(): Promise<void> {
    const { topic } = this.#options;
    await this.#admin.connect();
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [topic], fromBeginning: true });
    const { GROUP_JOIN, CRASH, START_BATCH_PROCESS } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#assign(payload.memberAssignment[topic] ?? []);
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#crashed(payload.error, payload.restart));
    this.#consumer.on(START_BATCH_PROCESS, ({ payload }) => {
      // Batches of control records and aborted transactions alone are not handed to eachBatch.
      if (payload.batchSize > 0) return;
      this.#assignment.read(payload.partition, BigInt(payload.lastOffset) + 1n);
      this.#options.onProgress();
    });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#eachBatch(payload),
    });
  }

  /** Stops delivering; what was delivered can still be committed. */
  drain(): void {
    this.#isDraining = true;
  }

  /** See `Group`: a heartbeat that the coordinator accepts says that the assignment still stands. */
  async confirmAssignment(): Promise<boolean> {
    const assignment = this.#assignment;
    try {
      await this.#heartbeat?.();
    } catch (error) {
      this.#options.log.warning("the group coordinator no longer accepts this member", {
        error: messageOf(error),
      });
      assignment.end();
    }
    return assignment.isCurrent && assignment === this.#assignment;
  }

  /** See `Group`: the group's offsets are a hint for other tools and for the partitions' next owners. */
  async acknowledge(ranges: readonly OffsetRange[], sequence: number): Promise<void> {
    const { instanceId, log } = this.#options;
    const metadata = groupMetadata(instanceId, sequence);
    try {
      await this.#consumer.commitOffsets(ranges.map(({ topic, partition, nextOffset }) => ({
        topic,
        partition,
        offset: String(nextOffset),
        metadata,
      })));
    } catch (error) {
      log.warning("the group's offsets could not be written; the checkpoint holds them", {
        sequence,
        error: messageOf(error),
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDraining = true;
    this.#assignment.end();
    // A broker that is gone must not hold up the end; the group finds out by itself.
    await Promise.race([
      Promise.all([this.#consumer.disconnect(), this.#admin.disconnect()]),
      delay(DISCONNECT_MS),
    ]);
  }

  #assign(partitions: readonly number[]): void {
    const { sink, topic, log } = this.#options;
    this.#assignment.end();
    const assignment = new Assignment(partitions);
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
    const { topic, groupId, sink, log, retrying } = this.#options;
    const all = await retry(
      "positions",
      retrying,
      () => knownOffsets(this.#admin, { topic, groupId }, (at) => sink.nextOffset(at)),
    );
    if (!assignment.isCurrent) return;
    for (const known of all) {
      const { partition, logEnd } = known;
      if (!this.#firstEnds.has(partition)) this.#firstEnds.set(partition, logEnd);
      if (!assignment.has(partition)) continue;
      const start = startOffset(known, this.#options);
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
    this.#options.onProgress();
  }

  async #eachBatch(payload: EachBatchPayload): Promise<void> {
    this.#heartbeat = payload.heartbeat;
    using pump = heartbeatPump(payload.heartbeat);
    try {
      await this.#takeIn(payload);
    } catch (error) {
      // kafkajs would deliver the batch again and again; what fails here has had its retries.
      this.drain();
      this.#options.onFailure(error);
    }
    if (this.#isDraining) await delay(DRAIN_POLL_MS);
    // kafkajs rejoins the group when a handler throws what its heartbeat threw.
    if (pump.error !== null) throw pump.error;
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
    const run = { topic, partition, records: batch.messages.map(rawRecord) };
    if (await sink.add(run, isCurrent)) {
      const last = batch.lastOffset();
      payload.resolveOffset(last);
      assignment.read(partition, BigInt(last) + 1n);
      this.#failingSinceMs = null;
    }
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

  /** Whether kafkajs, which gave up for the moment, may connect anew: until the budget for retries is spent. */
  #mayRestart(): boolean {
    const { clock, policy, onRetry } = this.#options.retrying;
    this.#failingSinceMs ??= clock.monotonicMs();
    if (this.#isDraining || clock.monotonicMs() - this.#failingSinceMs > policy.budgetMs) {
      return false;
    }
    onRetry("connect", new Error("lost the connection to Kafka"), policy.baseMs);
    return true;
  }

  #crashed(error: Error, restarts: boolean): void {
    this.#assignment.end();
    this.#options.sink.drop();
    if (restarts || this.#isDraining) return;
    this.#options.onFailure(operatingError(`Kafka: ${messageOf(error)}`, error));
  }
}

const KAFKA_RETRIES = { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5 };
/** Larger fetches mean fewer turns; memory holds one fetch of all partitions at a time. */
const FETCH_BYTES_PER_PARTITION = 1_048_576;
const HEARTBEAT_PUMP_MS = 500;
const DRAIN_POLL_MS = 50;
const DISCONNECT_MS = 5_000;

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Sends heartbeats while a handler runs; kafkajs itself sends them only between handlers. */
function heartbeatPump(heartbeat: () => Promise<void>): Disposable & { readonly error: unknown } {
  let error: unknown = null;
  const timer = setInterval(() => {
    heartbeat().catch((cause) => error ??= cause);
  }, HEARTBEAT_PUMP_MS);
  return {
    get error() {
      return error;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
