import { Buffer } from "node:buffer";
import { createClient } from "@redis/client";
import { messageOf } from "../../core/errors.ts";
import type { RedisAddress } from "./address.ts";
import { endsConnection, isUnknownScript, redisFailure } from "./failures.ts";
import { tlsRefusal } from "./tls_refusal.ts";
import { type Script, scriptOf } from "./scripts.ts";

/** What Redis answers: bulk strings as bytes. */
export type Reply = null | number | string | Uint8Array | readonly Reply[];

export type Argument = string | Uint8Array;

/** Longest waits for a connection, and for an answer: a commit of a million ids takes some seconds. */
const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 30_000;

/** Replies of this type code (`$`) stay bytes. */
const BULK_STRING = 36;

type Client = ReturnType<typeof connectedTo>;

/**
 * A connection to a Redis that is made when it is needed, and made anew by the next command after it broke.
 * Nothing is sent again by itself: who asked decides, since an answer that was lost may be that of a commit.
 */
export class RedisConnection implements AsyncDisposable {
  readonly #address: RedisAddress;
  readonly #answerTimeoutMs: number;
  #client: Promise<Client> | null = null;
  #hasAnswered = false;

  constructor(address: RedisAddress, { answerTimeoutMs = ANSWER_TIMEOUT_MS } = {}) {
    this.#address = address;
    this.#answerTimeoutMs = answerTimeoutMs;
  }

  /**
   * Sends one command.
   *
   * @throws an error as `canPassLater` knows it where Redis cannot be reached or is not ready; OrillaError where it
   * refuses the user, or is not the right node
   */
  async send(command: readonly Argument[]): Promise<Reply> {
    const [reply = null] = await this.sendAll([command]);
    return reply;
  }

  /** Sends commands at once; what they answer, in their order. @throws as `send`, the first failure */
  async sendAll(commands: readonly (readonly Argument[])[]): Promise<readonly Reply[]> {
    const client = await (this.#client ??= this.#connect());
    const answers = Promise.all(
      commands.map((command) => client.sendCommand<Reply>(command.map(sendable))),
    );
    return await this.#answered(client, answers);
  }

  /** Runs one of the scripts of a lake. @throws as `send` */
  async run(script: Script, lakeKey: string, args: readonly Argument[]): Promise<Reply> {
    const { source, sha1 } = await scriptOf(script);
    const rest = ["1", lakeKey, ...args];
    try {
      return await this.send(["EVALSHA", sha1, ...rest]);
    } catch (error) {
      // The server was started anew, or nobody has run it there yet.
      if (!isUnknownScript(error)) throw error;
      return await this.send(["EVAL", source, ...rest]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => null);
    this.#client = null;
    if (client?.isOpen) client.destroy();
  }

  async #connect(): Promise<Client> {
    const client = connectedTo(this.#address);
    // Whatever breaks also fails the command that waits, or the next one.
    client.on("error", () => this.#forget(client));
    try {
      await client.connect();
      return client;
    } catch (error) {
      this.#client = null;
      throw await failureOf(error, this.#address);
    }
  }

  #forget(client: Client): void {
    this.#client = null;
    if (client.isOpen) client.destroy();
  }

  async #answered(client: Client, answers: Promise<readonly Reply[]>): Promise<readonly Reply[]> {
    const late = Promise.withResolvers<never>();
    const waitMs = this.#answerTimeoutMs;
    const message = `it gave no answer for ${waitMs / 1000} s`;
    const timer = setTimeout(() => late.reject(new Error(message)), waitMs);
    try {
      const given = await Promise.race([answers, late.promise]);
      this.#hasAnswered = true;
      return given;
    } catch (error) {
      if (endsConnection(error)) this.#forget(client);
      throw this.#hasAnswered
        ? redisFailure(error, this.#address)
        : await failureOf(error, this.#address);
    } finally {
      clearTimeout(timer);
      answers.catch(() => {});
    }
  }
}

/** Where a server takes a connection and then says nothing, or closes it, one side may speak TLS alone. */
async function failureOf(error: unknown, address: RedisAddress): Promise<unknown> {
  const failure = redisFailure(error, address);
  if (!/closed unexpectedly|timeout|ECONNRESET/.test(messageOf(failure))) return failure;
  return await tlsRefusal(address) ?? failure;
}

function sendable(part: Argument): string | Buffer {
  return typeof part === "string"
    ? part
    : Buffer.from(part.buffer, part.byteOffset, part.byteLength);
}

function connectedTo({ host, port, isTls, user, password, database, certificates }: RedisAddress) {
  const basic = {
    host,
    port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: false,
  } as const;
  const trusted = certificates === null ? {} : { ca: certificates };
  const socket = isTls ? { ...basic, ...trusted, tls: true as const } : basic;
  return createClient({
    ...{ RESP: 2, socket, database, disableOfflineQueue: true } as const,
    ...(user === "" ? {} : { username: user }),
    ...(password === "" ? {} : { password }),
    // Else it reads names of the environment, and says its version to the server.
    ...{ disableClientInfo: true, maintNotifications: "disabled" } as const,
    commandOptions: { typeMapping: { [BULK_STRING]: Buffer } },
  });
}
