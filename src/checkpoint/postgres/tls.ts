import { messageOf, usageError } from "../../core/errors.ts";
import { isOnThisMachine, portOf, storeName, type StoreUrl } from "../../core/store_url.ts";
import { firstAnswerByte } from "../first_answer.ts";

/** Values of sslmode, libpq's (postgresql.org/docs/current/libpq-ssl.html). */
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/**
 * sslmode as libpq has it; `prefer` and `allow` would let whoever stands between take the encryption away, so the
 * default is to verify, but for this machine.
 *
 * @param ca PEM of the authorities to trust; null for the usual ones
 * @returns what the client takes as `ssl`
 * @throws OrillaError with exit code 2 for a mode that there is not
 */
export function tlsOf(url: StoreUrl, ca: string | null) {
  const mode = modeOf(url);
  if (!SSL_MODES.includes(mode)) {
    throw usageError(`Cannot use CHECKPOINT_URL: expected sslmode=${SSL_MODES.join(", ")}`);
  }
  if (mode === "disable") return false;
  // The client names the server for names alone; an address would be held against "localhost".
  const server = { host: url.host };
  if (mode === "require") return { ...server, rejectUnauthorized: false };
  return { ...server, rejectUnauthorized: true, ...(ca === null ? {} : { ca }) };
}

function modeOf(url: StoreUrl): string {
  return url.parameters.get("sslmode") ?? (isOnThisMachine(url) ? "disable" : "verify-full");
}

/** The refusal of a server's certificate, which trying again does not change; null where it is none. */
export function refusedCertificate(url: StoreUrl, error: unknown): Error | null {
  const text = messageOf(error);
  if ("severity" in Object(error) || !/certificate|self.signed/i.test(text)) return null;
  return usageError(
    `Cannot use CHECKPOINT_URL: ${storeName(url)} is not trusted (${text}). ` +
      `CHECKPOINT_CA_FILE names the authorities of a private certificate`,
    error,
  );
}

/**
 * Asked after a connection broke: whether it is to be encrypted, and the server says that it cannot be.
 *
 * @returns what to throw then; null otherwise, and where the server does not answer
 */
export async function refusedTls(url: StoreUrl): Promise<Error | null> {
  if (modeOf(url) === "disable") return null;
  const server = { hostname: url.host, port: portOf(url) };
  if (await firstAnswerByte(server, SSL_REQUEST) !== NO) return null;
  return usageError(
    `Cannot use CHECKPOINT_URL: ${storeName(url)} speaks no TLS. Turn it on there (ssl = on); ` +
      `sslmode=disable in the URL does without, and whoever is on the way can then read and change all of it`,
  );
}

/** Length and code (postgresql.org/docs/current/protocol-message-formats.html). */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);
const NO = "N".charCodeAt(0);
