/** What is wanted, and how orilla is set; all of it is the reader's to change. */
export interface Wanted {
  /** Events a second, at the peak. */
  readonly rate: number;
  /** BATCH_MAX_EVENTS. */
  readonly batchEvents: number;
  /** BATCH_MAX_LATENCY_MS, in seconds. */
  readonly latencySeconds: number;
  /** Dates that a batch usually has. */
  readonly datesPerBatch: number;
  /** Cores of an instance, and the share of them that may be in use at the peak. */
  readonly instanceCores: number;
  readonly utilization: number;
  /** Instances that may fail at the same time without lag. */
  readonly spareInstances: number;
}

/** What was measured for an event, on the machine that it was measured on. */
export interface Measured {
  /** CPU-seconds of a consumer for a million events. */
  readonly consumerCpuSeconds: number;
  /** Peak of a consumer's memory, MB. */
  readonly consumerMegabytes: number;
  /** Key and value of a record in Kafka, not compressed. */
  readonly recordBytes: number;
  /** Parquet bytes of an event. */
  readonly parquetBytes: number;
}

/** What was measured of a store of checkpoints. */
export interface StoreMeasured {
  readonly name: string;
  /** Of a consumer that uses it, for a million events. */
  readonly consumerCpuSeconds: number;
  /** Of the server, for a million events; 0 where there is none. */
  readonly serverCpuSeconds: number;
  /** Cores that one server can use for writing: 1 where it has one thread; null for all. */
  readonly serverCores: number | null;
  /** Written to the server's log for an event. */
  readonly loggedBytes: number;
  /** Held for a seen id. */
  readonly bytesPerId: number;
  /** Where they are held. */
  readonly heldIn: "disk" | "memory";
  /** For how many times DEDUPE_TTL an id is held at the most: 1.25 where ids expire in quarters of it. */
  readonly heldFor: number;
}

/** What a rate asks for. */
export interface Load {
  readonly consumerCores: number;
  readonly instances: number;
  readonly partitions: number;
  readonly memoryMegabytes: number;
  /** From one commit of an instance to the next. */
  readonly commitSeconds: number;
  readonly eventsPerCommit: number;
  /** Of all instances. */
  readonly commitsPerSecond: number;
  readonly filesPerSecond: number;
  readonly megabytesPerFile: number;
  readonly kafkaMegabytesPerSecond: number;
  readonly lakeMegabytesPerSecond: number;
}

/** So many divide evenly enough when an instance is gone, and leave room to grow. */
const PARTITIONS_AN_INSTANCE = 4;

/** What a rate asks for, by the measured figures. */
export function loadOf(wanted: Wanted, measured: Measured): Load {
  const { rate, batchEvents, latencySeconds, datesPerBatch } = wanted;
  const consumerCores = rate / 1e6 * measured.consumerCpuSeconds;
  const working = Math.ceil(consumerCores / (wanted.instanceCores * wanted.utilization));
  const instances = working + wanted.spareInstances;
  const instanceRate = rate / instances;
  const commitSeconds = Math.min(latencySeconds, batchEvents / instanceRate);
  const commitsPerSecond = instances / commitSeconds;
  const filesPerSecond = commitsPerSecond * datesPerBatch;
  const lakeMegabytesPerSecond = rate * measured.parquetBytes / 1e6;
  return {
    consumerCores,
    instances,
    partitions: PARTITIONS_AN_INSTANCE * instances,
    memoryMegabytes: instances * measured.consumerMegabytes,
    commitSeconds,
    eventsPerCommit: instanceRate * commitSeconds,
    commitsPerSecond,
    filesPerSecond,
    megabytesPerFile: lakeMegabytesPerSecond / filesPerSecond,
    kafkaMegabytesPerSecond: rate * measured.recordBytes / 1e6,
    lakeMegabytesPerSecond,
  };
}

/** Requests of a commit to an object store; a file is one of a date, or of dead letters. */
export interface RequestCounts {
  /** PUT, POST: for each file. */
  readonly writesPerFile: number;
  /** PUT, POST: for each commit, as the table's log has it; 0 without one. */
  readonly writesPerCommit: number;
  readonly readsPerCommit: number;
}

/** List prices, in US dollars for a thousand requests. */
export interface RequestPrices {
  readonly writes: number;
  readonly reads: number;
}

const SECONDS_A_DAY = 86_400;

/** What a day of commits costs at an object store. */
export function requestsADay(
  { commitsPerSecond, filesPerSecond }: Pick<Load, "commitsPerSecond" | "filesPerSecond">,
  counts: RequestCounts,
  prices: RequestPrices,
): { readonly writes: number; readonly reads: number; readonly dollars: number } {
  const writes = SECONDS_A_DAY *
    (filesPerSecond * counts.writesPerFile + commitsPerSecond * counts.writesPerCommit);
  const reads = SECONDS_A_DAY * commitsPerSecond * counts.readsPerCommit;
  return { writes, reads, dollars: (writes * prices.writes + reads * prices.reads) / 1_000 };
}

/** Bytes that the ids of a rate take once as many expire as arrive. */
export function seenIdBytes(
  { rate, ttlSeconds }: { readonly rate: number; readonly ttlSeconds: number },
  { bytesPerId, heldFor }: Pick<StoreMeasured, "bytesPerId" | "heldFor">,
): number {
  return rate * ttlSeconds * heldFor * bytesPerId;
}
