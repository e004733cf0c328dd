/** A CHECKPOINT_URL, taken apart. */
export interface StoreUrl {
  /** `postgres`, `redis`, `rediss`. */
  readonly scheme: string;
  readonly host: string;
  /** null where the URL has none. */
  readonly port: number | null;
  /** Empty where the URL has none. */
  readonly user: string;
  readonly password: string;
  /** The path without its slash: a database; empty where the URL has none. */
  readonly path: string;
  /** Which of the lakes on that server. */
  readonly lake: string;
  /** The other parameters. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** The lake of a URL that names none. */
const DEFAULT_LAKE = "orilla";
/** A name that needs no quotes in SQL, and is short enough for PostgreSQL. */
const LAKE = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * Takes a CHECKPOINT_URL apart: `scheme://user:password@host:port/path?lake=NAME`.
 *
 * @throws RangeError that says what is expected, and repeats nothing of the URL
 */
export function parseStoreUrl(text: string): StoreUrl {
  const url = URL.parse(text);
  if (url === null || url.hostname === "") {
    throw new RangeError(
      "expected a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE?lake=NAME",
    );
  }
  const parameters = new Map(url.searchParams);
  const lake = parameters.get("lake") ?? DEFAULT_LAKE;
  if (!LAKE.test(lake) || lake.startsWith("pg_")) {
    throw new RangeError(
      "expected lake= followed by a name of a-z, 0-9 and _, of at most 63 characters, that begins with none of 0-9 and pg_",
    );
  }
  parameters.delete("lake");
  return {
    scheme: url.protocol.slice(0, -1),
    // Square brackets are of the URL, not of the IPv6 address.
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? null : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    path: decoded(url.pathname.replace(/^\//, "")),
    lake,
    parameters,
  };
}

/** Whether the server is on this machine. */
export function isOnThisMachine({ host }: StoreUrl): boolean {
  return ["localhost", "127.0.0.1", "::1"].includes(host);
}

/** By scheme; its server listens there where a URL has no port. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  postgres: 5432,
  postgresql: 5432,
  redis: 6379,
  rediss: 6379,
};

/** The port of the server. */
export function portOf({ scheme, port }: StoreUrl): number {
  return port ?? DEFAULT_PORTS[scheme] ?? 0;
}

/** `host:port` of the server, an IPv6 address in brackets. */
export function hostOf(url: StoreUrl): string {
  return `${url.host.includes(":") ? `[${url.host}]` : url.host}:${portOf(url)}`;
}

/** How a store is named to people: without user and password. */
export function storeName(url: StoreUrl): string {
  return `${url.scheme}://${hostOf(url)}/${url.path}?lake=${url.lake}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError(
      "expected a URL whose user, password and path have % only before two hex digits",
    );
  }
}
