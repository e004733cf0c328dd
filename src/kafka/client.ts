import { type Admin, Kafka, logLevel } from "kafkajs";
import process from "node:process";
import type { RetriedOperation } from "../core/counters.ts";
import { messageOf, operatingError, type OrillaError } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import type { RetryPolicy } from "../runtime/retry.ts";
import { keepMembersWithoutBrokers } from "./brokerless.ts";
import { followMovedCoordinators } from "./moved_coordinator.ts";
import { registerCodecs } from "./codecs.ts";
import { probeBroker } from "./broker_probe.ts";
import { refusalBehind, refusalError, refusalMessage } from "./connection_errors.ts";
import { deliverRecordBlocks } from "./fetch_response.ts";
import { readHeadersInOnePass } from "./header_reading.ts";
import { JoinGate } from "./join_gate.ts";
import type { KafkajsSecurity } from "./kafkajs_security.ts";
import type { KafkaSecurity } from "./security.ts";

/** How to reach the brokers. */
export interface KafkaConnection {
  /** host:port of each. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  readonly security: KafkaSecurity;
  /** The part of kafkajs's configuration that says so, made once: all clients of a process share its tokens. */
  readonly kafkajsSecurity: KafkajsSecurity;
}

/** A client, and what it was made of. */
export interface ConnectedClient {
  readonly kafka: Kafka;
  readonly connection: KafkaConnection;
  /** What its sockets go through, and what its group members wait for before they give up their partitions. */
  readonly gate: JoinGate;
}

/** How long a client tries before it gives up: a few seconds. */
const QUICK = { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5 };
/** Tries of a patient client: in effect without end. */
const PATIENT_TRIES = 1_000_000;
/** A broker that is back should not find a patient client asleep for long. */
const LONGEST_PATIENT_WAIT_MS = 2_000;

/** What kafkajs itself tries again, by the text it logs of it: it tells of that in no other way. */
const TRIES_OF_KAFKAJS = new Map<string, RetriedOperation>([
  ["Error while scheduling fetch manager, trying again...", "fetch"],
  ["Error while committing offsets, trying again...", "group_offset_commit"],
]);

export interface KafkaClientOptions {
  readonly log: Log;
  /** Told of each operation that kafkajs itself tries again. */
  readonly onRetry?: (operation: RetriedOperation) => void;
  /**
   * For group members, which wait so between tries and are ended by their user alone: kafkajs leaves the group
   * when its tries are spent, and what was just committed could then not be acknowledged any more.
   */
  readonly patience?: Pick<RetryPolicy, "baseMs" | "capMs">;
}

/** A kafkajs client that logs through ours. */
export function kafkaClient(
  connection: KafkaConnection,
  { log, onRetry = () => {}, patience }: KafkaClientOptions,
): ConnectedClient {
  const { bootstrapServers, clientId, kafkajsSecurity } = connection;
  const gate = new JoinGate();
  registerCodecs();
  deliverRecordBlocks();
  readHeadersInOnePass();
  keepMembersWithoutBrokers();
  followMovedCoordinators();
  silenceNegativeTimeouts();
  const kafka = new Kafka({
    clientId,
    brokers: [...bootstrapServers],
    ...kafkajsSecurity,
    socketFactory: gate.socketFactory,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: patience === undefined ? QUICK : patient(patience),
    logLevel: logLevel.DEBUG,
    // kafkajs calls errors what it then tries again; what matters is logged by those who call it.
    logCreator: () => ({ namespace, log: { message, error, broker } }) => {
      const field = (value: unknown) => typeof value === "string" ? { error: value } : {};
      const at = typeof broker === "string" ? { broker } : {};
      log.debug(`kafkajs ${namespace}: ${message}`, { ...field(error), ...at });
      const operation = TRIES_OF_KAFKAJS.get(message);
      if (operation !== undefined) onRetry(operation);
    },
  });
  return { kafka, connection, gate };
}

function patient({ baseMs, capMs }: Pick<RetryPolicy, "baseMs" | "capMs">) {
  const maxRetryTime = Math.min(capMs, LONGEST_PATIENT_WAIT_MS);
  return { initialRetryTime: Math.min(baseMs, maxRetryTime), maxRetryTime, retries: PATIENT_TRIES };
}

let isSilenced = false;

/**
 * kafkajs 2.2.4 computes a wait from two clock readings without a lower bound (network/requestQueue), and
 * current runtimes print a TimeoutNegativeWarning for it once. The wait is then 1 ms, which is harmless.
 * This one warning is kept from users; all others pass.
 */
function silenceNegativeTimeouts(): void {
  if (isSilenced) return;
  isSilenced = true;
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const name = warning instanceof Error ? warning.name : rest[0];
    if (name !== "TimeoutNegativeWarning") Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
}

/**
 * Finds out at once whether brokers can be talked to with these settings; kafkajs would try for long, and
 * not say why it failed. First those that were named, then those that they name.
 *
 * @throws OrillaError with exit code 1 that says why, and what can be done
 */
export async function checkBrokers(client: ConnectedClient): Promise<void> {
  await askBrokers(client, () => Promise.resolve());
}

/**
 * As `checkBrokers`, and asks something more over the same connection.
 *
 * @throws OrillaError with exit code 1 that says why, and what can be done
 */
export async function askBrokers<T>(
  client: ConnectedClient,
  ask: (admin: Admin) => Promise<T>,
): Promise<T> {
  const { kafka, connection: { bootstrapServers, security }, gate } = client;
  const refusals = await refusalsOf(bootstrapServers, security);
  if (refusals.length === bootstrapServers.length && refusals[0] !== undefined) throw refusals[0];
  const admin = kafka.admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    const others = brokers.map(({ host, port }) => `${host}:${port}`)
      .filter((server) => !gate.contacted.has(server));
    const [refusal] = await refusalsOf(others, security);
    if (refusal !== undefined) throw refusal;
    return await ask(admin);
  } catch (error) {
    throw await connectionError(client, error);
  } finally {
    await admin.disconnect();
  }
}

async function refusalsOf(
  servers: Iterable<string>,
  security: KafkaSecurity,
): Promise<readonly OrillaError[]> {
  const refusals = await Promise.all(Array.from(servers, async (server) => {
    const finding = await probeBroker(server, security);
    if (finding.kind === "fine" || finding.kind === "unknown") return null;
    return refusalError(refusalMessage(finding, { server, security }));
  }));
  return refusals.filter((refusal) => refusal !== null);
}

/** Why one of the brokers that kafkajs has turned to refuses; null where none does. */
export async function refusalNow(
  { connection, gate }: Omit<ConnectedClient, "kafka">,
): Promise<OrillaError | null> {
  const [refusal = null] = await refusalsOf(gate.contacted, connection.security);
  return refusal;
}

/** Why no broker could be used, with what was tried and what can be done. */
export async function connectionError(
  client: Omit<ConnectedClient, "kafka">,
  error: unknown,
): Promise<OrillaError> {
  const { bootstrapServers, security } = client.connection;
  const server = bootstrapServers.join(", ");
  return refusalBehind(error, { server, security }) ?? await refusalNow(client) ?? operatingError(
    `No Kafka broker answered at ${server} (${messageOf(error)}). Either start ` +
      `one (deno task kafka:up) or name yours with --bootstrap-servers, or run without a Kafka: ` +
      `orilla simulate`,
    error,
  );
}
