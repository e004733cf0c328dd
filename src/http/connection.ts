import { messageOf } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { ClientConnection, isGone } from "./client_connection.ts";
import { type HttpRequest, MAX_HEAD_BYTES, parseRequest } from "./request.ts";
import { type HttpResponse, responseHead, statusResponse } from "./response.ts";

/** How long a client may take, milliseconds. */
export interface ConnectionTimes {
  /** From the connection to the end of the request. */
  readonly requestMs: number;
  /** To take an answer, or one piece of a stream. */
  readonly writeMs: number;
  /** To stop sending after a request was refused. */
  readonly lingerMs: number;
}

/** What serves a connection. */
export interface ConnectionOptions {
  readonly answer: (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;
  readonly times: ConnectionTimes;
  readonly log: Log;
}

/** Reads the one request of a connection, answers it, and closes the connection in any case. */
export async function serveConnection(
  client: ClientConnection,
  options: ConnectionOptions,
): Promise<void> {
  const { times } = options;
  try {
    const head = await client.within(times.requestMs, () => readHead(client));
    if (head === null) return;
    const parsed = head === "too large" ? REFUSED_HEAD : parseRequest(head);
    if (parsed.kind === "refused") return await refuse(client, parsed.status, times);
    const { request } = parsed;
    const response = await answerTo(request, options);
    await send(client, { request, response, times });
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    client.close();
  }
}

const REFUSED_HEAD = { kind: "refused", status: 431 } as const;

async function answerTo(
  request: HttpRequest,
  { answer, log }: ConnectionOptions,
): Promise<HttpResponse> {
  try {
    return await answer(request);
  } catch (error) {
    log.warning("a request over HTTP could not be answered", { error: messageOf(error) });
    return statusResponse(500);
  }
}

/** The request up to its empty line; null where the client sent none. */
async function readHead(client: ClientConnection): Promise<string | "too large" | null> {
  const buffer = new Uint8Array(MAX_HEAD_BYTES);
  let text = "";
  while (text.length < MAX_HEAD_BYTES) {
    const count = await client.read(buffer);
    if (count === null) return null;
    // The end can lie across two pieces.
    const searchedFrom = Math.max(0, text.length - 3);
    text += String.fromCharCode(...buffer.subarray(0, count));
    const end = text.indexOf("\r\n\r\n", searchedFrom);
    if (end >= 0) return text.slice(0, end);
  }
  return "too large";
}

const encoder = new TextEncoder();

async function send(
  client: ClientConnection,
  { request: { method }, response, times }: {
    readonly request: HttpRequest;
    readonly response: HttpResponse;
    readonly times: ConnectionTimes;
  },
): Promise<void> {
  const { body } = response;
  const write = (bytes: Uint8Array) => client.within(times.writeMs, () => client.write(bytes));
  if (typeof body === "string") {
    const bytes = encoder.encode(body);
    await write(encoder.encode(responseHead(response, bytes.length)));
    if (method === "GET") await write(bytes);
    return;
  }
  let head = responseHead(response, null);
  if (method === "HEAD") return await write(encoder.encode(head));
  // The head goes with the first piece, so that a stream has begun, and will end, where its client is gone.
  for await (const piece of body) {
    await write(encoder.encode(head + piece));
    head = "";
  }
}

/**
 * Says why a request is refused. What the client still sends is read and thrown away for a while: closing
 * over unread bytes would reset the connection, and the client would not see the answer.
 */
async function refuse(
  client: ClientConnection,
  status: HttpResponse["status"],
  { writeMs, lingerMs }: ConnectionTimes,
): Promise<void> {
  const response = statusResponse(status, status === 405 ? { "Allow": "GET, HEAD" } : {});
  const text = responseHead(response, String(response.body).length) + response.body;
  await client.within(writeMs, async () => {
    await client.write(encoder.encode(text));
    await client.closeWrite();
  });
  await client.within(lingerMs, async () => {
    const buffer = new Uint8Array(MAX_HEAD_BYTES);
    while (await client.read(buffer) !== null);
  });
}
