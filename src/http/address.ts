import { isIPv4, isIPv6 } from "node:net";

/** Where the HTTP server listens. */
export interface ListenAddress {
  /** An IPv4 or IPv6 address, the latter without brackets. */
  readonly hostname: string;
  /** 1 to 65535; 0, for tests, is any free one. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";

/**
 * Reads `9464` (on 127.0.0.1), `localhost:9464`, `192.0.2.1:9464` or `[::1]:9464`.
 *
 * @returns undefined for anything else: names would have to be looked up, and could come to mean another place
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, host = LOOPBACK, digits = ""] = /^(?:(.*):)?(\d{1,5})$/.exec(text) ?? [];
  const hostname = addressOf(host);
  const port = Number(digits);
  return hostname !== undefined && port >= 1 && port <= 65_535 ? { hostname, port } : undefined;
}

function addressOf(host: string): string | undefined {
  if (host === "localhost") return LOOPBACK;
  if (isIPv4(host)) return host;
  const bare = /^\[(.+)\]$/.exec(host)?.[1];
  if (bare === undefined || !isIPv6(bare)) return undefined;
  // In its shortest form, as permissions and messages have it.
  return URL.parse(`http://${host}`)?.hostname.slice(1, -1);
}

/** The address as it stands in URLs and in Deno's permissions. */
export function authorityOf({ hostname, port }: ListenAddress): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether only this machine reaches the address. */
export function isLoopback({ hostname }: Pick<ListenAddress, "hostname">): boolean {
  return hostname === "::1" || isIPv4(hostname) && hostname.startsWith("127.");
}

/**
 * Whether a Host header names this machine, whatever the port (it may be forwarded). A page of another site
 * whose name was made to resolve to this machine (DNS rebinding) sends its own name.
 */
export function isLocalHost(header: string): boolean {
  const host = /^(\[[\da-f:]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(header)?.[1]?.toLowerCase();
  if (host === undefined) return false;
  return host === "localhost" || isLoopback({ hostname: host.replace(/^\[(.*)\]$/, "$1") });
}
