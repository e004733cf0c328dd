import { failure, type Finding, ok, skipped, warning } from "../core/check.ts";
import { type ConnectedClient, connectionError, kafkaClient } from "../kafka/client.ts";
import {
  type GroupState,
  groupState,
  reachAll,
  type Reached,
  type TopicState,
  topicState,
} from "../kafka/cluster_state.ts";
import { type ClockReading, readControllerClock } from "../kafka/controller_clock.ts";
import { protocolOf, showsSecret } from "../kafka/security.ts";
import type { AdminClient } from "../kafka/topic_offsets.ts";
import { systemClock } from "../runtime/clock.ts";
import { type CommandContext, connectionOf } from "./context.ts";
import { msText } from "./summary.ts";
import { examineOffsets } from "./doctor_offsets.ts";
import type { Examination } from "./examination.ts";
import { counted } from "../core/count_text.ts";

/** What cannot be looked at where no broker can be talked to. */
const BEHIND_TOPIC = ["group", "lag", "next start"];
const BEHIND_CLUSTER = ["clock", "topic", ...BEHIND_TOPIC];
const BEHIND_LOGIN = ["cluster", ...BEHIND_CLUSTER];
/** Then it is asked which broker is silent: kafkajs would try for longer than a check may take. */
const DESCRIBE_MS = 3_500;
/** A clock that is further off than this is not kept by anything. */
const SKEW_MS = 1_000;

/** Checks of the way to Kafka, the topic and the group. Produces nothing, and joins no group. */
export async function examineKafka(
  context: CommandContext,
  examination: Examination,
): Promise<void> {
  const { config: { bootstrapServers, topic }, security, log } = context;
  const isReached = await examination.check("brokers", async () => {
    return brokersFinding(await reachAll(bootstrapServers, security));
  });
  if (!isReached) return examination.skip(["login", ...BEHIND_LOGIN], "no broker can be used");
  const client = kafkaClient(connectionOf(context), { log });
  const admin = client.kafka.admin();
  if (!await examination.check("login", () => loginFinding(client, admin))) {
    return examination.skip(BEHIND_LOGIN, "no broker lets orilla in");
  }
  let isDescribed = false;
  await examination.check("cluster", async () => {
    const brokers = await describeBrokers(client, admin);
    isDescribed = brokers.isComplete;
    const others = brokers.servers.filter((server) => !bootstrapServers.includes(server));
    return clusterFinding(brokers, await reachAll(others, security));
  });
  if (!isDescribed) return examination.skip(BEHIND_CLUSTER, "the brokers cannot be asked");
  await examination.check("clock", async () => {
    return clockFinding(await readControllerClock(client.kafka, () => systemClock.nowMs()));
  });
  const hasTopic = await examination.check("topic", async () => {
    return topicFinding(topic, await topicState(admin, topic));
  });
  if (!hasTopic) return examination.skip(BEHIND_TOPIC, "there is no topic to read");
  await examination.check("group", async () => {
    const { groupId } = context.config;
    return groupFinding(groupId, await groupState(admin, groupId));
  });
  await examineOffsets(context, { examination, admin });
}

/** A broker of the list that does not answer does no harm while another one does. */
export function brokersFinding(reached: readonly Reached[]): Finding {
  const problems = reached.flatMap(({ problem }) => problem === null ? [] : [problem]);
  const facts = { brokers: reached };
  const [first = ""] = problems;
  if (problems.length === 0) {
    return ok(`${reached.map(({ server }) => server).join(", ")} can be reached`, { facts });
  }
  if (problems.length === reached.length) {
    const advice = "check --bootstrap-servers, the name, the port, and what lies between";
    const isSilent = reached[0]?.isSilent === true;
    return failure(first, isSilent ? advice : null, { lines: problems.slice(1), facts });
  }
  const text = `${problems.length} of ${reached.length} cannot be used`;
  return warning(text, "the others do; repair it, or leave it out of --bootstrap-servers", {
    lines: problems,
    facts,
  });
}

async function loginFinding(client: ConnectedClient, admin: AdminClient): Promise<Finding> {
  const { security } = client.connection;
  try {
    await admin.connect();
  } catch (error) {
    return failure((await connectionError(client, error)).message, null);
  }
  const { tls, sasl } = security;
  const facts = { protocol: protocolOf(security), mechanism: sasl?.mechanism ?? null };
  const certificate = tls?.client ? ", with a client certificate" : "";
  const text = sasl === null
    ? `${facts.protocol}${certificate}: no login is asked for`
    : `${facts.protocol}${certificate}, ${sasl.mechanism}: accepted`;
  if (tls !== null || !showsSecret(security)) return ok(text, { facts });
  const advice = "use SASL_SSL, or a SCRAM mechanism";
  return warning(`${text}; the secret is sent without encryption`, advice, { facts });
}

/** The brokers of a cluster, host:port as they call themselves. */
export interface Brokers {
  readonly servers: readonly string[];
  /** False where none could be asked, and these are only the ones that were tried. */
  readonly isComplete: boolean;
}

async function describeBrokers(client: ConnectedClient, admin: AdminClient): Promise<Brokers> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("it is silent")), DESCRIBE_MS);
  try {
    const { brokers } = await Promise.race([admin.describeCluster(), late.promise]);
    return { servers: brokers.map(({ host, port }) => `${host}:${port}`), isComplete: true };
  } catch (error) {
    const { gate: { contacted }, connection: { bootstrapServers } } = client;
    const servers = [...contacted].filter((server) => !bootstrapServers.includes(server));
    if (servers.length === 0) throw await connectionError(client, error);
    return { servers, isComplete: false };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Clients connect to brokers by the names that these give themselves.
 *
 * @param others how those of them answered that are not in the list of servers to ask first
 */
export function clusterFinding(
  { servers, isComplete }: Brokers,
  others: readonly Reached[],
): Finding {
  const problems = others.flatMap(({ problem }) => problem === null ? [] : [problem]);
  const facts = { servers, isComplete, others };
  const count = counted(servers.length, "broker");
  if (problems.length === 0 && isComplete) {
    return ok(`${count}, reached by their own names`, { facts });
  }
  return failure(
    problems.length === 0
      ? "the brokers answer, but not all that they are asked"
      : `${problems.length} of ${count} cannot be reached by the names that they give themselves`,
    "their advertised.listeners must name hosts that this machine resolves and may reach",
    { lines: problems, facts },
  );
}

export function topicFinding(topic: string, state: TopicState | null): Finding {
  if (state === null) {
    return failure(
      `there is no topic ${topic}, or this login is not shown it`,
      "make it by producing (orilla producer), or name another with --topic",
      { facts: { topic, exists: false } },
    );
  }
  const { partitionCount, leaderless, behind } = state;
  const facts = { topic, exists: true, ...state };
  const text = `${topic} has ${counted(partitionCount, "partition")}`;
  if (leaderless.length > 0) {
    const advice = "start their brokers: nothing is read from these until then";
    return failure(`${text}; without a leader: ${leaderless.join(", ")}`, advice, { facts });
  }
  if (behind.length > 0) {
    const advice = "some replicas are not in sync: look at the brokers";
    return warning(`${text}; with replicas missing: ${behind.join(", ")}`, advice, { facts });
  }
  return ok(text, { facts });
}

export function groupFinding(groupId: string, { state, memberCount }: GroupState): Finding {
  const facts = { groupId, state, memberCount };
  const members = counted(memberCount, "member");
  switch (state) {
    case "Stable":
      return ok(`${groupId} is stable, with ${members}`, { facts });
    case "Empty":
      return ok(`${groupId} has no member: nobody is reading`, { facts });
    case "Dead":
      return ok(`${groupId} does not exist yet: reading begins at the oldest record`, { facts });
    default:
      return warning(
        `${groupId} is in state ${state}, with ${members}`,
        "look again: where it stays so, one of them comes and goes",
        { facts },
      );
  }
}

export function clockFinding(reading: ClockReading): Finding {
  switch (reading.kind) {
    case "not_offered":
      return skipped(
        "these brokers do not tell the time (clusters without ZooKeeper do since Kafka 3.3)",
      );
    case "refused":
      return skipped(
        `the cluster does not tell this login its time (error ${reading.errorCode}; it takes the ` +
          `right to Describe the cluster)`,
      );
    case "read": {
      const { aheadMs, uncertainMs, controllerId } = reading;
      const text = `this machine is ${msText(Math.abs(aheadMs))} ${
        aheadMs < 0 ? "behind" : "ahead of"
      } the clock of controller ${controllerId} (±${msText(uncertainMs)})`;
      const facts = { aheadMs, uncertainMs, controllerId };
      if (Math.abs(aheadMs) - uncertainMs <= SKEW_MS) return ok(text, { facts });
      const advice =
        "set both by NTP: certificates, tokens, processing_ts and the metrics of age " +
        "go by them";
      return warning(text, advice, { facts });
    }
    default:
      return reading satisfies never;
  }
}
