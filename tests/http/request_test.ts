import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRequest } from "../../src/http/request.ts";
import { checkProperty } from "../property_seed.ts";

function statusOf(text: string): number {
  const parsed = parseRequest(text);
  return parsed.kind === "refused" ? parsed.status : 200;
}

Deno.test("parseRequest() reads method, path and headers", () => {
  const parsed = parseRequest("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nACCEPT:  x \r\nAccept: y");
  assert.ok(parsed.kind === "request");
  const { method, path, headers } = parsed.request;
  assert.deepEqual([method, path], ["GET", "/metrics"]);
  assert.deepEqual([...headers], [["host", "a"], ["accept", "x, y"]]);
  assert.equal(statusOf("HEAD / HTTP/1.0"), 200);
  assert.equal(statusOf("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0"), 200);
});

Deno.test("parseRequest() refuses what no route needs, or two readers could take differently", () => {
  const refused = [
    [405, "POST / HTTP/1.1\r\nHost: a"],
    [405, "CONNECT a:80 HTTP/1.1\r\nHost: a"],
    [505, "GET / HTTP/2.0\r\nHost: a"],
    [400, ""],
    [400, "GET /"],
    [400, "get / HTTP/1.1\r\nHost: a"],
    [400, "GET  / HTTP/1.1\r\nHost: a"],
    [400, "GET http://a/ HTTP/1.1\r\nHost: a"],
    [400, "GET / HTTP/1.1"],
    [400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b"],
    [400, "GET / HTTP/1.1\r\nHost: a\r\n folded: b"],
    [400, "GET / HTTP/1.1\r\nHost: a\r\nName : b"],
    [400, "GET / HTTP/1.1\r\nHost: a\r\nName: b\nOther: c"],
    [400, "GET / HTTP/1.1\r\nHost: a\r\nName: b\0"],
    [413, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1"],
    [413, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5"],
    [413, "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"],
    [414, `GET /${"a".repeat(1_024)} HTTP/1.1\r\nHost: a`],
    [431, `GET / HTTP/1.1\r\nHost: a${"\r\nA: b".repeat(64)}`],
  ] as const;
  for (const [status, text] of refused) assert.equal(statusOf(text), status, text);
});

Deno.test("parseRequest() never throws, and gives a path that begins with a slash", () => {
  const piece = fc.oneof(
    fc.constantFrom("GET ", "/", " HTTP/1.1", "\r\n", "Host: a", ": ", "\t", "\0", "%", "?"),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  const text = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
  checkProperty(
    fc.property(text, (text) => {
      const parsed = parseRequest(text);
      if (parsed.kind === "request") assert.ok(parsed.request.path.startsWith("/"));
    }),
    { runs: 1_000 },
  );
});
