import { damagedError, usageError } from "../../core/errors.ts";
import { KEY_WORDS } from "../../core/id_hash.ts";
import type { StoreOptions } from "../commit_store.ts";
import { makeInstanceId } from "../instances.ts";
import { GRACE_MS } from "./commit_arguments.ts";
import { beingRebuiltError, REBUILDING } from "../store_rebuild.ts";
import type { RedisLake } from "./redis_lake.ts";
import { infoOf } from "./server_info.ts";
import { listOf, numberOf, textOf } from "./replies.ts";

/** The version of the keys; those of another one are not touched. */
export const KEYS_VERSION = "1";
/** After this long an instance without a sign of life is not counted apart any more. */
const FORGOTTEN_AFTER_MS = 7 * 86_400_000;

/** A lake that was opened for writing. */
interface OpenedLake {
  readonly instanceId: string;
  readonly idKey: Uint32Array;
  readonly seenIdCount: number;
}

/** Registers a new instance, and begins the lake where there is none. @throws as `RedisStore.open` */
export async function openLake(lake: RedisLake, options: StoreOptions): Promise<OpenedLake> {
  await refuseEviction(lake);
  const instanceId = makeInstanceId();
  const register = async (newIdKey: string) => {
    const args = [instanceId, KEYS_VERSION, newIdKey, String(FORGOTTEN_AFTER_MS)];
    return listOf(await lake.run("open", args)).map(textOf);
  };
  let [state, detail = "", seenIdCount] = await register("");
  if (state === "absent") {
    await options.beforeNew?.().catch(async (error) => {
      // Another process may have begun the lake meanwhile, and what was found is its.
      if (await lake.send("EXISTS", "lake") === 0) throw error;
    });
    [state, detail = "", seenIdCount] = await register(newKey());
  }
  if (state === "version") throw versionError(lake, detail);
  if (state !== "opened") throw lostError(lake);
  await retain(lake, options.ttlMs);
  return { instanceId, idKey: idKeyOf(detail), seenIdCount: Number(seenIdCount) };
}

/** The failure to go on where the server does not know what it has confirmed. */
export function lostError({ name }: RedisLake): Error {
  return damagedError(
    `${name} does not know commits that it had confirmed: it was started anew without all of its data, or keys ` +
      `were deleted. Stop all processes of the lake, and restore its data from a copy, or empty it and make them anew ` +
      `from the lake's files: orilla rebuild`,
  );
}

/** The failure to use keys that are not open, or not to this orilla. */
export function versionError(lake: RedisLake, version: string): Error {
  return version === REBUILDING ? beingRebuiltError(lake.name) : otherVersionError(lake, version);
}

/** The failure to use keys of another version. */
export function otherVersionError({ name }: RedisLake, version: string): Error {
  return damagedError(
    `${name} has keys of version ${version}, this orilla knows ${KEYS_VERSION}. ` +
      `Use the orilla that wrote them, or another lake`,
  );
}

/** A server that drops keys when its memory is full would forget ids, and so let duplicates pass. */
export async function refuseEviction(lake: RedisLake): Promise<void> {
  const info = await infoOf(lake.connection, "memory");
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction" || Number(info.get("maxmemory") ?? 0) === 0) return;
  throw usageError(
    `Cannot use CHECKPOINT_URL: ${lake.name} has maxmemory-policy ${policy}, so it drops event ids when its ` +
      `memory is full. Set maxmemory-policy noeviction there`,
  );
}

/** Ids that were committed under another time to live get the one of now. */
async function retain(lake: RedisLake, ttlMs: number): Promise<void> {
  const known = await lake.send("HGET", "lake", "ttl_ms");
  if (known !== null && numberOf(known) === ttlMs) return;
  await lake.run("retain", [String(ttlMs), String(GRACE_MS)]);
}

/** A new key of hashes, as Redis keeps it. */
export function newKey(): string {
  const words = crypto.getRandomValues(new Uint32Array(KEY_WORDS));
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** The key of the hashes, from what Redis keeps. */
export function idKeyOf(digits: string): Uint32Array {
  return Uint32Array.from(digits.match(/.{8}/g) ?? [], (word) => parseInt(word, 16));
}
