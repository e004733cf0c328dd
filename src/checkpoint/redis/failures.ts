import { ErrorReply } from "@redis/client";
import {
  damagedError,
  messageOf,
  operatingError,
  OrillaError,
  usageError,
} from "../../core/errors.ts";
import type { RedisAddress } from "./address.ts";
import { isOfCertificate, notTrusted } from "./tls_refusal.ts";

/** A failure that passes when the server can be reached, has room or is ready again. */
export class RedisUnavailable extends Error {
  /** What `canPassLater` asks for. */
  readonly retriable = true;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "RedisUnavailable";
  }
}

/** What an answer begins with that another try may change, and what there is to know about it. */
const PASSING: Readonly<Record<string, string>> = {
  BUSY: "a script of somebody else takes long",
  CLUSTERDOWN: "the cluster does not serve this slot now",
  LOADING: "it has just started, and reads its data",
  MASTERDOWN: "it is a replica without its master",
  MISCONF: "it cannot write to its disk: see its log, and make room there",
  NOREPLICAS: "it has fewer replicas than min-replicas-to-write asks for",
  OOM: "it has reached maxmemory: give it more, or shorten DEDUPE_TTL and DUPLICATE_TTL",
  READONLY: "it is a replica: a failover is under way, or the URL names the wrong server",
  TRYAGAIN: "the cluster moves this slot just now",
  UNBLOCKED: "it became a replica meanwhile",
};

/** Another connection may find another server, or a server that is itself again. */
const OF_THE_SERVER = new Set(["LOADING", "MASTERDOWN", "READONLY", "UNBLOCKED"]);

/** What to do where the server's answer stays the same. */
function lasting(code: string, text: string, { name }: RedisAddress): OrillaError | null {
  switch (code) {
    case "DENIED":
    case "NOAUTH":
    case "WRONGPASS":
      return usageError(
        `Cannot use CHECKPOINT_URL: ${name} does not take its user and password (${text})`,
      );
    case "NOPERM":
      return usageError(
        `Cannot use CHECKPOINT_URL: its user may not do what is needed at ${name} (${text}). ` +
          `README, Redis, has the ACL rule`,
      );
    case "MOVED":
    case "ASK":
      return usageError(
        `Cannot use CHECKPOINT_URL: ${name} is a node of a cluster, and the lake's keys are at ` +
          `${text.split(" ").at(-1)}: name that node`,
      );
    case "WRONGTYPE":
      return damagedError(`The keys of ${name} are not as orilla made them (${text})`);
    default:
      return null;
  }
}

/** The word that an answer begins with. */
function codeOf(answer: ErrorReply): string {
  return /^([A-Z]+)\b/.exec(answer.message)?.[1] ?? "";
}

/** Whether no further command should go over the same connection. */
export function endsConnection(error: unknown): boolean {
  return !(error instanceof ErrorReply) || OF_THE_SERVER.has(codeOf(error));
}

/** Whether the server does not have a script (any more). */
export function isUnknownScript(error: unknown): boolean {
  return error instanceof ErrorReply && codeOf(error) === "NOSCRIPT";
}

/** What a failure of a connection, or of a command over it, is to whoever asked. */
export function redisFailure(error: unknown, address: RedisAddress): unknown {
  if (isUnknownScript(error)) return error;
  if (error instanceof ErrorReply) return refusal(error, address);
  if (isOfCertificate(error)) return notTrusted(address, error);
  return new RedisUnavailable(`${address.name} cannot be reached: ${messageOf(error)}`, error);
}

function refusal(error: ErrorReply, address: RedisAddress): Error {
  const { message } = error;
  const why = PASSING[codeOf(error)];
  if (why !== undefined) {
    return new RedisUnavailable(`${address.name} refuses for now: ${why}`, error);
  }
  if (message.includes("max number of clients")) {
    return new RedisUnavailable(`${address.name} has as many clients as maxclients allows`, error);
  }
  return lasting(codeOf(error), message, address) ??
    operatingError(`${address.name} refuses a command: ${message}`, error);
}
