import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import type { HttpRequest } from "../../src/http/request.ts";
import { type HttpResponse, statusResponse } from "../../src/http/response.ts";
import { HttpServer, type HttpServerOptions, MAX_CONNECTIONS } from "../../src/http/server.ts";
import type { Log } from "../../src/runtime/logs.ts";
import { soon } from "../pipeline_parts.ts";
import { exchange, get, readToEnd } from "./raw_client.ts";

const ANY_PORT = { hostname: "127.0.0.1", port: 0 } as const;
const TIMES = { requestMs: 200, writeMs: 200, lingerMs: 100 } as const;

/** A log that keeps what is warned of. */
function keepingLog(): Log & { readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const warning = (message: string) => void warnings.push(message);
  return { debug: () => {}, info: () => {}, warning, error: warning, warnings };
}

function start(overrides: Partial<HttpServerOptions> = {}): HttpServer {
  const answer = ({ method, path }: HttpRequest): HttpResponse => ({
    ...statusResponse(200),
    body: `${method} ${path}`,
  });
  return new HttpServer({ address: ANY_PORT, log: keepingLog(), answer, ...overrides });
}

Deno.test("the server answers one request a connection, and closes it", async () => {
  await using server = start();
  const { status, headers, body } = await get(server.port, "/a?b");
  assert.deepEqual([status, body], [200, "GET /a"]);
  assert.equal(headers.get("connection"), "close");
  assert.equal(headers.get("content-length"), "6");
  const two = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
  assert.equal((await exchange(server.port, two)).body, "GET /1");
});

Deno.test("the server answers HEAD without a body, and with the length of the one that GET has", async () => {
  await using server = start();
  const { status, headers, body } = await exchange(
    server.port,
    "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
  );
  assert.deepEqual([status, headers.get("content-length"), body], [200, "7", ""]);
});

Deno.test("a browser's fetch reads what the server answers", async () => {
  await using server = start();
  const response = await fetch(`http://127.0.0.1:${server.port}/fetched`);
  assert.equal(await response.text(), "GET /fetched");
});

Deno.test("the server says why it refuses a request, also one that is still being sent", async () => {
  await using server = start({ times: { ...TIMES, requestMs: 10_000, lingerMs: 10_000 } });
  const sent = [
    [405, "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"],
    [413, `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`],
    [431, `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${"x".repeat(9_000)}\r\n\r\n`],
    [431, "x".repeat(8_000_000)],
  ] as const;
  for (const [status, text] of sent) {
    const answer = await soon(exchange(server.port, text));
    assert.equal(answer.status, status, text.slice(0, 60));
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  }
});

Deno.test("a client that does not send its request in time is hung up on", async () => {
  await using server = start({ times: TIMES });
  for (const text of ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"]) {
    using connection = await Deno.connect({ ...ANY_PORT, port: server.port });
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    assert.equal(await soon(readToEnd(connection)), "");
  }
});

Deno.test("a client that sends its request one byte at a time has no more time for it", async () => {
  await using server = start({ times: TIMES });
  using connection = await Deno.connect({ ...ANY_PORT, port: server.port });
  const ended = readToEnd(connection);
  const drip = setInterval(() => connection.write(new Uint8Array([65])).catch(() => {}), 50);
  try {
    assert.equal(await soon(ended), "");
  } finally {
    clearInterval(drip);
  }
});

Deno.test("a client that does not read is hung up on, and its stream ends", async () => {
  const ended = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (;;) {
        await Promise.resolve();
        yield "x".repeat(1 << 20);
      }
    } finally {
      ended.resolve();
    }
  }
  const answer = () => ({ ...statusResponse(200), body: endless() });
  await using server = start({ times: TIMES, answer });
  using connection = await Deno.connect({ ...ANY_PORT, port: server.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await soon(ended.promise);
});

Deno.test("a stream ends when its client goes", async () => {
  const ended = Promise.withResolvers<void>();
  async function* ticking() {
    try {
      for (;;) {
        yield "tick\n";
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    } finally {
      ended.resolve();
    }
  }
  await using server = start({ answer: () => ({ ...statusResponse(200), body: ticking() }) });
  const connection = await Deno.connect({ ...ANY_PORT, port: server.port });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await connection.read(new Uint8Array(100));
  connection.close();
  await soon(ended.promise);
});

Deno.test("connections beyond the limit are closed, and there is room again once others end", async () => {
  await using server = start();
  const idle = await Promise.all(
    Array.from({ length: MAX_CONNECTIONS }, () => Deno.connect({ ...ANY_PORT, port: server.port })),
  );
  using further = await Deno.connect({ ...ANY_PORT, port: server.port });
  assert.equal(await soon(readToEnd(further)), "");
  // Each of the others has its answer, and makes room by that.
  for (const connection of idle) {
    await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert.match(await soon(readToEnd(connection)), /^HTTP\/1\.1 200 OK\r\n/);
    connection.close();
  }
  assert.equal((await get(server.port, "/")).status, 200);
});

Deno.test("a failure of an answer is a 500 that says nothing of it, and is logged", async () => {
  const log = keepingLog();
  const answer = () => {
    throw new Error("what only the log should say");
  };
  await using server = start({ log, answer });
  const { status, body } = await get(server.port, "/");
  assert.deepEqual([status, body], [500, "500 Internal Server Error\n"]);
  assert.deepEqual(log.warnings, ["a request over HTTP could not be answered"]);
});

Deno.test("a server that ends closes its connections, and leaves the port free", async () => {
  const server = start({ times: { ...TIMES, requestMs: 60_000 } });
  const { port } = server;
  using idle = await Deno.connect({ ...ANY_PORT, port });
  await get(port, "/");
  const ended = readToEnd(idle);
  await soon(server[Symbol.asyncDispose]());
  assert.equal(await soon(ended), "");
  await using again = start({ address: { ...ANY_PORT, port } });
  assert.equal((await get(again.port, "/")).status, 200);
});

Deno.test("a port that is in use is exit code 1, an address of another machine is exit code 2", async () => {
  await using server = start();
  const refused = [
    [{ ...ANY_PORT, port: server.port }, 1, /127\.0\.0\.1:\d+: another process does/],
    [{ hostname: "192.0.2.1", port: 9_464 }, 2, /192\.0\.2\.1:9464: expected an address/],
  ] as const;
  for (const [address, exitCode, message] of refused) {
    assert.throws(
      () => start({ address }),
      (error) =>
        error instanceof OrillaError && error.exitCode === exitCode && message.test(error.message),
    );
  }
});
