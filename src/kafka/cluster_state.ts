import type { Admin } from "kafkajs";
import { probeBroker } from "./broker_probe.ts";
import { refusalMessage } from "./connection_errors.ts";
import type { KafkaSecurity } from "./security.ts";

/** How a broker answered one harmless question. */
export interface Reached {
  /** host:port. */
  readonly server: string;
  /** Null where it can be talked to with these settings. */
  readonly problem: string | null;
  /** Whether nothing of Kafka's answered: what is wrong is then not known. */
  readonly isSilent: boolean;
}

/** Asks each of some brokers at once, for 3 s and, where one is silent, for another 3 s. */
export function reachAll(
  servers: readonly string[],
  security: KafkaSecurity,
): Promise<readonly Reached[]> {
  return Promise.all(servers.map(async (server) => {
    const finding = await probeBroker(server, security);
    switch (finding.kind) {
      case "fine":
        return { server, problem: null, isSilent: false };
      case "unknown":
        return {
          server,
          problem: `${server} cannot be reached: ${finding.detail}`,
          isSilent: true,
        };
      default:
        return {
          server,
          problem: refusalMessage(finding, { server, security }),
          isSilent: false,
        };
    }
  }));
}

/** A topic's partitions. */
export interface TopicState {
  readonly partitionCount: number;
  /** Numbers of partitions that no broker leads: nothing can be read from them. */
  readonly leaderless: readonly number[];
  /** Numbers of partitions of which some replicas are behind, or gone. */
  readonly behind: readonly number[];
}

/** What a topic's partitions are like; null where there is no such topic, or it is not shown to this login. */
export async function topicState(admin: Admin, topic: string): Promise<TopicState | null> {
  // Asked by its name, a topic that is missing would be tried for seconds.
  if (!(await admin.listTopics()).includes(topic)) return null;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics.find(({ name }) => name === topic)?.partitions ?? [];
  const numbersOf = (is: (partition: (typeof partitions)[number]) => boolean) =>
    partitions.filter(is).map(({ partitionId }) => partitionId).sort((a, b) => a - b);
  return {
    partitionCount: partitions.length,
    leaderless: numbersOf(({ leader }) => leader < 0),
    behind: numbersOf(({ isr, replicas }) => isr.length < replicas.length),
  };
}

/** A consumer group, as its coordinator has it. */
export interface GroupState {
  /** Kafka's own word, for example Stable, Empty or PreparingRebalance; Dead where there is none. */
  readonly state: string;
  readonly memberCount: number;
}

/** @throws Error where the coordinator refuses to tell */
export async function groupState(admin: Admin, groupId: string): Promise<GroupState> {
  const { groups: [group] } = await admin.describeGroups([groupId]);
  if (group === undefined) throw new Error("the coordinator does not tell");
  return { state: group.state, memberCount: group.members.length };
}
