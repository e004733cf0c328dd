import type { ISocketFactory } from "kafkajs";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Kafka's API keys (kafka.apache.org/protocol, "API Keys") of JoinGroup and LeaveGroup. */
const LEAVING_API_KEYS: ReadonlySet<number> = new Set([11, 13]);
/** And those of Heartbeat and SyncGroup, which begin a session of the member anew. */
const RENEWING_API_KEYS: ReadonlySet<number> = new Set([12, 14]);
const SYNC_GROUP = 14;
/** A request begins with its length (4 bytes), then its API key (2 bytes), big-endian. */
const API_KEY_AT = 4;
/** After API key, version (2 bytes each) and correlation id (4 bytes): the client id, then the body. */
const CLIENT_ID_AT = 12;
const KEEP_ALIVE_MS = 60_000;

/**
 * What must be done before this process gives up its partitions. kafkajs has no hook for that: it rejoins
 * the group as soon as one of its heartbeats is told of a rebalance, also while a commit is under way. So
 * the gate stands at the socket: a JoinGroup or LeaveGroup request waits there. Until it is sent, the
 * coordinator waits for this member, its partitions are nobody else's, and the commit's acknowledgement is
 * accepted.
 */
export class JoinGate {
  /** Awaited before each JoinGroup and LeaveGroup request. */
  before: () => Promise<void> = () => Promise.resolve();
  /** Told of each Heartbeat and SyncGroup request, right before it is sent. */
  onRenewing: () => void = () => {};
  /** The group's generation that this process was last a member of, -1 before; kafkajs does not show it. */
  generation = -1;
  /** host:port of each broker that kafkajs has connected to, or tried to. */
  readonly contacted = new Set<string>();

  /** Makes kafkajs's sockets, with the gate in their `write`. */
  readonly socketFactory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    this.contacted.add(`${host}:${port}`);
    const socket: Socket = ssl
      ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : connectPlain({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const { write } = socket;
    socket.write = (...args: unknown[]): boolean => {
      const apiKey = apiKeyOf(args[0]);
      if (RENEWING_API_KEYS.has(apiKey)) this.onRenewing();
      if (apiKey === SYNC_GROUP && args[0] instanceof Uint8Array) {
        this.generation = generationIn(args[0]);
      }
      if (!LEAVING_API_KEYS.has(apiKey)) return Reflect.apply(write, socket, args);
      this.before().then(() => {
        if (!socket.destroyed) Reflect.apply(write, socket, args);
      });
      return true;
    };
    return socket;
  };
}

/** The API key of a request, -1 where the bytes are none. */
function apiKeyOf(data: unknown): number {
  if (!(data instanceof Uint8Array) || data.length < API_KEY_AT + 2) return -1;
  return new DataView(data.buffer, data.byteOffset, data.byteLength).getInt16(API_KEY_AT);
}

/** The generation in a SyncGroup request, versions 0 to 3: it follows the group id. */
function generationIn(request: Uint8Array): number {
  const view = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const endOfText = (at: number) => at + 2 + Math.max(0, view.getInt16(at));
  return view.getInt32(endOfText(endOfText(CLIENT_ID_AT)));
}
