/** What a server sent until it closed the connection. */
export interface RawAnswer {
  /** 0 where it sent nothing. */
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends all of a text, and then reads to the end of the connection. */
export async function exchange(port: number, text: string): Promise<RawAnswer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
  return parseAnswer(await readToEnd(connection));
}

/** A GET of a path with a Host header and others. */
export function get(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return exchange(port, `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
}

/** A status document that tells of a commit; the log line of the commit can be quicker. */
export async function statusWithCommit(port: number) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const status = JSON.parse((await get(port, "/status.json")).body);
    if (status.commits.length > 0) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("/status.json told of no commit for 10 s");
}

/** All that is sent until the connection ends, in whatever way. */
export async function readToEnd(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return text;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return text;
    throw error;
  }
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, Math.max(0, end)).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0);
  return { status, headers: new Map(headers), body: text.slice(end + 4) };
}
