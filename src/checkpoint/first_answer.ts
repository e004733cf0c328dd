/** Longest wait for an answer of a server that has just been there. */
const ANSWER_MS = 2_000;

/** Where a server listens. */
export interface ServerAt {
  readonly hostname: string;
  readonly port: number;
}

/**
 * The first byte that a server answers in clear, over a connection of its own.
 *
 * @param request is sent first
 * @returns null where there is no connection, or no answer in time
 */
export async function firstAnswerByte(
  server: ServerAt,
  request: Uint8Array<ArrayBuffer>,
): Promise<number | null> {
  const asking = over(() => Deno.connect(server), async (connection) => {
    await connection.write(request);
    const answer = new Uint8Array(1);
    return await connection.read(answer) === 1 ? answer[0] ?? null : null;
  });
  // Whoever asks has a failure already, which is the one that counts.
  return await inTime(asking.catch(() => null));
}

/**
 * What becomes of a TLS handshake with a server, over a connection of its own.
 *
 * @param ca PEM of authorities to trust beside the usual ones; null for these alone
 * @returns "trusted" or the failure; null where nothing comes in time
 */
export async function handshakeWith(
  server: ServerAt,
  ca: string | null,
): Promise<"trusted" | Error | null> {
  const connect = () => Deno.connectTls({ ...server, ...(ca === null ? {} : { caCerts: [ca] }) });
  const asking = over(connect, async (connection) => {
    await connection.handshake();
    return "trusted" as const;
  });
  return await inTime(asking.catch((error) => error instanceof Error ? error : null));
}

/** Asks over a connection, which is closed after some time, so that whoever waits for it goes on. */
async function over<Connection extends Deno.Conn, T>(
  connect: () => Promise<Connection>,
  ask: (connection: Connection) => Promise<T>,
): Promise<T> {
  using connection = await connect();
  const timer = setTimeout(() => connection.close(), ANSWER_MS);
  try {
    return await ask(connection);
  } finally {
    clearTimeout(timer);
  }
}

/** A server may not even take a connection. */
async function inTime<T>(answer: Promise<T>): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), 2 * ANSWER_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
