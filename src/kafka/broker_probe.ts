import { type Refusal, tlsRefusal } from "./connection_errors.ts";
import type { KafkaSecurity, TlsSettings } from "./security.ts";

/** What was found at host:port. */
export type Finding =
  | Refusal
  | { readonly kind: "fine" }
  /** `detail` says what went wrong, in the system's words. */
  | { readonly kind: "unknown"; readonly detail: string };

const TIMEOUT_MS = 3_000;
/** A request that any listener answers at once: SaslHandshake, version 1 (kafka.apache.org/protocol). */
const SASL_HANDSHAKE_KEY = 17, SASL_HANDSHAKE_VERSION = 1;
const CORRELATION_ID = 0x6f72696c;
/** Error codes of its answer. */
const NO_ERROR = 0, UNSUPPORTED_SASL_MECHANISM = 33, ILLEGAL_SASL_STATE = 34;
/** A TLS record of type alert, version 3.x (RFC 8446, section 5.1). */
const TLS_ALERT = 21, TLS_MAJOR = 3;

/**
 * Asks a broker one harmless question, and finds out what keeps these settings from working: kafkajs would
 * see closed connections alone. `unknown` is anything that may pass by itself.
 */
export async function probeBroker(server: string, security: KafkaSecurity): Promise<Finding> {
  try {
    const answer = await ask(server, security);
    return answer === null
      ? await silentAt(server, security, "it closed the connection")
      : judge(answer, security);
  } catch (error) {
    return await judgeFailure(error, { server, security });
  }
}

async function judgeFailure(
  error: unknown,
  { server, security }: { readonly server: string; readonly security: KafkaSecurity },
): Promise<Finding> {
  if (!(error instanceof Error)) throw error;
  if (error instanceof Deno.errors.NotCapable) return { kind: "not_allowed" };
  if (error instanceof Deno.errors.TimedOut) return { kind: "unknown", detail: error.message };
  const refusal = tlsRefusal(error.message, canShowCertificate(security.tls));
  // It was not shown; whether it is accepted is found by connecting.
  if (refusal?.kind === "client_certificate_missing" && security.tls?.client) {
    return { kind: "fine" };
  }
  return refusal ?? await silentAt(server, security, error.message);
}

/** A broker closed the connection, or never answered: perhaps it speaks the other one of TLS and plain. */
async function silentAt(
  server: string,
  { tls, sasl }: KafkaSecurity,
  detail: string,
): Promise<Finding> {
  const other = { tls: tls === null ? { ca: null, client: null, serverName: null } : null, sasl };
  try {
    const answer = await ask(server, other);
    if (answer === null || isAlert(answer)) return { kind: "unknown", detail };
    return { kind: tls === null ? "tls_only" : "no_tls_here" };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const speaksTls = tls === null && tlsRefusal(error.message, false) !== null;
    return speaksTls ? { kind: "tls_only" } : { kind: "unknown", detail };
  }
}

function judge(answer: Uint8Array, { sasl }: KafkaSecurity): Finding {
  if (isAlert(answer)) return { kind: "tls_only" };
  const { errorCode, mechanisms } = decodeAnswer(answer);
  switch (errorCode) {
    case NO_ERROR:
      return sasl === null ? { kind: "sasl_needed", mechanisms } : { kind: "fine" };
    case UNSUPPORTED_SASL_MECHANISM:
      return sasl === null
        ? { kind: "sasl_needed", mechanisms }
        : { kind: "no_such_mechanism", mechanisms };
    case ILLEGAL_SASL_STATE:
      return sasl === null ? { kind: "fine" } : { kind: "no_sasl_here" };
    default:
      return { kind: "unknown", detail: "its answer is not Kafka's" };
  }
}

/** Connections that are closed at a deadline, or when done. */
class Connections {
  readonly #open = new Set<Deno.Conn>();
  #isClosed = false;

  /** One that came after the deadline is closed at once. */
  hold<Connection extends Deno.Conn>(connection: Connection): Connection {
    this.#open.add(connection);
    if (this.#isClosed) this.close();
    return connection;
  }

  /** The TLS connection stands for the plain one from now on. */
  replace(plain: Deno.Conn, tls: Deno.TlsConn): Deno.TlsConn {
    this.#open.delete(plain);
    return this.hold(tls);
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }
}

/** The answer's bytes behind its length, or a TLS alert; null where the connection was closed without one. */
async function ask(server: string, security: KafkaSecurity): Promise<Uint8Array | null> {
  const connections = new Connections();
  const deadline = Promise.withResolvers<never>();
  // Deno 2.6.10 leaks what belongs to Deno.connect's own signal.
  const timer = setTimeout(() => {
    connections.close();
    deadline.reject(new Deno.errors.TimedOut(`${server} did not answer in ${TIMEOUT_MS} ms`));
  }, TIMEOUT_MS);
  try {
    return await Promise.race([exchange(server, security, connections), deadline.promise]);
  } finally {
    clearTimeout(timer);
    connections.close();
  }
}

async function exchange(
  server: string,
  { tls, sasl }: KafkaSecurity,
  connections: Connections,
): Promise<Uint8Array | null> {
  const at = server.lastIndexOf(":");
  const hostname = server.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const address = { hostname, port: Number(server.slice(at + 1)) };
  const connection = tls === null
    ? connections.hold(await Deno.connect(address))
    : await connectTls(address, tls, connections);
  await connection.write(encodeQuestion(sasl?.mechanism ?? "NONE"));
  return await readAnswer(connection);
}

/** Deno shows a certificate only where the name to verify is the host that is connected to. */
function canShowCertificate(tls: TlsSettings | null): boolean {
  return tls !== null && tls.client !== null && tls.serverName === null;
}

async function connectTls(
  address: { readonly hostname: string; readonly port: number },
  tls: TlsSettings,
  connections: Connections,
): Promise<Deno.TlsConn> {
  const connection = await startTls(address, tls, connections);
  // In Deno 2.6.10 close() ends a handshake that is asked for, but not one that a write began.
  await connection.handshake();
  return connection;
}

async function startTls(
  address: { readonly hostname: string; readonly port: number },
  { ca, client, serverName }: TlsSettings,
  connections: Connections,
): Promise<Deno.TlsConn> {
  const caCerts = ca === null ? [] : [ca];
  if (client !== null && serverName === null) {
    const { certificate: cert, key } = client;
    return connections.hold(await Deno.connectTls({ ...address, caCerts, cert, key }));
  }
  const plain = connections.hold(await Deno.connect(address));
  const hostname = serverName ?? address.hostname;
  return connections.replace(plain, await Deno.startTls(plain, { hostname, caCerts }));
}

async function readAnswer(connection: Deno.Conn): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(4096);
  for (let length = 0; length < bytes.length;) {
    const count = await connection.read(bytes.subarray(length));
    if (count === null) return null;
    length += count;
    const answer = bytes.subarray(0, length);
    if (isAlert(answer)) return answer;
    const size = length < 4 ? Infinity : new DataView(bytes.buffer).getInt32(0);
    if (length >= size + 4) return bytes.subarray(4, size + 4);
  }
  return null;
}

function isAlert(bytes: Uint8Array): boolean {
  return bytes[0] === TLS_ALERT && bytes[1] === TLS_MAJOR;
}

/** Length, API key, version, correlation id, client id and mechanism; texts are behind their lengths. */
function encodeQuestion(mechanism: string): Uint8Array {
  const texts = ["orilla", mechanism].map((text) => new TextEncoder().encode(text));
  const size = 8 + texts.reduce((sum, text) => sum + 2 + text.length, 0);
  const bytes = new Uint8Array(4 + size);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, size);
  view.setInt16(4, SASL_HANDSHAKE_KEY);
  view.setInt16(6, SASL_HANDSHAKE_VERSION);
  view.setInt32(8, CORRELATION_ID);
  let at = 12;
  for (const text of texts) {
    view.setInt16(at, text.length);
    bytes.set(text, at + 2);
    at += 2 + text.length;
  }
  return bytes;
}

/** Correlation id, error code, and the mechanisms that the listener knows. */
function decodeAnswer(
  bytes: Uint8Array,
): { readonly errorCode: number | null; readonly mechanisms: readonly string[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || view.getInt32(0) !== CORRELATION_ID) {
    return { errorCode: null, mechanisms: [] };
  }
  const mechanisms: string[] = [];
  for (let at = 10; at + 2 <= bytes.length;) {
    const length = view.getInt16(at);
    mechanisms.push(new TextDecoder().decode(bytes.subarray(at + 2, at + 2 + length)));
    at += 2 + Math.max(0, length);
  }
  return { errorCode: view.getInt16(4), mechanisms: mechanisms.toSorted() };
}
