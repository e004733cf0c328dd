import { messageOf, operatingError, usageError } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { authorityOf, type ListenAddress } from "./address.ts";
import { ClientConnection } from "./client_connection.ts";
import { type ConnectionTimes, serveConnection } from "./connection.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse } from "./response.ts";

export interface HttpServerOptions {
  readonly address: ListenAddress;
  readonly answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  readonly log: Log;
  /** Others than usual, for tests. */
  readonly times?: ConnectionTimes;
}

/** Connections at one time; further ones are closed as they come. */
export const MAX_CONNECTIONS = 64;
const TIMES: ConnectionTimes = { requestMs: 5_000, writeMs: 10_000, lingerMs: 500 };
/** How long nothing is accepted after accepting failed, as where the process has no descriptors left. */
const ACCEPT_AGAIN_MS = 1_000;

/**
 * A small HTTP/1.1 server over TCP: one request a connection, GET and HEAD alone. Deno's own servers do not
 * bound what a client can take: Deno.serve (2.6.10 and 2.9.6) has no limit of connections or of time, and takes
 * 20 KB of headers; node:http has these limits in 2.9.6, and ignores all of them in 2.6.10 (tried).
 */
export class HttpServer implements AsyncDisposable {
  readonly #options: HttpServerOptions;
  readonly #listener: Deno.TcpListener;
  /** Those that the system has not let go of, each with when it is served. */
  readonly #connections = new Map<ClientConnection, Promise<void>>();
  readonly #accepting: Promise<void>;
  #isClosed = false;

  /** @throws OrillaError where it cannot listen there: exit code 1 where the port is in use, else 2 */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#listener = listen(options.address);
    this.#accepting = this.#accept();
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#listener.close();
    for (const client of this.#connections.keys()) client.close();
    await Promise.all([this.#accepting, ...this.#connections.values()]);
  }

  async #accept(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        if (this.#isClosed) return;
        const { log } = this.#options;
        log.warning("no connection over HTTP could be accepted", { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_AGAIN_MS));
      }
    }
  }

  #serve(connection: Deno.TcpConn): void {
    if (this.#connections.size >= MAX_CONNECTIONS) return connection.close();
    const { answer, log, times = TIMES } = this.#options;
    const client = new ClientConnection(connection);
    const served = serveConnection(client, { answer, log, times })
      .catch((error) => log.warning("a connection over HTTP failed", { error: messageOf(error) }));
    this.#connections.set(client, served);
    void served.then(() => client.settled).then(() => this.#connections.delete(client));
  }
}

function listen(address: ListenAddress): Deno.TcpListener {
  try {
    return Deno.listen({ ...address });
  } catch (error) {
    const at = authorityOf(address);
    if (error instanceof Deno.errors.AddrInUse) {
      throw operatingError(
        `Cannot listen on --http-address ${at}: another process does. Nothing was read or written; stop ` +
          `that process, or give another port`,
        error,
      );
    }
    throw usageError(
      `Cannot listen on --http-address ${at}: expected an address of this machine, and a port that may be ` +
        `used: ${messageOf(error)}`,
      error,
    );
  }
}
