const GONE = [
  Deno.errors.BadResource,
  Deno.errors.BrokenPipe,
  Deno.errors.ConnectionAborted,
  Deno.errors.ConnectionReset,
  Deno.errors.Interrupted,
  Deno.errors.NotConnected,
  Deno.errors.TimedOut,
];

/** Whether an error says that a client is gone, or was given up. */
export function isGone(error: unknown): boolean {
  return GONE.some((kind) => error instanceof kind);
}

/**
 * A connection to a client that may be slow, or not there any more. Giving it up does not depend on the
 * system: in Deno 2.6.10 a write that waits for its reader goes on waiting when the connection is closed.
 */
export class ClientConnection {
  readonly #connection: Deno.TcpConn;
  /** Makes what is under way fail. */
  #giveUp: (error: Error) => void = () => {};
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** Resolves when nothing is under way, so that the system has let go of the connection once it is closed. */
  get settled(): Promise<unknown> {
    return this.#underWay;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#connection.read(into);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      written += await this.#connection.write(bytes.subarray(written));
    }
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  /** Does something with the connection; closes it, and fails, where that takes too long. */
  async within<T>(ms: number, action: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.close(), ms);
    // One for each action: what lives as long as a stream would keep something of each of them.
    const givenUp = Promise.withResolvers<never>();
    this.#giveUp = givenUp.reject;
    try {
      const doing = action();
      this.#underWay = doing.catch(() => {});
      return await Promise.race([doing, givenUp.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Gives the connection up, also one that is closed: what is under way fails. */
  close(): void {
    this.#giveUp(new Deno.errors.Interrupted("the connection was given up"));
    try {
      this.#connection.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
