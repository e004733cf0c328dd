import { Kafka, logLevel } from "kafkajs";
import process from "node:process";
import type { RetriedOperation } from "../core/counters.ts";
import { messageOf, operatingError } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import type { RetryPolicy } from "../runtime/retry.ts";
import { keepMembersWithoutBrokers } from "./brokerless.ts";
import { registerCodecs } from "./codecs.ts";
import { deliverRecordBlocks } from "./fetch_response.ts";
import { JoinGate } from "./join_gate.ts";

/** How to reach the brokers. */
export interface KafkaConnection {
  /** host:port of each. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
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
  /** What its group members wait for before they give up their partitions. */
  readonly gate?: JoinGate;
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
  { bootstrapServers, clientId }: KafkaConnection,
  { log, gate = new JoinGate(), onRetry = () => {}, patience }: KafkaClientOptions,
): Kafka {
  registerCodecs();
  deliverRecordBlocks();
  keepMembersWithoutBrokers();
  silenceNegativeTimeouts();
  return new Kafka({
    clientId,
    brokers: [...bootstrapServers],
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

/** The failure to reach any broker, with what was tried and what can be done. */
export function noBrokerError({ bootstrapServers }: KafkaConnection, cause: unknown): Error {
  return operatingError(
    `No Kafka broker answered at ${bootstrapServers.join(", ")} (${
      messageOf(cause)
    }). Either start ` +
      `one (deno task kafka:up) or name yours with --bootstrap-servers, or run without a Kafka: ` +
      `orilla simulate`,
    cause,
  );
}
