import { takePortBlock } from "../kafka/ports.ts";

/** Where the next request to a server is cut off, with its connection. */
export type Cut = "before_request" | "before_answer" | "request_late";

/**
 * A proxy on loopback that loses the next request, or its answer, or lets the request through late. Disposing of
 * it closes its connections.
 */
export class AnswerCutter implements AsyncDisposable {
  readonly port: number;
  /** What happens to the next request that holds `marker`; then everything passes again. */
  cut: Cut | null = null;
  readonly #marker: string;
  readonly #serverPort: number;
  readonly #ports: Disposable;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();
  #late: (() => Promise<void>) | null = null;
  readonly #served: Promise<void>;

  /** @param marker a text in the requests that may be cut */
  constructor({ serverPort, marker }: { readonly serverPort: number; readonly marker: string }) {
    const ports = takePortBlock();
    this.port = ports.first;
    this.#ports = ports;
    this.#marker = marker;
    this.#serverPort = serverPort;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#served = this.#serve();
  }

  /** Lets the request go on that was held back. */
  async letThrough(): Promise<void> {
    await this.#late?.();
    this.#late = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) end(connection);
    await this.#served;
    this.#ports[Symbol.dispose]();
  }

  async #serve(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const client of this.#listener) serving.push(this.#join(client));
    await Promise.all(serving);
  }

  async #join(client: Deno.Conn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#serverPort });
    this.#connections.add(client).add(server);
    const close = () => {
      for (const connection of [client, server]) {
        this.#connections.delete(connection);
        end(connection);
      }
    };
    let isAnswerLost = false;
    const answers = pass(server, client, () => !isAnswerLost).finally(close);
    const requests = pass(client, server, (bytes) => {
      const cut = this.#cutOf(bytes);
      isAnswerLost ||= cut === "before_answer";
      if (cut === "request_late") this.#late = () => this.#send(bytes);
      return cut === null || cut === "before_answer";
    });
    await Promise.all([answers, requests.finally(close)]);
  }

  /** Small requests come in one piece over loopback. */
  #cutOf(bytes: Uint8Array): Cut | null {
    const { cut } = this;
    if (cut === null || !new TextDecoder().decode(bytes).includes(this.#marker)) return null;
    this.cut = null;
    return cut;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    using server = await Deno.connect({ hostname: "127.0.0.1", port: this.#serverPort });
    await writeAll(server, bytes);
    await server.read(new Uint8Array(65_536));
  }
}

/** Passes bytes on until one side ends, or some are not to pass. */
async function pass(
  from: Deno.Conn,
  to: Deno.Conn,
  isPassing: (bytes: Uint8Array) => boolean,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const length = await from.read(buffer);
      if (length === null || !isPassing(buffer.slice(0, length))) return;
      await writeAll(to, buffer.subarray(0, length));
    }
  } catch (error) {
    // The other side, or this proxy, has closed the connection.
    if (!isClosed(error)) throw error;
  }
}

/** Closes a connection that may be closed. */
function end(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!isClosed(error)) throw error;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(bytes.subarray(written));
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.NotConnected;
}
