import assert from "node:assert/strict";
import {
  authorityOf,
  isLocalHost,
  isLoopback,
  parseListenAddress,
} from "../../src/http/address.ts";

Deno.test("parseListenAddress() takes a port, and addresses of both kinds with one", () => {
  const read = [
    ["9464", "127.0.0.1:9464", true],
    ["localhost:9464", "127.0.0.1:9464", true],
    ["127.8.0.1:1", "127.8.0.1:1", true],
    ["[::1]:9464", "[::1]:9464", true],
    ["[0:0:0:0:0:0:0:1]:9464", "[::1]:9464", true],
    ["0.0.0.0:65535", "0.0.0.0:65535", false],
    ["192.0.2.1:80", "192.0.2.1:80", false],
    ["[::]:9464", "[::]:9464", false],
  ] as const;
  for (const [text, authority, isLocal] of read) {
    const address = parseListenAddress(text);
    assert.ok(address !== undefined, text);
    assert.equal(authorityOf(address), authority);
    assert.equal(isLoopback(address), isLocal, text);
  }
});

Deno.test("parseListenAddress() takes no name, no port beyond 65535, and nothing half", () => {
  const texts = ["", "0", "65536", "lake.example:80", "127.0.0.1", "127.0.0.1:", ":80", "::1:80"];
  for (
    const text of [...texts, "127.1:80", "[127.0.0.1]:80", "http://127.0.0.1:80", "1.2.3.4:80 "]
  ) {
    assert.equal(parseListenAddress(text), undefined, text);
  }
});

Deno.test("isLocalHost() takes names of this machine with any port, and no other", () => {
  for (const host of ["localhost", "LOCALHOST:80", "127.0.0.1:9464", "[::1]:8080", "127.0.0.1"]) {
    assert.ok(isLocalHost(host), host);
  }
  const others = ["", "evil.example", "localhost.evil.example:9464", "127.0.0.1.evil.example"];
  for (const host of [...others, "192.0.2.1", "[::2]", "user@localhost", "localhost:80:80"]) {
    assert.equal(isLocalHost(host), false, host);
  }
});
