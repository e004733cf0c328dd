import { usageError } from "../core/errors.ts";
import type { CheckpointReader } from "./checkpoint_reader.ts";
import type { CommitStore, StoreLocation, StoreOptions } from "./commit_store.ts";
import { SqliteReader } from "./sqlite_reader.ts";
import { SqliteStore } from "./sqlite_store.ts";

/**
 * Opens a lake's commit store for writing, and begins one where there is none.
 *
 * @throws OrillaError with exit code 1 where it is taken or cannot be reached, 2 for a URL of an unknown kind, 3
 * where it cannot be read
 */
export async function openStore(
  { checkpointDir, url }: StoreLocation,
  options: StoreOptions,
): Promise<CommitStore> {
  if (url === null) return await SqliteStore.open(checkpointDir, options);
  throw unknownKind(url);
}

/**
 * Opens a lake's checkpoint for looking at it; whether there is one is found out when it is asked.
 *
 * @throws OrillaError with exit code 2 for a URL of an unknown kind
 */
export function openReader({ checkpointDir, url }: StoreLocation): CheckpointReader {
  if (url === null) return new SqliteReader(checkpointDir);
  throw unknownKind(url);
}

/** The URL itself may hold a password. */
function unknownKind(url: string): Error {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? "no scheme";
  return usageError(`Cannot use CHECKPOINT_URL: ${scheme} is no kind of store that orilla knows`);
}
