/** What a proxy does to a request instead of passing it on and its answer back. */
export type Fault =
  /** Answers by itself: a status, and an error of S3's form. */
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** Ends the connection: before the request is passed on, after it was, or in the middle of its answer. */
  | { readonly kind: "cut"; readonly when: "before" | "after" | "midway" }
  /** Says nothing, before the request is passed on or after it was. */
  | { readonly kind: "hang"; readonly when: "before" | "after" };

/** The first line of a request, and how many came before it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly index: number;
}

/** A proxy in front of a server of this machine; it ends when it is disposed. */
export interface FaultProxy extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: readonly SeenRequest[];
  /** Asked about each request; null leaves it alone. */
  faultOf: (request: SeenRequest) => Fault | null;
}

/** Starts a proxy that changes no byte of what it passes on, since requests are signed. */
export function startFaultProxy(serverPort: number): FaultProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: SeenRequest[] = [];
  const open = new Set<Deno.Conn>();
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${listener.addr.port}`,
    requests,
    faultOf: () => null,
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of open) close(connection);
      await accepting;
    },
  };
  const serve = async (connection: Deno.Conn) => {
    open.add(connection);
    try {
      const request = await readRequest(connection);
      if (request === null) return;
      const [method = "", target = ""] = request.head.split(" ");
      const seen = { method, target, index: requests.length };
      requests.push(seen);
      await handle({ connection, request, serverPort, fault: proxy.faultOf(seen) });
    } catch {
      // The client, or this proxy, hung up: what that does to orilla is what is tested.
    } finally {
      close(connection);
      open.delete(connection);
    }
  };
  const accepting = (async () => {
    const served: Promise<void>[] = [];
    for await (const connection of listener) served.push(serve(connection));
    await Promise.all(served);
  })();
  return proxy;
}

interface HandledRequest {
  readonly connection: Deno.Conn;
  readonly request: { readonly head: string; readonly bytes: Uint8Array<ArrayBuffer> };
  readonly serverPort: number;
  readonly fault: Fault | null;
}

async function handle({ connection, request, serverPort, fault }: HandledRequest): Promise<void> {
  if (fault?.kind === "answer") {
    const error = `<?xml version="1.0"?><Error><Code>${fault.code}</Code></Error>`;
    const body = fault.status < 300 ? "" : error;
    const head = `HTTP/1.1 ${fault.status} Injected\r\nContent-Length: ${body.length}\r\n` +
      `Content-Type: application/xml\r\nConnection: close\r\n\r\n`;
    return await writeAll(connection, new TextEncoder().encode(head + body));
  }
  if (fault?.when === "before") {
    if (fault.kind === "hang") await untilClosed(connection);
    return;
  }
  const answer = await answerOf(request.bytes, serverPort);
  if (fault?.kind === "hang") return await untilClosed(connection);
  if (fault?.when === "after") return;
  const end = fault?.when === "midway" ? Math.ceil(answer.length / 2) : answer.length;
  await writeAll(connection, answer.subarray(0, end));
}

/** The whole answer of the server; the request says that the connection ends with it. */
async function answerOf(request: Uint8Array, port: number): Promise<Uint8Array> {
  using server = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(server, request);
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count = await server.read(buffer); count !== null; count = await server.read(buffer)) {
    chunks.push(buffer.slice(0, count));
  }
  return joined(chunks);
}

/** One request, with `Connection: close` for the server; null where the client sends none. */
async function readRequest(connection: Deno.Conn) {
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let headEnd = -1, length = 0;;) {
    const count = await connection.read(buffer);
    if (count === null) return null;
    chunks.push(buffer.slice(0, count));
    const bytes = joined(chunks);
    if (headEnd < 0) {
      headEnd = endOfHead(bytes);
      if (headEnd < 0) continue;
      const head = new TextDecoder("latin1").decode(bytes.subarray(0, headEnd));
      length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    }
    if (bytes.length < headEnd + length) continue;
    const head = new TextDecoder("latin1").decode(bytes.subarray(0, headEnd));
    const whole = head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    return { head, bytes: joined([new TextEncoder().encode(whole), bytes.subarray(headEnd)]) };
  }
}

function endOfHead(bytes: Uint8Array): number {
  for (let at = 3; at < bytes.length; at++) {
    const isEnd = bytes[at - 3] === 13 && bytes[at - 2] === 10 && bytes[at - 1] === 13 &&
      bytes[at] === 10;
    if (isEnd) return at + 1;
  }
  return -1;
}

function joined(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

async function untilClosed(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1_024);
  while (await connection.read(buffer) !== null);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
