import { failure, type Finding, ok, warning } from "../../core/check.ts";
import { messageOf, OrillaError } from "../../core/errors.ts";
import type { ServerCheck } from "../checkpoint_reader.ts";
import type { RedisAddress } from "./address.ts";
import type { RedisConnection } from "./connection.ts";
import { listOf, textOf } from "./replies.ts";
import { infoOf } from "./server_info.ts";

/** The oldest Redis that knows all commands that the scripts use. */
const OLDEST = [6, 2] as const;

/** What `doctor` looks at in a Redis. */
export function serverChecks(
  connection: RedisConnection,
  { isTls, isNear }: Pick<RedisAddress, "isTls" | "isNear">,
): readonly ServerCheck[] {
  const isSafe = isTls || isNear;
  return [
    { name: "checkpoint server", make: () => checkServer(connection, isSafe) },
    { name: "checkpoint durability", make: () => checkDurability(connection) },
    { name: "checkpoint memory", make: () => checkMemory(connection) },
  ];
}

async function checkServer(connection: RedisConnection, isSafe: boolean): Promise<Finding> {
  const info = await infoOf(connection, "server");
  const version = info.get("redis_version") ?? "unknown";
  const facts = { version };
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < OLDEST[0] || major === OLDEST[0] && minor < OLDEST[1];
  if (isOld) {
    return failure(`Redis ${version} is too old`, `Use ${OLDEST.join(".")} or later`, { facts });
  }
  if (isSafe) return ok(`Redis ${version}`, { facts });
  const text =
    `Redis ${version} on another machine, without TLS: who is on the way can read and change all of it`;
  return warning(text, "Use rediss:// in CHECKPOINT_URL", { facts });
}

/** Whether what is committed is on the disk before the commit counts as made. */
async function checkDurability(connection: RedisConnection): Promise<Finding> {
  const info = await infoOf(connection, "persistence");
  const isAppendOnly = info.get("aof_enabled") === "1";
  if (!isAppendOnly) {
    return warning(
      "commits are in memory alone: a restart loses them",
      "Set appendonly yes and appendfsync always: then a commit is on the disk before it counts",
      { facts: { appendonly: "no" } },
    );
  }
  const fsync = await settingOf(connection, "appendfsync");
  const facts = { appendonly: "yes", appendfsync: fsync };
  if (info.get("aof_last_write_status") === "err") {
    const advice = "See the server's log: its disk may be full";
    return failure("the append-only file cannot be written", advice, { facts });
  }
  if (fsync === "always") return ok("each commit is on the disk before it counts", { facts });
  const text = fsync === null
    ? "appendonly is on; whether each commit is on the disk at once cannot be asked: CONFIG is not allowed"
    : `appendfsync is ${fsync}: a power cut loses the commits of the last second or so`;
  return warning(text, "Set appendfsync always", { facts });
}

async function checkMemory(connection: RedisConnection): Promise<Finding> {
  const info = await infoOf(connection, "memory");
  const used = Number(info.get("used_memory") ?? 0), most = Number(info.get("maxmemory") ?? 0);
  const policy = info.get("maxmemory_policy") ?? "unknown";
  const facts = { usedBytes: used, maxBytes: most, policy };
  if (most === 0) return ok(`${megabytes(used)} MB in use, without a limit`, { facts });
  const share = Math.round(used / most * 100);
  const text = `${megabytes(used)} of ${megabytes(most)} MB in use (${share} %), policy ${policy}`;
  if (policy !== "noeviction") {
    const advice =
      "Set maxmemory-policy noeviction: otherwise event ids are dropped when it is full";
    return failure(text, advice, { facts });
  }
  if (share < 80) return ok(text, { facts });
  return warning(text, "Give it more memory, or shorten DEDUPE_TTL and DUPLICATE_TTL", { facts });
}

/** A setting; null where CONFIG is not allowed, as with many hosted servers. */
async function settingOf(connection: RedisConnection, name: string): Promise<string | null> {
  try {
    const [, value = null] = listOf(await connection.send(["CONFIG", "GET", name]));
    return value === null ? null : textOf(value);
  } catch (error) {
    if (error instanceof OrillaError && /CONFIG|unknown command|NOPERM/i.test(messageOf(error))) {
      return null;
    }
    throw error;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
