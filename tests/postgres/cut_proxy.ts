/** A proxy on loopback that cuts connections after so many bytes. */
export interface CutProxy extends AsyncDisposable {
  readonly port: number;
  /** How many connections it has cut. */
  readonly cutCount: number;
  /**
   * Cuts the connection, once, when that many more bytes have come from one side; those are passed on. Connections
   * that are made later are counted too.
   */
  cutAfter(side: "client" | "server", bytes: number): void;
}

/** Starts a proxy before a port of this machine. */
export function cutProxy(port: number): CutProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const left = { client: Infinity, server: Infinity };
  let cutCount = 0;
  const pairs = new Set<readonly [Deno.Conn, Deno.Conn]>();
  const work: Promise<void>[] = [];

  async function pass(side: "client" | "server", from: Deno.Conn, to: Deno.Conn): Promise<boolean> {
    const buffer = new Uint8Array(4_096);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return false;
      const passed = Math.min(count, left[side]);
      left[side] -= count;
      for (let at = 0; at < passed;) at += await to.write(buffer.subarray(at, passed));
      if (left[side] <= 0) return true;
    }
  }

  async function serve(client: Deno.Conn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port });
    const pair = [client, server] as const;
    pairs.add(pair);
    // A connection that the other side has closed already is at its end, too.
    const ended = () => false;
    const isCut = await Promise.race([
      pass("client", client, server).catch(ended),
      pass("server", server, client).catch(ended),
    ]);
    if (isCut) {
      cutCount++;
      left.client = left.server = Infinity;
    }
    pairs.delete(pair);
    for (const connection of pair) close(connection);
  }

  const accepting = (async () => {
    for await (const client of listener) work.push(serve(client));
  })();
  return {
    port: listener.addr.port,
    get cutCount() {
      return cutCount;
    },
    cutAfter: (side, bytes) => void (left[side] = bytes),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const pair of pairs) for (const connection of pair) close(connection);
      await accepting;
      await Promise.all(work);
    },
  };
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
