import type { ISocketFactory } from "kafkajs";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Kafka's API keys of JoinGroup and LeaveGroup (kafka.apache.org/protocol, "API Keys"). */
const LEAVING_API_KEYS: ReadonlySet<number> = new Set([11, 13]);
/** A request begins with its length (4 bytes), then its API key (2 bytes), big-endian. */
const API_KEY_AT = 4;
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
      if (!isLeaving(args[0])) return Reflect.apply(write, socket, args);
      this.before().then(() => {
        if (!socket.destroyed) Reflect.apply(write, socket, args);
      });
      return true;
    };
    return socket;
  };
}

function isLeaving(data: unknown): boolean {
  if (!(data instanceof Uint8Array) || data.length < API_KEY_AT + 2) return false;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return LEAVING_API_KEYS.has(view.getInt16(API_KEY_AT));
}
