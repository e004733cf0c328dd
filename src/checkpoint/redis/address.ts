import { usageError } from "../../core/errors.ts";
import { isOnThisMachine, portOf, storeName, type StoreUrl } from "../../core/store_url.ts";

/** Where the Redis of a lake is, and which of its keys are the lake's. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Whether it is on this machine. */
  readonly isNear: boolean;
  /** Empty where the URL has none. */
  readonly user: string;
  readonly password: string;
  /** The number of the database; a cluster has 0 alone. */
  readonly database: number;
  readonly lake: string;
  /** Certificates to trust instead of the usual ones, PEM; null for the usual ones. */
  readonly certificates: string | null;
  /** How messages name it: without user and password. */
  readonly name: string;
}

/**
 * Reads CHECKPOINT_URL: `redis://[user[:password]@]host[:port][/database][?lake=NAME]`, `rediss://` with TLS.
 *
 * @param certificates to trust instead of the usual ones, PEM
 * @throws OrillaError with exit code 2, without the password
 */
export function redisAddress(url: StoreUrl, certificates: string | null): RedisAddress {
  const { host, user, password, path, lake, parameters } = url;
  if (!/^\d{0,5}$/.test(path)) {
    throw refused("expected a database number after the host, or nothing");
  }
  const [unknown] = parameters.keys();
  if (unknown !== undefined) {
    throw refused(`no parameter ${JSON.stringify(unknown)} is known, only lake`);
  }
  return {
    ...{ host, user, password, lake, certificates },
    port: portOf(url),
    isTls: url.scheme === "rediss",
    isNear: isOnThisMachine(url),
    database: Number(path),
    name: storeName(url),
  };
}

/** The key that all keys of a lake have the beginning of; the braces keep them in one hash slot. */
export function lakeKey({ lake }: Pick<RedisAddress, "lake">): string {
  return `orilla:{${lake}}:lake`;
}

function refused(why: string): Error {
  return usageError(`Cannot use CHECKPOINT_URL: ${why}`);
}
