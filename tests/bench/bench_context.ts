import { keyPartitioner } from "../../src/kafka/key_partitioner.ts";
import { type Broker, uniqueName } from "../kafka/broker.ts";
import { batchProducer, RecordBatches } from "../kafka/record_batches.ts";
import { untilDone, withAdmin } from "../kafka/topics.ts";
import type { GeneratedRecord } from "../../src/simulation/event_generator.ts";
import { jobRecords, type JobShape, simulatedRecords, simulateFlags } from "./job_records.ts";
import { TruthCounter, truthOf } from "./job_truth.ts";
import type { OrillaRun, TopicSource } from "./orilla_run.ts";

/** What every part of the benchmark runs with. */
export interface BenchContext {
  /** Null where none can be started: then orilla generates its records itself. */
  readonly broker: Broker | null;
  /** Records of a job; null for the default of the part. */
  readonly recordCount: number | null;
  readonly runs: number;
  readonly seed: number;
  /** A folder for lakes, removed at the end. */
  readonly folder: string;
  /** More flags for every orilla that writes to a lake. */
  readonly flags: readonly string[];
}

/** Partitions of a topic where nothing else is said. */
export const PARTITIONS = 4;

/** A job that can be run again and again: its records lie in a topic, or `simulate` makes them. */
export interface PreparedJob extends Pick<OrillaRun, "source" | "truth"> {
  /** Of keys and values; null where there is no topic. */
  readonly recordBytes: number | null;
}

/** Makes the records of a job, in a new topic where there is a broker, and counts what must become of them. */
export async function prepareJob(
  { broker }: BenchContext,
  shape: JobShape,
  partitions = PARTITIONS,
): Promise<PreparedJob> {
  if (broker === null) {
    const source = { simulateFlags: simulateFlags(shape) };
    return { source, truth: truthOf(simulatedRecords(shape)), recordBytes: null };
  }
  const source = { bootstrap: broker.bootstrap, topic: uniqueName("bench") };
  await broker.createTopic(source.topic, partitions);
  // A partition that is not there yet refuses its part of a request, and kafkajs then sends all of it again.
  await untilDone(`reach all partitions of ${source.topic}`, async () => {
    await recordsIn(source);
  });
  const counter = await fillTopic(source, { records: jobRecords(shape), partitions });
  const truth = counter.truth();
  const count = await recordsIn(source);
  if (count !== truth.recordCount) {
    throw new Error(`The topic has ${count} records instead of ${truth.recordCount}: run it again`);
  }
  return { source, truth, recordBytes: counter.recordBytes };
}

/** How many records a topic has, by the ends of its partitions. */
async function recordsIn({ bootstrap, topic }: TopicSource): Promise<number> {
  const ends = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  return ends.reduce((sum, { high }) => sum + Number(high), 0);
}

/** Calls `use` with the path of a lake that is not there yet, and removes what was made there. */
export async function withLake<Result>(
  { folder }: BenchContext,
  use: (outDir: string) => Promise<Result>,
): Promise<Result> {
  const outDir = `${folder}/${uniqueName("lake")}`;
  const result = await use(outDir);
  await Deno.remove(outDir, { recursive: true });
  return result;
}

const RECORDS_AT_ONCE = 20_000;

async function fillTopic(
  { bootstrap, topic }: TopicSource,
  { records, partitions }: {
    readonly records: Iterable<GeneratedRecord>;
    readonly partitions: number;
  },
): Promise<TruthCounter> {
  const producer = await batchProducer(bootstrap), partitionOf = keyPartitioner();
  const counter = new TruthCounter();
  let batches = new RecordBatches(partitions);
  const flush = async () => {
    for (const messages of batches.requests()) await producer.send({ topic, acks: -1, messages });
    batches = new RecordBatches(partitions);
  };
  try {
    for (const record of records) {
      counter.count(record);
      batches.add(partitionOf(record.key, partitions), record);
      if (batches.recordCount === RECORDS_AT_ONCE) await flush();
    }
    await flush();
  } finally {
    await producer.disconnect();
  }
  return counter;
}
