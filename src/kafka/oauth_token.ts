import type { Mechanism } from "kafkajs";
import { Buffer } from "node:buffer";
import { messageOf, operatingError } from "../core/errors.ts";
import { refusalError } from "./connection_errors.ts";
import type { TokenSettings } from "./security.ts";

/** A token with less time left is not used any more: kafkajs logs in again 10 s before a session ends. */
const MARGIN_MS = 30_000;
const TIMEOUT_MS = 5_000;

/** Gets tokens by the client credentials flow (RFC 6749, section 4.4), and keeps each until it is nearly over. */
export class TokenSource {
  readonly #settings: TokenSettings;
  readonly #nowMs: () => number;
  #token: { readonly value: string; readonly untilMs: number } | null = null;
  #fetching: Promise<string> | null = null;

  constructor(settings: TokenSettings, nowMs: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#nowMs = nowMs;
  }

  /**
   * A token with time left.
   *
   * @throws OrillaError with exit code 1; with `retriable: false` where trying again does not help
   */
  async token(): Promise<string> {
    if (this.#token !== null && this.#nowMs() < this.#token.untilMs) return this.#token.value;
    this.#fetching ??= this.#fetch().finally(() => this.#fetching = null);
    return await this.#fetching;
  }

  async #fetch(): Promise<string> {
    const startMs = this.#nowMs();
    const { value, lifetimeMs } = readToken(await this.#ask(), this.#settings);
    this.#token = { value, untilMs: startMs + lifetimeMs - MARGIN_MS };
    return value;
  }

  async #ask(): Promise<{ readonly status: number; readonly text: string }> {
    const { tokenUrl, clientId, clientSecret, scope } = this.#settings;
    // RFC 6749, section 2.3.1: both parts are form-encoded first.
    const credentials = [clientId, clientSecret].map(formEncode).join(":");
    try {
      const response = await fetch(tokenUrl, {
        method: "POST",
        headers: {
          authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
          accept: "application/json",
        },
        body: new URLSearchParams({
          grant_type: "client_credentials",
          ...(scope === null ? {} : { scope }),
        }),
        // The secret goes to the given address alone.
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        throw refusalError(
          `The token endpoint ${tokenUrl} is not among --allowed-hosts: add its host`,
        );
      }
      throw operatingError(`No token from ${tokenUrl}: ${messageOf(error)}`, error);
    }
  }
}

function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

/** Reads a token response (RFC 6749, sections 5.1 and 5.2); nothing of its text is repeated but the error's code. */
function readToken(
  { status, text }: { readonly status: number; readonly text: string },
  { tokenUrl, clientId }: TokenSettings,
): { readonly value: string; readonly lifetimeMs: number } {
  const { access_token: value, expires_in: seconds, error } = fieldsOf(text);
  if (status >= 400 && status < 500 && status !== 429) {
    const code = typeof error === "string" && /^[\w-]{1,64}$/.test(error) ? `: ${error}` : "";
    throw refusalError(
      `The token endpoint ${tokenUrl} refused the client ${JSON.stringify(clientId)} (HTTP ` +
        `${status}${code}): check --oauth-client-id, KAFKA_OAUTH_CLIENT_SECRET and --oauth-scope`,
    );
  }
  if (status !== 200 || typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
    throw operatingError(`No token from ${tokenUrl}: HTTP ${status} without a usable access_token`);
  }
  // Without a lifetime the token serves one login.
  return { value, lifetimeMs: Number(seconds) > 0 ? Number(seconds) * 1000 : 0 };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/**
 * SASL OAUTHBEARER (RFC 7628) for kafkajs. Its own implementation takes a refused token for an accepted one:
 * Kafka says no in the text of a successful answer.
 */
export function bearerAuthentication(settings: TokenSettings): Mechanism {
  const source = new TokenSource(settings);
  return {
    mechanism: settings.mechanism,
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const token = await source.token();
        const challenge = await saslAuthenticate({
          request: { encode: () => sized(`n,,\x01auth=Bearer ${token}\x01\x01`) },
          response: { decode: (bytes) => bytes.subarray(4), parse: (bytes) => bytes.toString() },
        });
        if (challenge === undefined || challenge === "") return;
        const { status } = fieldsOf(challenge);
        throw refusalError(
          `The broker refused the token of ${settings.tokenUrl} (${String(status)}): check that ` +
            `it trusts that issuer, and --oauth-scope`,
        );
      },
    }),
  };
}

/** Bytes behind their length, as kafkajs hands them on. */
function sized(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}
