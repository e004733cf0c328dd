import assert from "node:assert/strict";
import { probeBroker } from "../../src/kafka/broker_probe.ts";
import { refusalBehind, refusalError, tlsRefusal } from "../../src/kafka/connection_errors.ts";
import type { KafkaSecurity } from "../../src/kafka/security.ts";

const PLAINTEXT: KafkaSecurity = { tls: null, sasl: null };
const SSL: KafkaSecurity = { tls: { ca: null, client: null, serverName: null }, sasl: null };

/** A server that gives each connection the same bytes, whatever it says, and closes it. */
function startServer(answer: Uint8Array): { readonly server: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(1024));
      await connection.write(answer);
      connection.close();
    }
  };
  void serve();
  return {
    server: `127.0.0.1:${listener.addr.port}`,
    [Symbol.dispose]: () => listener.close(),
  };
}

Deno.test("probeBroker() finds nothing out about what is no Kafka, or nobody at all", async () => {
  const answers = ["", "HTTP/1.1 400 Bad Request\r\n\r\n", "\0\0\0\x0a\0\0\0\0\0\0\0\0\0\0", "\0"];
  for (const answer of answers) {
    using server = startServer(new TextEncoder().encode(answer));
    for (const security of [PLAINTEXT, SSL]) {
      const { kind } = await probeBroker(server.server, security);
      // Whoever answers in plain text does not speak TLS.
      assert.ok(kind === "unknown" || kind === "no_tls_here" && answer !== "", kind);
    }
  }
  const refused = await probeBroker("127.0.0.1:9", PLAINTEXT);
  assert.ok(refused.kind === "unknown" && /refused/i.test(refused.detail), refused.kind);
  const nowhere = await probeBroker("no-such-host.invalid:9092", SSL);
  assert.ok(nowhere.kind === "unknown" && nowhere.detail !== "", nowhere.kind);
});

Deno.test("probeBroker() does not wait for a silent server for long", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = `127.0.0.1:${listener.addr.port}`;
  const findings = await Promise.all(
    [PLAINTEXT, SSL].map((security) => probeBroker(server, security)),
  );
  const detail = `${server} did not answer in 3000 ms`;
  assert.deepEqual(findings, [{ kind: "unknown", detail }, { kind: "unknown", detail }]);
  listener.close();
});

Deno.test("tlsRefusal() tells what a TLS library's text means, and lets accidents pass", () => {
  const cases: readonly [string, string | undefined][] = [
    ["invalid peer certificate: UnknownIssuer", "unknown_issuer"],
    ["invalid peer certificate: certificate expired: verification time 2", "certificate_expired"],
    ["invalid peer certificate: certificate not valid yet: verification", "certificate_expired"],
    ['invalid peer certificate: certificate not valid for name "a"', "wrong_host_name"],
    ["invalid peer certificate: BadSignature", "bad_certificate"],
    ["received fatal alert: CertificateRequired", "client_certificate_refused"],
    ["Connection error: received fatal alert: UnknownCA", "client_certificate_refused"],
    ["received fatal alert: BadCertificate", "client_certificate_refused"],
    ["received fatal alert: InternalError", undefined],
    ["unexpected end of file", undefined],
    ["connect ECONNREFUSED 127.0.0.1:9092", undefined],
  ];
  for (const [text, kind] of cases) assert.equal(tlsRefusal(text, true)?.kind, kind, text);
  const alerts = ["CertificateRequired", "BadCertificate"];
  for (const alert of alerts) {
    const refusal = tlsRefusal(`received fatal alert: ${alert}`, false);
    assert.equal(refusal?.kind, "client_certificate_missing");
  }
});

Deno.test("refusalBehind() finds the refusal among the causes, and nothing where there is none", () => {
  const at = { server: "a:9092", security: SSL };
  const own = refusalError("the token was refused");
  assert.equal(refusalBehind(new Error("gave up", { cause: own }), at), own);
  const alert = new Error("Connection error: received fatal alert: UnknownCA");
  assert.match(
    refusalBehind(new Error("gave up", { cause: alert }), at)?.message ?? "",
    /^a:9092 asks for a client certificate/,
  );
  const login = Object.assign(new Error("no"), { name: "KafkaJSSASLAuthenticationError" });
  assert.match(refusalBehind(login, at)?.message ?? "", /^a:9092 refused the login \(no\)/);
  assert.equal(refusalBehind(new Error("Connection timeout"), at), null);
  assert.equal(refusalBehind("text", at), null);
});
