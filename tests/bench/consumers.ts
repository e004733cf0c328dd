import { startBroker, uniqueName } from "../kafka/broker.ts";
import { untilDone, withAdmin } from "../kafka/topics.ts";
import { orillaCommand } from "../orilla_process.ts";
import type { StoreLoad } from "../stores/store_server.ts";
import { openTestStore, type TestStore } from "../stores/test_store.ts";
import { type BenchContext, type PreparedJob, prepareJob, withLake } from "./bench_context.ts";
import { USUAL_JOB } from "./job_records.ts";
import { differences, type JobTruth, lakeFiles } from "./job_truth.ts";
import { type Measured, runMeasured } from "./measured_process.ts";
import { consumerArguments, InexactError, type TopicSource } from "./orilla_run.ts";
import { note, runsText, say, spreadText, table } from "./report.ts";

const RECORD_COUNT = 2_000_000, PARTITIONS = 12;
/** All consumers of a new group get their partitions at once, where they join within this. */
const JOIN_MS = 6_000;
const POLL_MS = 200;

/** What some consumers of one group were measured to do together. */
interface GroupFigures {
  /** While all of them had full batches. */
  readonly eventsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  /** Of the consumer that had most. */
  readonly peakMegabytes: number;
  readonly commitsPerMillion: number;
  readonly filesPerCommit: number;
  /** Of published files. */
  readonly bytesPerEvent: number;
  /** Of the store's server, for a million events; null without one. */
  readonly store: StoreLoad | null;
}

/** The usual job by several consumers of one group. */
export async function benchConsumers(
  context: BenchContext,
  { counts, store: kind }: { readonly counts: readonly number[]; readonly store: string },
): Promise<void> {
  const { runs, seed, broker: shared } = context;
  if (shared === null) return say("\nSeveral consumers are left out: they need a broker");
  await using broker = await startBroker({
    conf: [`group.initial.rebalance.delay.ms=${JOIN_MS}`],
  });
  await using store = await openTestStore(kind);
  const count = context.recordCount ?? RECORD_COUNT;
  const job = await prepareJob({ ...context, broker }, { ...USUAL_JOB, count, seed }, PARTITIONS);
  const source = topicIn(job);
  const rows: string[][] = [];
  for (const consumerCount of counts) {
    const figures: GroupFigures[] = [];
    for (let run = 1; run <= runs; run++) {
      note(`${consumerCount} consumers on ${kind}, run ${run} of ${runs}`);
      const group = { ...job, source, consumerCount, store, flags: context.flags };
      figures.push(await withLake(context, (folder) => runGroup({ ...group, folder })));
    }
    rows.push([String(consumerCount), ...cellsOf(figures)]);
  }
  const recordBytes = Math.round((job.recordBytes ?? NaN) / job.truth.recordCount);
  const events = `${
    count.toLocaleString("en-US")
  } events of ${recordBytes} bytes in ${PARTITIONS} partitions`;
  say(`\nConsumers of one group on ${kind}; ${events}, ${runsText(runs)}\n`);
  say(table([...HEAD, ...(store.server === null ? [] : STORE_HEAD)], rows));
}

const HEAD = [
  "consumers",
  "events/s, all together",
  "CPU-s per 1M",
  "peak MB of one",
  "commits per 1M",
  "files a commit",
  "Parquet bytes an event",
] as const;
const STORE_HEAD = [
  "store: CPU-s per 1M",
  "transactions or commands per 1M",
  "MB logged per 1M",
  "bytes held an event",
] as const;

function cellsOf(figures: readonly GroupFigures[]): string[] {
  const cell = (of: (figure: GroupFigures) => number, digits = 0) =>
    spreadText(figures.map(of), digits);
  const ofStore = (of: (load: StoreLoad) => number, digits = 0) =>
    spreadText(figures.flatMap(({ store }) => store === null ? [] : [of(store)]), digits);
  return [
    cell(({ eventsPerSecond }) => eventsPerSecond),
    cell(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion, 1),
    cell(({ peakMegabytes }) => peakMegabytes),
    cell(({ commitsPerMillion }) => commitsPerMillion),
    cell(({ filesPerCommit }) => filesPerCommit, 1),
    cell(({ bytesPerEvent }) => bytesPerEvent, 1),
    ...(figures.some(({ store }) => store === null) ? [] : [
      ofStore(({ cpuSeconds }) => cpuSeconds, 2),
      ofStore(({ operationCount }) => operationCount),
      ofStore(({ loggedBytes }) => loggedBytes / 1e6, 1),
      ofStore(({ heldBytes }) => heldBytes / 1e6),
    ]),
  ];
}

interface GroupRun {
  readonly source: TopicSource;
  readonly truth: JobTruth;
  readonly consumerCount: number;
  readonly store: TestStore;
  /** Holds the lakes: one for all, or one for each consumer where the store is not shared. */
  readonly folder: string;
  readonly flags: readonly string[];
}

/** @throws InexactError where a consumer failed, or the lakes differ from the truth */
async function runGroup(run: GroupRun): Promise<GroupFigures> {
  const { source, truth, consumerCount, store, folder, flags } = run;
  await Deno.mkdir(folder);
  const groupId = uniqueName("bench"), env = store.envOf(groupId);
  const outDirs = Array.from(
    { length: consumerCount },
    (_, i) => `${folder}/${store.isShared ? "lake" : i}`,
  );
  const before = await store.server?.load();
  const firstEnd = Promise.withResolvers<void>();
  const endWhen = untilAcknowledged(source, {
    groupId,
    count: truth.recordCount,
    or: firstEnd.promise,
  });
  const measured = await Promise.all(outDirs.map(async (outDir) => {
    const args = [...consumerArguments({ ...source, groupId }, outDir), ...flags];
    const consumer = await runMeasured({ ...orillaCommand(args, { env }), endWhen });
    firstEnd.resolve();
    return consumer;
  }));
  const after = await store.server?.load();
  const failed = measured.find(({ code }) => code !== 0);
  if (failed !== undefined) {
    throw new InexactError(`a consumer ended with exit code ${failed.code}:\n${failed.stderr}`);
  }
  const lakes = [...new Set(outDirs)];
  const found = await differences(lakes, truth);
  if (found.length > 0) throw new InexactError(`The lakes are not exact:\n${found.join("\n")}`);
  const files = (await Promise.all(lakes.map((outDir) => lakeFiles(outDir)))).flat();
  return figuresOf(measured, {
    millions: truth.recordCount / 1e6,
    fileCount: files.length,
    fileBytes: files.reduce((sum, { path }) => sum + Deno.statSync(path).size, 0),
    store: before === undefined || after === undefined ? null : { before, after },
  });
}

function figuresOf(
  measured: readonly Measured[],
  { millions, fileCount, fileBytes, store }: {
    readonly millions: number;
    readonly fileCount: number;
    readonly fileBytes: number;
    readonly store: { readonly before: StoreLoad; readonly after: StoreLoad } | null;
  },
): GroupFigures {
  const logs = measured.map(({ stderr }) => stderr);
  const commitCount = logs.flatMap(commitsOf).length;
  const difference = (name: keyof StoreLoad) =>
    store === null ? NaN : (store.after[name] - store.before[name]) / millions;
  return {
    eventsPerSecond: fullRate(logs),
    cpuSecondsPerMillion: measured.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) / millions,
    peakMegabytes: Math.max(...measured.map(({ peakBytes }) => peakBytes ?? NaN)) / 1e6,
    commitsPerMillion: commitCount / millions,
    filesPerCommit: fileCount / commitCount,
    bytesPerEvent: fileBytes / millions / 1e6,
    store: store === null ? null : {
      cpuSeconds: difference("cpuSeconds"),
      operationCount: difference("operationCount"),
      loggedBytes: difference("loggedBytes"),
      heldBytes: difference("heldBytes"),
    },
  };
}

/** A commit, as a consumer's log tells of it. */
interface LoggedCommit {
  readonly ms: number;
  readonly received: number;
  readonly isFull: boolean;
}

function commitsOf(log: string): LoggedCommit[] {
  return log.split("\n").filter((line) => line.includes('"message":"committed"')).map((line) => {
    const { time, received, trigger } = JSON.parse(line);
    return { ms: Date.parse(time), received, isFull: trigger === "events" };
  });
}

/**
 * Events a second from the first assignment until the first consumer has made its last full batch: what
 * they do while none of them waits for records.
 */
function fullRate(logs: readonly string[]): number {
  const assigned = logs.map((log) => {
    const line = log.split("\n").find((text) => text.includes('"message":"assigned"'));
    return Date.parse(/"time":"([^"]+)"/.exec(line ?? "")?.[1] ?? "");
  });
  const commits = logs.map(commitsOf);
  const endMs = Math.min(
    ...commits.map((own) => Math.max(...own.filter(({ isFull }) => isFull).map(({ ms }) => ms))),
  );
  const received = commits.flat().filter(({ ms }) => ms <= endMs)
    .reduce((sum, commit) => sum + commit.received, 0);
  return received / (endMs - Math.min(...assigned)) * 1_000;
}

/** Waits until the group has acknowledged all records of the topic, or something else has happened. */
async function untilAcknowledged(
  { bootstrap, topic }: TopicSource,
  { groupId, count, or }: {
    readonly groupId: string;
    readonly count: number;
    readonly or: Promise<void>;
  },
): Promise<void> {
  let isOver = false;
  void or.then(() => isOver = true);
  await withAdmin(bootstrap, async (admin) => {
    for (let acknowledged = 0; acknowledged < count && !isOver;) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      // A fresh broker has no coordinator of groups until the first one joins.
      await untilDone(`read the offsets of ${groupId}`, async () => {
        const [ofTopic] = await admin.fetchOffsets({ groupId, topics: [topic] });
        const offsets = (ofTopic?.partitions ?? []).map(({ offset }) => Number(offset));
        acknowledged = offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0);
      });
    }
  });
}

function topicIn({ source }: PreparedJob): TopicSource {
  if (!("topic" in source)) throw new Error("several consumers need a topic");
  return source;
}
