import { Kafka, logLevel } from "kafkajs";
import process from "node:process";
import { messageOf, operatingError } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { keepMembersWithoutBrokers } from "./brokerless.ts";
import { registerCodecs } from "./codecs.ts";
import { deliverRecordBlocks } from "./fetch_response.ts";
import { readHeadersInOnePass } from "./header_reading.ts";
import { JoinGate } from "./join_gate.ts";

/** How to reach the brokers. */
export interface KafkaConnection {
  /** host:port of each. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
}

/** How long a client tries before it gives up: a few seconds. */
const QUICK = { initialRetryTime: 200, maxRetryTime: 5_000, retries: 5 };
/** What ends a patient client's tries is the one who uses it. */
const PATIENT = { initialRetryTime: 200, maxRetryTime: 2_000, retries: 1_000_000 };

/**
 * A kafkajs client that logs through ours.
 *
 * @param gate what its group members wait for before they give up their partitions
 * @param isPatient for group members: kafkajs leaves the group when its tries are spent, and what was just
 * committed could then not be acknowledged any more
 */
export function kafkaClient(
  { bootstrapServers, clientId }: KafkaConnection,
  { log, gate = new JoinGate(), isPatient = false }: {
    readonly log: Log;
    readonly gate?: JoinGate;
    readonly isPatient?: boolean;
  },
): Kafka {
  registerCodecs();
  deliverRecordBlocks();
  readHeadersInOnePass();
  keepMembersWithoutBrokers();
  silenceNegativeTimeouts();
  return new Kafka({
    clientId,
    brokers: [...bootstrapServers],
    socketFactory: gate.socketFactory,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: isPatient ? PATIENT : QUICK,
    logLevel: logLevel.DEBUG,
    // kafkajs calls errors what it then tries again; what matters is logged by those who call it.
    logCreator: () => ({ namespace, log: { message, error, broker } }) => {
      const field = (value: unknown) => typeof value === "string" ? { error: value } : {};
      const at = typeof broker === "string" ? { broker } : {};
      log.debug(`kafkajs ${namespace}: ${message}`, { ...field(error), ...at });
    },
  });
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
