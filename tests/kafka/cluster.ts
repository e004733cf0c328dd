import { takePortBlock } from "./ports.ts";
import { runScript } from "./script.ts";
import { createTopic, leaderOf, moveLeader } from "./topics.ts";

/** How a cluster is started. */
export interface ClusterOptions {
  /** From 1 to 9; default 3. */
  readonly brokers?: number;
  /** More lines of every broker's server.properties, `KEY=VALUE`; they override the others. */
  readonly conf?: readonly string[];
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A running cluster; its brokers are counted from 1. Disposing of it ends them and removes their data. */
export interface Cluster extends AsyncDisposable {
  /** All brokers as host:port, with commas. */
  readonly bootstrap: string;
  /** Its folder; broker I has `node-I` in it. */
  readonly dataDir: string;
  /** Creates a topic with three replicas (fewer where there are fewer brokers), and waits for leaders. */
  createTopic(
    name: string,
    partitions: number,
    config?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** SIGKILL; its data stays. */
  kill(node: number): Promise<void>;
  /** Stops one broker in good order: it hands its leaderships over first. */
  halt(node: number): Promise<void>;
  /** Starts a killed or halted one again. */
  restart(node: number): Promise<void>;
  /** SIGSTOP: it hangs, and its connections stay. */
  pause(node: number): Promise<void>;
  /** SIGCONT, and waits until it answers. */
  resume(node: number): Promise<void>;
  /** The broker that leads the partition, -1 while none does. */
  leaderOf(topicPartition: TopicPartition): Promise<number>;
  /** Makes another broker lead the partition, and waits for it. */
  moveLeader(topicPartition: TopicPartition, to: number): Promise<void>;
}

/** A failed broker is noticed after 3 s instead of 9 s. */
const QUICK_FAILOVER = ["broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500"];

/**
 * Starts a fresh cluster on free ports. KAFKA_TEST_BOOTSTRAP_SERVERS is not looked at: register such tests
 * with `needsOwnBroker`.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { brokers = 3, conf = [] } = options;
  const ports = takePortBlock(brokers);
  const dataDir = await Deno.makeTempDir({ prefix: "orilla-kafka-cluster-" });
  const run = (verb: string, ...args: readonly string[]) =>
    runScript("kafka-cluster.sh", [verb, "--data", dataDir, ...args]);
  const dispose = async () => {
    await run("stop", "--kill");
    await Deno.remove(dataDir, { recursive: true });
    ports[Symbol.dispose]();
  };
  const args = ["start", "--brokers", String(brokers), "--port", String(ports.first)];
  for (const line of [...QUICK_FAILOVER, ...conf]) args.push("--conf", line);
  try {
    const owner = { KAFKA_OWNER: String(Deno.pid) };
    const bootstrap = await runScript("kafka-cluster.sh", [...args, "--data", dataDir], owner);
    return runningCluster({ bootstrap, dataDir, brokers, run, dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

function runningCluster({ bootstrap, dataDir, brokers, run, dispose }: {
  readonly bootstrap: string;
  readonly dataDir: string;
  readonly brokers: number;
  readonly run: (verb: string, ...args: readonly string[]) => Promise<string>;
  readonly dispose: () => Promise<void>;
}): Cluster {
  const toNode = (verb: string) => async (node: number) => {
    await run(verb, "--node", String(node));
  };
  const replicas = Math.min(brokers, 3);
  return {
    bootstrap,
    dataDir,
    createTopic: (name, partitions, config = {}) =>
      createTopic(bootstrap, { name, partitions, replicas, config }),
    kill: toNode("kill"),
    halt: toNode("halt"),
    restart: toNode("restart"),
    pause: toNode("pause"),
    resume: toNode("resume"),
    leaderOf: (topicPartition) => leaderOf(bootstrap, topicPartition),
    moveLeader: (topicPartition, to) => moveLeader(bootstrap, { ...topicPartition, to }),
    [Symbol.asyncDispose]: dispose,
  };
}
