import { messageOf, usageError } from "../../core/errors.ts";
import type { RedisAddress } from "./address.ts";

/** Longest wait for each answer: the server has just been there. */
const ANSWER_MS = 2_000;

/**
 * Asked after no connection could be made: whether that is so because of the server's certificate, or since one side
 * speaks TLS and the other does not. The client waits in vain for the one, and does not tell of the other in Deno 2.6.
 *
 * @returns what to throw then; null otherwise, and where the server does not answer
 */
export async function tlsRefusal(address: RedisAddress): Promise<Error | null> {
  const { name } = address;
  const answer = await inTime(answerToTls(address));
  if (!address.isTls) {
    return answer === null
      ? null
      : usageError(`Cannot use CHECKPOINT_URL: ${name} speaks TLS: use rediss:// in it`);
  }
  if (answer instanceof Error) return notTrusted(address, answer);
  if (answer === "trusted" || !await inTime(answersInClear(address))) return null;
  return usageError(
    `Cannot use CHECKPOINT_URL: ${name} speaks no TLS. Turn it on there (tls-port); redis:// in the URL does ` +
      `without, and whoever is on the way can then read and change all of it`,
  );
}

/** The refusal of a certificate. What is not trusted now will not be so later. */
export function notTrusted({ name }: RedisAddress, why: unknown): Error {
  return usageError(
    `Cannot use CHECKPOINT_URL: ${name} is not trusted (${messageOf(why)}). ` +
      `CHECKPOINT_CA_FILE names the authorities of a private certificate`,
    why,
  );
}

/** Whether a failure is that of a certificate. */
export function isOfCertificate(error: unknown): boolean {
  return /certificate|UnknownIssuer|self.signed/i.test(messageOf(error));
}

/** "trusted", why it is not, or null where that was not found out. */
async function answerToTls(
  { host, port, certificates }: RedisAddress,
): Promise<"trusted" | Error | null> {
  try {
    const trusted = certificates === null ? {} : { caCerts: [certificates] };
    using connection = await Deno.connectTls({ hostname: host, port, ...trusted });
    using _end = endOf(connection);
    await connection.handshake();
    return "trusted";
  } catch (error) {
    return error instanceof Error && isOfCertificate(error) ? error : null;
  }
}

/** Whether an answer as of Redis comes without TLS: `+PONG`, or that a user and password are missing. */
async function answersInClear({ host, port }: RedisAddress): Promise<boolean | null> {
  try {
    using connection = await Deno.connect({ hostname: host, port });
    using _end = endOf(connection);
    await connection.write(new TextEncoder().encode("PING\r\n"));
    const answer = new Uint8Array(1);
    return await connection.read(answer) === 1 && "+-".includes(String.fromCharCode(...answer));
  } catch {
    // It is the first failure that counts.
    return null;
  }
}

/** Closes a connection after some time, so that whoever waits for it goes on. */
function endOf(connection: Deno.Conn): Disposable {
  const timer = setTimeout(() => connection.close(), ANSWER_MS);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** The server may not even take a connection. */
async function inTime<T>(answer: Promise<T>): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), 2 * ANSWER_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
