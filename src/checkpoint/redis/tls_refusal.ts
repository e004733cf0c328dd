import { messageOf, usageError } from "../../core/errors.ts";
import { firstAnswerByte, handshakeWith } from "../first_answer.ts";
import type { RedisAddress } from "./address.ts";

const PING = new TextEncoder().encode("PING\r\n");
/** Answers to it begin with these: `+PONG`, or an error where a user and password are missing. */
const ANSWERS = ["+", "-"];

/**
 * Asked after no connection could be made: whether that is so because of the server's certificate, or since one side
 * speaks TLS and the other does not. The client waits in vain for the one, and does not tell of the other in Deno 2.6.
 *
 * @returns what to throw then; null otherwise, and where the server does not answer
 */
export async function tlsRefusal(address: RedisAddress): Promise<Error | null> {
  const { name } = address;
  const server = { hostname: address.host, port: address.port };
  const answer = await handshakeWith(server, address.certificates);
  const isUntrusted = answer instanceof Error && isOfCertificate(answer);
  if (!address.isTls) {
    return answer === "trusted" || isUntrusted
      ? usageError(`Cannot use CHECKPOINT_URL: ${name} speaks TLS: use rediss:// in it`)
      : null;
  }
  if (isUntrusted) return notTrusted(address, answer);
  if (answer === "trusted") return null;
  const byte = await firstAnswerByte(server, PING);
  if (byte === null || !ANSWERS.includes(String.fromCharCode(byte))) return null;
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
