import assert from "node:assert/strict";
import type { Config } from "../../src/config.ts";
import { configure } from "../../src/configure.ts";
import { givenSources } from "../given_sources.ts";
import { OrillaError } from "../../src/core/errors.ts";

/** The configuration of a consumer with that environment. */
function configured(environment: Readonly<Record<string, string>>): Config {
  return configure("consumer", givenSources({ environment })).config;
}

function refusal(environment: Readonly<Record<string, string>>): string {
  try {
    configured(environment);
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, 2);
    assert.ok(!error.message.includes("hunter2"), "the message repeats no secret");
    return error.message;
  }
  throw new Error(`It was not refused: ${JSON.stringify(environment)}`);
}

const PLAIN = {
  KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  KAFKA_SASL_MECHANISM: "PLAIN",
  KAFKA_SASL_USERNAME: "alice",
  KAFKA_SASL_PASSWORD: "hunter2",
};
const OAUTH = {
  KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  KAFKA_SASL_MECHANISM: "OAUTHBEARER",
  KAFKA_OAUTH_TOKEN_URL: "https://login.example/token",
  KAFKA_OAUTH_CLIENT_ID: "orilla",
  KAFKA_OAUTH_CLIENT_SECRET: "hunter2",
};

Deno.test("configure() takes each kind of login whole", () => {
  assert.equal(configured(PLAIN).saslPassword, "hunter2");
  assert.equal(configured(OAUTH).oauthClientSecret, "hunter2");
  const { KAFKA_SASL_PASSWORD: _, ...without } = PLAIN;
  const fromFile = { ...without, KAFKA_SASL_PASSWORD_FILE: "/run/secrets/kafka" };
  assert.equal(configured(fromFile).saslPasswordFile, "/run/secrets/kafka");
});

Deno.test("configure() refuses a login or certificates that the protocol would not use", () => {
  const cases: readonly [Readonly<Record<string, string>>, string][] = [
    [{ KAFKA_SASL_PASSWORD: "hunter2" }, "KAFKA_SASL_PASSWORD with --security-protocol PLAINTEXT"],
    [{ KAFKA_SASL_MECHANISM: "PLAIN" }, "--sasl-mechanism with --security-protocol PLAINTEXT"],
    [{ KAFKA_SASL_USERNAME: "a", KAFKA_SECURITY_PROTOCOL: "SSL" }, "--sasl-username with"],
    [{ KAFKA_OAUTH_SCOPE: "a" }, "--oauth-scope with"],
    [{ KAFKA_SSL_CA_FILE: "ca.pem" }, "--ssl-ca-file with --security-protocol PLAINTEXT"],
    [
      { ...PLAIN, KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT", KAFKA_SSL_SERVER_NAME: "a" },
      "--ssl-server-name",
    ],
    [{ ...PLAIN, KAFKA_OAUTH_CLIENT_ID: "a" }, "--oauth-client-id with --sasl-mechanism PLAIN"],
    [{ ...OAUTH, KAFKA_SASL_USERNAME: "a" }, "--sasl-username with --sasl-mechanism OAUTHBEARER"],
  ];
  for (const [environment, part] of cases) {
    const message = refusal(environment);
    assert.ok(message.includes(part), message);
  }
});

Deno.test("configure() refuses a login that lacks a part, or has two secrets", () => {
  for (const whole of [PLAIN, OAUTH]) {
    for (const name of Object.keys(whole).slice(1)) {
      const message = refusal({ ...whole, [name]: "" });
      const flag = `--${name.slice("KAFKA_".length).toLowerCase().replaceAll("_", "-")}`;
      const isMechanism = name === "KAFKA_SASL_MECHANISM";
      const names = isMechanism ? ["without a mechanism"] : [flag, name];
      // Without its mechanism an OAUTHBEARER login is none at all.
      assert.ok(names.some((text) => message.includes(text)), message);
    }
  }
  const two = refusal({ ...PLAIN, KAFKA_SASL_PASSWORD_FILE: "a" });
  assert.match(two, /KAFKA_SASL_PASSWORD with --sasl-password-file: set one of them/);
});

Deno.test("configure() refuses a certificate without its key, and the other way round", () => {
  const ssl = { KAFKA_SECURITY_PROTOCOL: "SSL" };
  assert.match(
    refusal({ ...ssl, KAFKA_SSL_KEY_FILE: "a" }),
    /--ssl-key-file alone: set --ssl-certificate-file/,
  );
  assert.match(
    refusal({ ...ssl, KAFKA_SSL_CERTIFICATE_FILE: "a" }),
    /--ssl-certificate-file alone/,
  );
});

Deno.test("configure() sends a client secret to https addresses alone, or to this machine", () => {
  for (
    const url of [
      "http://login.example/token",
      "https://a:b@login.example",
      "ftp://localhost",
      "login",
    ]
  ) {
    assert.match(
      refusal({ ...OAUTH, KAFKA_OAUTH_TOKEN_URL: url }),
      /KAFKA_OAUTH_TOKEN_URL: expected none, or an https/,
    );
  }
  for (const url of ["https://login.example/token", "http://localhost:8080/", "http://[::1]/"]) {
    assert.equal(configured({ ...OAUTH, KAFKA_OAUTH_TOKEN_URL: url }).oauthTokenUrl, url);
  }
});

Deno.test("configure() takes a host name as the server name, and no IP address", () => {
  const named = (name: string) => ({ KAFKA_SECURITY_PROTOCOL: "SSL", KAFKA_SSL_SERVER_NAME: name });
  assert.equal(configured(named("broker-1.example")).sslServerName, "broker-1.example");
  for (const name of ["127.0.0.1", "::1", "a b", "a:9092"]) {
    assert.match(
      refusal(named(name)),
      /KAFKA_SSL_SERVER_NAME: expected none, or a host name, no IP address/,
    );
  }
});

Deno.test("configure() repeats no secret that it cannot read", () => {
  assert.ok(!refusal({ ...PLAIN, KAFKA_SASL_PASSWORD: "hunter2\nhunter2" }).includes("hunter"));
});

Deno.test("configure() refuses brokers and a token endpoint that are not among the allowed hosts", () => {
  const servers = { KAFKA_BOOTSTRAP_SERVERS: "a.example:9092,b.example:9093" };
  assert.deepEqual(configured(servers).allowedHosts, []);
  const fits = ["a.example,B.example", "a.example:9092,b.example:9093, c.example"];
  for (const hosts of fits) configured({ ...servers, KAFKA_ALLOWED_HOSTS: hosts });
  for (const hosts of ["a.example", "a.example,b.example:9092", "b.example:9093"]) {
    const message = refusal({ ...servers, KAFKA_ALLOWED_HOSTS: hosts });
    const missing = hosts.startsWith("b") ? "a.example:9092" : "b.example:9093";
    assert.ok(message.includes(`--bootstrap-servers ${missing}: it is not among`), message);
  }
  const oauth = { ...OAUTH, KAFKA_BOOTSTRAP_SERVERS: "a.example:9092" };
  assert.match(
    refusal({ ...oauth, KAFKA_ALLOWED_HOSTS: "a.example" }),
    /--oauth-token-url login\.example:/,
  );
  configured({ ...oauth, KAFKA_ALLOWED_HOSTS: "a.example,login.example:443" });
});

Deno.test("configure() refuses allowed hosts that are none", () => {
  for (const hosts of ["a b", "http://a", "a:0", "a:65536", "a,,b", "*", "a/b"]) {
    assert.match(
      refusal({ KAFKA_ALLOWED_HOSTS: hosts }),
      /KAFKA_ALLOWED_HOSTS: expected host or host:port/,
    );
  }
});
