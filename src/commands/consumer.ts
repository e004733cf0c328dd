import type { SourceState } from "../http/readiness.ts";
import type { RetriedOperation } from "../core/counters.ts";
import { operatingError } from "../core/errors.ts";
import { askBrokers, type ConnectedClient, connectionError, kafkaClient } from "../kafka/client.ts";
import { KafkaDeadLetterTopic } from "../kafka/dead_letter_topic.ts";
import { hasTopic, KafkaPublisher, topicExists } from "../kafka/publisher.ts";
import { KafkaSource } from "../kafka/source.ts";
import { LakeSession } from "../pipeline/lake_session.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { Retrying } from "../runtime/retry.ts";
import { aborted, type CommandContext, connectionOf } from "./context.ts";
import { sessionOptions } from "./session_options.ts";
import { serveHttp } from "./http.ts";
import { retryingOf } from "./retrying.ts";
import { thousands } from "../core/count_text.ts";
import { placesOf } from "./lake.ts";
import { summaryText } from "./summary.ts";
import { WarmUp } from "./warm_up.ts";

/** Before the group is joined. */
const UNASSIGNED: SourceState = { isAssigned: false, hasPositions: false, silentMs: 0 };

/** Brings a topic into the lake until it is told to stop, or its end is reached. */
export async function consume(context: CommandContext): Promise<void> {
  const { config, log, stop } = context;
  const failure = Promise.withResolvers<never>();
  // It is raced below; until then a failure must not count as unhandled.
  failure.promise.catch(() => {});
  const connection = connectionOf(context);
  const client = kafkaClient(connection, { log });
  // The brokers answer while the lake is opened, whose own failure comes first.
  const checked = askBrokers(client, (admin) => hasTopic(admin, config.topic));
  checked.catch(() => {});
  await using http = await serveHttp(context);
  await using session = await LakeSession.open({
    ...sessionOptions(context),
    onFailure: failure.reject,
    ...(http !== null && { onCommit: http.noteCommit, onCompacted: http.noteMerged }),
  });
  let state: () => SourceState = () => UNASSIGNED;
  const { topic, groupId } = config;
  await http?.observe(session, { mode: "consumer", topic, groupId, source: () => state() });
  const onRetry = (operation: RetriedOperation) => session.pipeline.noteRetry(operation);
  const retrying = retryingOf(context, onRetry);
  const exists = await checked;
  if (stop.aborted || !exists && !await waitForTopic(context, client)) return;

  await using publisher = await deadLetterPublisher(context, client, retrying);
  if (publisher !== null) {
    const { topic } = publisher, { version } = context;
    session.pipeline.sendDeadLettersTo(new KafkaDeadLetterTopic({ topic, publisher, version }));
  }

  const startMs = systemClock.monotonicMs();
  using end = new EndOfRun(context, session);
  using warmUp = new WarmUp(context.encoder);
  const onProgress = () => {
    // Records are about to come.
    warmUp[Symbol.dispose]();
    end.check(source);
  };
  await using source: KafkaSource = new KafkaSource({
    ...sourceOptions(context, session),
    client: kafkaClient(connection, { log, onRetry, patience: retrying.policy }),
    retrying,
    onProgress,
    onFailure: failure.reject,
  });
  state = () => ({
    isAssigned: source.assignment.isCurrent,
    hasPositions: source.assignment.hasPositions,
    silentMs: source.silentMs,
  });
  session.pipeline.joinGroup(source);
  await Promise.race([source.start(), failure.promise]);
  await Promise.race([end.reached, aborted(stop), failure.promise]);
  source.drain();
  await session.pipeline.commit(stop.aborted ? "drain" : "end");
  await session.close();
  tellSummary(context, session, startMs);
}

/** The part of a source's options that comes from the configuration and the session. */
function sourceOptions({ config, log }: CommandContext, { checkpoint, pipeline }: LakeSession) {
  return {
    topic: config.topic,
    groupId: config.groupId,
    allowsGaps: config.allowGaps,
    sessionTimeoutMs: config.sessionTimeoutMs,
    metadataMaxAgeMs: config.metadataMaxAgeMs,
    instanceId: checkpoint.instanceId,
    writers: async () => ({
      instanceIds: await checkpoint.instanceIds(),
      rebuiltInstanceIds: await checkpoint.rebuiltInstanceIds(),
    }),
    sink: pipeline,
    log,
  };
}

function tellSummary(
  context: CommandContext,
  { summary, pipeline: { counters } }: LakeSession,
  startMs: number,
): void {
  const { reporter, stop } = context;
  const title = stop.aborted
    ? "Stopped by a signal; what was buffered is committed"
    : "End reached";
  const elapsedMs = systemClock.monotonicMs() - startMs;
  const run = { title, summary, counters, elapsedMs };
  reporter.print(summaryText({ ...run, ...placesOf(context) }));
}

/** Connects to the dead-letter topic, which is made where it is missing; null where none is wanted. */
async function deadLetterPublisher(
  { config, log }: CommandContext,
  client: ConnectedClient,
  retrying: Retrying,
): Promise<KafkaPublisher | null> {
  if (config.dlqTopic === null) return null;
  const { kafka } = client;
  const publisher = new KafkaPublisher({ kafka, topic: config.dlqTopic, log, retrying });
  await publisher.start().catch(async (error) => {
    throw await connectionError(client, error);
  });
  return publisher;
}

/** Waits until a missing topic is there; with --until-end there is nothing to wait for. */
async function waitForTopic(
  { config, log, stop }: CommandContext,
  client: ConnectedClient,
): Promise<boolean> {
  if (config.untilEnd) {
    throw operatingError(
      `There is no topic ${config.topic} at ${config.bootstrapServers.join(", ")}. ` +
        `Make it by producing (orilla producer), or name another with --topic`,
    );
  }
  log.warning("waiting for the topic to be created", { topic: config.topic });
  while (!stop.aborted) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 2_000)), aborted(stop)]);
    const exists = await topicExists(client.kafka, config.topic).catch(async (error) => {
      throw await connectionError(client, error);
    });
    if (exists) return true;
  }
  return false;
}

/** How often the status line is renewed where nothing comes. */
const TICK_MS = 1_000;

/** Watches a run for its end (--until-end, --max-events) and tells how far it is. */
class EndOfRun implements Disposable {
  readonly #context: CommandContext;
  readonly #session: LakeSession;
  readonly #meter: ProgressMeter;
  readonly #reached = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setInterval>;
  #isEnding = false;
  #total: number | null = null;

  constructor(context: CommandContext, session: LakeSession) {
    this.#context = context;
    this.#session = session;
    this.#meter = new ProgressMeter(context.reporter, () => systemClock.monotonicMs());
    this.#timer = setInterval(() => this.#tell(), TICK_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  /** Called whenever the source got further. */
  check(source: KafkaSource): void {
    const { config } = this.#context;
    const { pipeline } = this.#session;
    if (config.untilEnd) this.#total ??= this.#taken + Number(source.assignment.remaining);
    this.#tell();
    if (this.#isEnding) return;
    const isDone = () => config.untilEnd && source.assignment.hasReachedEnds || pipeline.isAtLimit;
    if (!isDone()) return;
    this.#isEnding = true;
    // A commit that the group no longer accepts drops the buffer, and then the end is not reached yet.
    pipeline.commit("end").then(() => {
      this.#isEnding = false;
      if (isDone()) this.#reached.resolve();
    }, this.#reached.reject);
  }

  get #taken(): number {
    const { summary, pipeline } = this.#session;
    return summary.receivedCount + pipeline.bufferedCount;
  }

  #tell(): void {
    const { pipeline } = this.#session;
    this.#meter.update(this.#taken, this.#total, () => {
      const lag = pipeline.partitionMetrics().reduce((sum, { lag }) => sum + (lag ?? 0), 0);
      const note = [
        `lag ${thousands(lag)}`,
        `${thousands(pipeline.bufferedCount)} to commit`,
        `commit ${thousands(pipeline.sequence)}`,
      ];
      return note.join(", ");
    });
  }
}
