import { openStore } from "../checkpoint/open_store.ts";
import { positionText } from "../core/dead_letter.ts";
import { operatingError, usageError } from "../core/errors.ts";
import { type RetriedOperation, totalOf } from "../core/counters.ts";
import type { Origin, RecordHeader } from "../core/record.ts";
import { checkBrokers, connectionError, kafkaClient } from "../kafka/client.ts";
import { KafkaPublisher, topicExists } from "../kafka/publisher.ts";
import { loadParquet } from "../lake/parquet.ts";
import { LakeSession } from "../pipeline/lake_session.ts";
import {
  type LetterToReplay,
  type PassedOver,
  repairedLetters,
  type ReplaySource,
  waitingLetters,
} from "../pipeline/letters_to_replay.ts";
import {
  rehearseReplay,
  replayIntoLake,
  type ReplayReport,
  replayToTopic,
} from "../pipeline/replay.ts";
import { systemClock } from "../runtime/clock.ts";
import { linesOf } from "../runtime/lines.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import {
  aborted,
  type CommandContext,
  connectionOf,
  letterCipherOf,
  locationOf,
} from "./context.ts";
import { sessionOptions } from "./session_options.ts";
import { filterOf, isEverything } from "./dead_letter_filter.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseWithoutCheckpoint } from "./lake_there.ts";
import { retryingOf } from "./retrying.ts";
import { thousands } from "../core/count_text.ts";

const LETTERS = "dead letters";

/** The header that a replayed record has in a topic: the position of its dead letter. */
export const REPLAY_HEADER = "orilla.replay";

/** Runs dead letters through the pipeline again, or sends them to a topic. */
export async function replayDeadLetters(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  await using lake = await lakeOf(context);
  if (config.stdin && !isEverything(filterOf(config))) {
    throw usageError(
      "Cannot use --stdin with a filter: what stdin holds is replayed, and nothing else",
    );
  }
  await refuseWithoutCheckpoint(lake.reader);
  await loadParquet();
  const passedOver = { doneCount: 0, rejectedAgainCount: 0 };
  const letterCount = await lake.reader.deadLetterCount();
  const report = config.dryRun
    ? await rehearse(context, passedOver, letterCount)
    : await replay(context, passedOver, letterCount);
  reporter.print(
    config.json
      ? jsonText({
        outDir,
        isDryRun: config.dryRun,
        toTopic: config.toTopic,
        ...report,
        passedOver,
      })
      : replayText(report, passedOver, context),
  );
}

/** The dead letters that the configuration means. */
function lettersOf(
  context: CommandContext,
  { letterCount, ...source }: Omit<ReplaySource, "onProgress"> & { readonly letterCount: number },
): AsyncGenerator<LetterToReplay> {
  const { config, reporter } = context;
  const meterOf = (unit: string) =>
    new ProgressMeter(reporter, () => systemClock.monotonicMs(), unit);
  if (!config.stdin) {
    const filter = filterOf(config);
    const meter = meterOf(LETTERS);
    // Where only those since some time are read, it is not known how many they are.
    const total = filter.sinceMs === null ? letterCount : null;
    let looked = 0;
    const onLetter = () => meter.update(++looked, total);
    return waitingLetters({ ...source, onProgress: () => {}, onLetter }, {
      filter,
      isAgain: config.again,
    });
  }
  const meter = meterOf("files");
  const onProgress = (done: number, total: number) => meter.update(done, total);
  return repairedLetters({ ...source, onProgress }, inputLines(context));
}

/** The lines of stdin; at a signal it ends, also where stdin does not. */
async function* inputLines({ readInput, stop }: CommandContext): AsyncGenerator<string> {
  const stopped = aborted(stop).then(() => null);
  for await (const line of linesOf(() => Promise.race([stopped, readInput()]))) {
    // It may be half a line.
    if (stop.aborted) return;
    yield line;
  }
}

/** Of what comes from stdin nobody knows how much it is; else the dead letters that were looked at tell how far it is. */
function controlOf({ config, reporter, stop }: CommandContext) {
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), LETTERS);
  const onProgress = (done: number) => {
    if (config.stdin) meter.update(done, null);
  };
  return { stop, onProgress };
}

async function rehearse(
  context: CommandContext,
  passedOver: PassedOver,
  letterCount: number,
): Promise<ReplayReport> {
  const { config } = context;
  await using checkpoint = await openStore(locationOf(context), sessionOptions(context));
  await using lake = await lakeOf(context);
  const { files } = lake;
  const markOf = (letter: Origin) => checkpoint.deadLetters.markOf(letter);
  const letters = lettersOf(context, {
    files,
    cipher: letterCipherOf(context),
    markOf,
    passedOver,
    letterCount,
  });
  const parts = { ...sessionOptions(context), checkpoint };
  const report = await rehearseReplay(parts, letters, controlOf(context));
  if (config.toTopic === null) return report;
  const sent = report.published + report.duplicate + totalOf(report.rejected);
  return { published: 0, duplicate: 0, rejected: {}, sent };
}

async function replay(
  context: CommandContext,
  passedOver: PassedOver,
  letterCount: number,
): Promise<ReplayReport> {
  const failure = Promise.withResolvers<never>();
  // It is raced below; until then a failure must not count as unhandled.
  failure.promise.catch(() => {});
  await using session = await LakeSession.open({
    ...sessionOptions(context),
    onFailure: failure.reject,
  });
  const { files, checkpoint } = session;
  const markOf = (letter: Origin) => checkpoint.deadLetters.markOf(letter);
  const letters = lettersOf(context, {
    files,
    cipher: letterCipherOf(context),
    markOf,
    passedOver,
    letterCount,
  });
  const { toTopic } = context.config;
  const work = toTopic === null
    ? replayIntoLake(session, letters, controlOf(context))
    : sendToTopic(context, { session, letters, topic: toTopic });
  const report = await Promise.race([work, failure.promise]);
  await session.close();
  return report;
}

async function sendToTopic(
  context: CommandContext,
  { session, letters, topic }: {
    readonly session: LakeSession;
    readonly letters: AsyncIterable<LetterToReplay>;
    readonly topic: string;
  },
): Promise<ReplayReport> {
  const { config, log } = context;
  const onRetry = (operation: RetriedOperation) => session.pipeline.noteRetry(operation);
  const client = kafkaClient(connectionOf(context), { log, onRetry });
  await checkBrokers(client);
  const { kafka } = client;
  const exists = await topicExists(kafka, topic).catch(async (error) => {
    throw await connectionError(client, error);
  });
  if (!exists) {
    throw operatingError(
      `There is no topic ${topic} at ${
        config.bootstrapServers.join(", ")
      }. Make it first, or name another ` +
        `with --to-topic`,
    );
  }
  const retrying = retryingOf(context, onRetry);
  await using publisher = new KafkaPublisher({ kafka, topic, log, retrying });
  await publisher.start();
  return await replayToTopic(session, letters, {
    ...controlOf(context),
    topic,
    nowMs: systemClock.nowMs,
    send: (chunk) => publisher.publish(chunk.map(recordOf)),
  });
}

const encoder = new TextEncoder();

function recordOf({ key, value, headers, origin }: LetterToReplay) {
  const replay: RecordHeader = {
    name: REPLAY_HEADER,
    value: encoder.encode(positionText(origin)),
  };
  return { key, value, headers: [...headers.filter(({ name }) => name !== REPLAY_HEADER), replay] };
}

function replayText(
  { published, duplicate, rejected, sent }: ReplayReport,
  { doneCount, rejectedAgainCount }: PassedOver,
  { config, stop }: CommandContext,
): string {
  const line = (label: string, count: number, note: string) =>
    `  ${label.padEnd(26)} ${thousands(count).padStart(12)}  ${note}`.trimEnd();
  const title = config.dryRun
    ? "Nothing was written (--dry-run). A replay would leave:"
    : stop.aborted
    ? "Stopped by a signal; what was replayed is marked, the rest waits"
    : "Replay done";
  const outcomes = config.toTopic === null
    ? [
      line("published", published, "rows in the lake"),
      line("duplicate", duplicate, "their event_id had been accepted before"),
      line(
        "rejected",
        totalOf(rejected),
        "again: they are dead letters that wait, with one more attempt",
      ),
      ...Object.entries(rejected).map(([reason, count]) => line(`  ${reason}`, count, "")),
    ]
    : [line("sent", sent, `to topic ${config.toTopic}, acknowledged by all in-sync replicas`)];
  const passed = [
    ...(doneCount === 0 ? [] : [line("passed over", doneCount, "they were replayed before")]),
    ...(rejectedAgainCount === 0 ? [] : [
      line(
        "passed over",
        rejectedAgainCount,
        "a replay rejected them already; repair them, or --again",
      ),
    ]),
  ];
  return [title, "", ...outcomes, ...passed, ""].join("\n");
}
