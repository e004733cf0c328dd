import { usageError } from "../core/errors.ts";
import { parseStoreUrl, type StoreUrl } from "../core/store_url.ts";
import type { CheckpointReader } from "./checkpoint_reader.ts";
import type { CommitStore, StoreAccess, StoreLocation, StoreOptions } from "./commit_store.ts";
import { redisAddress } from "./redis/address.ts";
import { SqliteReader } from "./sqlite_reader.ts";
import { SqliteStore } from "./sqlite_store.ts";
import type { StoreRebuild, StoreRebuildOptions } from "./store_rebuild.ts";

/**
 * Opens a lake's commit store for writing, and begins one where there is none. The clients of servers are loaded where
 * there is a server.
 *
 * @throws OrillaError with exit code 1 where it is taken or cannot be reached, 2 for a URL of an unknown kind, 3
 * where it cannot be read
 */
export async function openStore(
  { checkpointDir, url, caCertificates = null }: StoreLocation,
  options: StoreOptions,
): Promise<CommitStore> {
  if (url === null) return await SqliteStore.open(checkpointDir, options);
  const parsed = parseStoreUrl(url);
  if (isPostgres(parsed)) {
    const { PostgresStore } = await import("./postgres/postgres_store.ts");
    return await PostgresStore.open({ url: parsed, caCertificates }, options);
  }
  if (isRedis(parsed)) {
    const { RedisStore } = await import("./redis/redis_store.ts");
    return await RedisStore.open(redisAddress(parsed, caCertificates), options);
  }
  throw unknownKind(parsed);
}

/**
 * Begins to make the store of a server anew, which is empty, from the lake's files.
 *
 * @throws OrillaError with exit code 1 where a process has it open or makes it anew, or it cannot be reached, 2 where it
 * knows commits or for a URL of an unknown kind, 3 where it is another version's
 */
export async function beginStoreRebuild(
  { url, caCertificates = null }: StoreAccess & { readonly url: string },
  options: StoreRebuildOptions,
): Promise<StoreRebuild> {
  const parsed = parseStoreUrl(url);
  if (isPostgres(parsed)) {
    const { PostgresRebuild } = await import("./postgres/postgres_rebuild.ts");
    return await PostgresRebuild.begin({ url: parsed, caCertificates }, options);
  }
  if (isRedis(parsed)) {
    const { RedisRebuild } = await import("./redis/redis_rebuild.ts");
    return await RedisRebuild.begin(redisAddress(parsed, caCertificates), options);
  }
  throw unknownKind(parsed);
}

/**
 * Opens a lake's checkpoint for looking at it; whether there is one is found out when it is asked.
 *
 * @throws OrillaError with exit code 2 for a URL of an unknown kind
 */
export async function openReader(
  { checkpointDir, url, caCertificates = null }: StoreLocation,
): Promise<CheckpointReader> {
  if (url === null) return new SqliteReader(checkpointDir);
  const parsed = parseStoreUrl(url);
  if (isPostgres(parsed)) {
    const { PostgresReader } = await import("./postgres/postgres_reader.ts");
    return new PostgresReader({ url: parsed, caCertificates });
  }
  if (isRedis(parsed)) {
    const { RedisReader } = await import("./redis/redis_reader.ts");
    return new RedisReader(redisAddress(parsed, caCertificates));
  }
  throw unknownKind(parsed);
}

function isRedis({ scheme }: StoreUrl): boolean {
  return scheme === "redis" || scheme === "rediss";
}

function isPostgres({ scheme }: StoreUrl): boolean {
  return scheme === "postgres" || scheme === "postgresql";
}

function unknownKind({ scheme }: StoreUrl): Error {
  return usageError(`Cannot use CHECKPOINT_URL: ${scheme} is no kind of store that orilla knows`);
}
