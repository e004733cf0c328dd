import { type Admin, Kafka, logLevel } from "kafkajs";

/** What a new topic is to be. */
export interface TopicRequest {
  readonly name: string;
  readonly partitions: number;
  /** Copies of each partition. */
  readonly replicas: number;
  /** Settings of the topic, as Kafka names them: `{"retention.ms": "1000"}`. */
  readonly config: Readonly<Record<string, string>>;
}

/** How long a broker may take to answer, elect a leader or find its controller. */
const PATIENCE_MS = 30_000;

/** A kafkajs client for tests: silent, and patient with a broker that has only just started. */
export function testClient(bootstrap: string): Kafka {
  return new Kafka({
    clientId: "orilla-tests",
    brokers: bootstrap.split(","),
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 12 },
  });
}

/** Runs `use` with a connected admin client. */
export async function withAdmin<Result>(
  bootstrap: string,
  use: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = testClient(bootstrap).admin();
  try {
    await admin.connect();
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/**
 * Creates a topic and waits until each of its partitions has a leader. Tried again while the controller
 * of a fresh broker is not ready.
 *
 * @throws Error where the topic is there already
 */
export async function createTopic(bootstrap: string, request: TopicRequest): Promise<void> {
  const { name, partitions, replicas, config } = request;
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const topic = {
    topic: name,
    numPartitions: partitions,
    replicationFactor: replicas,
    configEntries,
  };
  await untilDone(`create topic ${name}`, async (earlierAttempts) => {
    const isNew = await withAdmin(
      bootstrap,
      (admin) => admin.createTopics({ topics: [topic], waitForLeaders: true }),
    );
    // A later attempt may find the topic of an earlier one whose answer was lost.
    if (!isNew && earlierAttempts === 0) {
      throw new TopicExistsError(`Topic ${name} is there already`);
    }
  });
}

/** The id of the broker that leads a partition, -1 while none does. */
export async function leaderOf(
  bootstrap: string,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): Promise<number> {
  return (await describePartition(bootstrap, topic, partition)).leader;
}

/**
 * Gives a partition another leader: the present one is taken off its replicas, then put back as the last.
 *
 * @param to the id of a broker that holds a replica in sync
 */
export async function moveLeader(
  bootstrap: string,
  { topic, partition, to }: {
    readonly topic: string;
    readonly partition: number;
    readonly to: number;
  },
): Promise<void> {
  const { leader, replicas } = await describePartition(bootstrap, topic, partition);
  if (leader === to) return;
  const followers = replicas.filter((node) => node !== leader && node !== to);
  await withAdmin(bootstrap, async (admin) => {
    const assign = (replicas: number[]) =>
      admin.alterPartitionReassignments({
        topics: [{ topic, partitionAssignment: [{ partition, replicas }] }],
      });
    const untilPartition = (what: string, is: (now: PartitionState) => boolean) =>
      untilDone(what, async () => {
        const now = await partitionState(admin, topic, partition);
        if (!is(now)) throw new Error(`its state is ${JSON.stringify(now)}`);
      });
    await assign([to, ...followers]);
    await untilPartition(
      `move the leader of ${topic}/${partition} to ${to}`,
      (now) => now.leader === to,
    );
    await assign([to, ...followers, leader]);
    await untilPartition(
      `bring ${leader} back as a replica of ${topic}/${partition}`,
      (now) => now.replicas.length === replicas.length && now.isr.includes(leader),
    );
  });
}

interface PartitionState {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly isr: readonly number[];
}

function describePartition(
  bootstrap: string,
  topic: string,
  partition: number,
): Promise<PartitionState> {
  return withAdmin(bootstrap, (admin) => partitionState(admin, topic, partition));
}

async function partitionState(
  admin: Admin,
  topic: string,
  partition: number,
): Promise<PartitionState> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition);
  if (found === undefined) throw new Error(`There is no ${topic}/${partition}`);
  return found;
}

/** Not to be tried again. */
class TopicExistsError extends Error {}

/** Kafka tells nobody when it is ready, so the attempt is repeated until it succeeds. */
export async function untilDone(
  what: string,
  attempt: (earlierAttempts: number) => Promise<void>,
): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (let count = 0;; count++) {
    try {
      return await attempt(count);
    } catch (error) {
      if (error instanceof TopicExistsError) throw error;
      if (performance.now() > deadlineMs) {
        throw new Error(`Cannot ${what} in ${PATIENCE_MS} ms`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
