import assert from "node:assert/strict";
import { readLake } from "../lake_reader.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { startIssuer } from "../transit/token_endpoint.ts";
import { type Broker, startBroker, uniqueName } from "./broker.ts";
import { selfSignedCertificate, signCertificate } from "./certificates.ts";
import { kafkaTest } from "./kafka_case.ts";
import { temporaryFolder } from "./numbered_events.ts";

const PASSWORD = "alice-secret", WRONG_PASSWORD = "not-her-secret";
const CLIENT_SECRET = "s&cret/of:orilla";
const SECRETS = [PASSWORD, WRONG_PASSWORD, CLIENT_SECRET, encodeURIComponent(CLIENT_SECRET)];
/** kafkajs alone would try for the retry budget of five minutes. */
const LIMIT_MS = 60_000;

const OAUTH_LOGIN =
  "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required " +
  'unsecuredLoginStringClaim_sub="broker" unsecuredValidatorRequiredScope="kafka";';
/** Kafka's own unsecured tokens, for tests, on the listener without TLS; the one with TLS knows no tokens. */
const OAUTH = [
  "listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
  `listener.name.sasl.oauthbearer.sasl.jaas.config=${OAUTH_LOGIN}`,
  "connections.max.reauth.ms=3600000",
];

interface Run {
  readonly server: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs orilla with the log at its most talkative, and expects that no secret is in what it writes. */
async function run(mode: readonly string[], { server, args = [], env = {} }: Run) {
  const words = [...mode, "--bootstrap-servers", server, ...args, "--log-level", "debug"];
  const result = await runOrilla(words, { env, limitMs: LIMIT_MS });
  for (const secret of SECRETS) {
    assert.ok(!`${result.stdout}${result.stderr}`.includes(secret), "no secret is written");
  }
  return result;
}

/** Produces 20 events and consumes them, both with the same settings. */
async function expectRoundTrip(of: Run): Promise<void> {
  await using folder = await temporaryFolder();
  const topic = ["--topic", uniqueName("transit")];
  const produced = await run(["producer", "--count", "20", ...topic], of);
  assert.equal(produced.code, 0, produced.stderr);
  const outDir = ["--until-end", "--out-dir", folder.path, "--group-id", uniqueName("group")];
  const consumed = await run(["consumer", ...topic, ...outDir], of);
  assert.equal(consumed.code, 0, consumed.stderr);
  assert.equal((await readLake(folder.path)).length, 20);
}

/** Expects both modes to end with exit code 1, and the same message. */
async function expectRefused(of: Run, message: RegExp): Promise<void> {
  await using folder = await temporaryFolder();
  for (const mode of [["producer"], ["consumer", "--out-dir", folder.path]]) {
    const { code, stderr } = await run(mode, of);
    assert.equal(code, 1, `${mode[0]}: ${stderr}`);
    assert.match(stderr.split("\n").find((line) => line.startsWith("orilla: ")) ?? "", message);
  }
}

function tls({ dataDir }: Broker, ca = "ca.pem"): string[] {
  return ["--security-protocol", "SSL", "--ssl-ca-file", `${dataDir}/tls/${ca}`];
}

function sasl(protocol: string, mechanism: string): string[] {
  return ["--security-protocol", protocol, "--sasl-mechanism", mechanism];
}

function alice(broker: Broker, mechanism: string, password = PASSWORD): Run {
  const ca = ["--ssl-ca-file", `${broker.dataDir}/tls/ca.pem`];
  const args = [...sasl("SASL_SSL", mechanism), ...ca, "--sasl-username", "alice"];
  return { server: broker.saslBootstrap, args, env: { KAFKA_SASL_PASSWORD: password } };
}

/** The SASL listener without TLS, where --sasl --tls puts it. */
function saslPlaintext({ bootstrap }: Broker): string {
  return `127.0.0.1:${Number(bootstrap.split(":")[1]) + 2}`;
}

kafkaTest("encryption and login: what is right works, and what is wrong is named", async (test) => {
  await using broker = await startBroker({
    tls: true,
    sasl: true,
    autoCreate: true,
    conf: OAUTH,
  });
  const { bootstrap, tlsBootstrap, saslBootstrap } = broker;

  await test.step("SSL", () => expectRoundTrip({ server: tlsBootstrap, args: tls(broker) }));
  for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]) {
    await test.step(`SASL_SSL with ${mechanism}: right and wrong password`, async () => {
      await expectRoundTrip(alice(broker, mechanism));
      const wrong = alice(broker, mechanism, WRONG_PASSWORD);
      await expectRefused(
        wrong,
        /refused the login \(.*\): check --sasl-username and its password/,
      );
    });
  }
  await test.step("SASL_PLAINTEXT with a password from a file", async () => {
    const path = `${broker.dataDir}/password`;
    await Deno.writeTextFile(path, `${PASSWORD}\n`);
    const user = ["--sasl-username", "alice", "--sasl-password-file", path];
    const args = [...sasl("SASL_PLAINTEXT", "SCRAM-SHA-256"), ...user];
    await expectRoundTrip({ server: saslPlaintext(broker), args });
  });
  await test.step("a broker with a certificate of an unknown authority", async () => {
    const message = /signed by an authority that is not trusted: .* --ssl-ca-file$/;
    await expectRefused({ server: tlsBootstrap, args: tls(broker, "other-ca.pem") }, message);
  });
  await test.step("TLS to a port without TLS", async () => {
    const message = /does not use TLS, but --security-protocol is SSL/;
    await expectRefused({ server: bootstrap, args: tls(broker) }, message);
  });
  await test.step("no TLS to a port with TLS", async () => {
    await expectRefused({ server: tlsBootstrap }, /uses TLS, but .* PLAINTEXT: use SSL/);
  });
  await test.step("no login where one is needed", async () => {
    const message = /asks who connects \(SASL\), but .* SSL: use SASL_SSL .* PLAIN, SCRAM-SHA-256/;
    await expectRefused({ server: saslBootstrap, args: tls(broker) }, message);
  });
  await test.step("a login where there is none", async () => {
    const message = /does not use SASL, but .* SASL_SSL: .* or SSL$/;
    await expectRefused({ ...alice(broker, "PLAIN"), server: tlsBootstrap }, message);
  });
  await test.step("a broker that its cluster names, and that is not among --allowed-hosts", async () => {
    const server = tlsBootstrap.replace("127.0.0.1", "localhost");
    const args = [...tls(broker), "--allowed-hosts", "localhost"];
    await expectRefused(
      { server, args },
      /The broker 127\.0\.0\.1:\d+ is not among --allowed-hosts/,
    );
    const allowed = `localhost,${tlsBootstrap}`;
    await expectRoundTrip({ server, args: [...tls(broker), "--allowed-hosts", allowed] });
  });
  await test.step("OAUTHBEARER", () => expectTokens(broker));
  await test.step("certificates for another host, or expired", () =>
    expectOtherCertificates(broker));
}, { needsOwnBroker: true });

async function expectTokens(broker: Broker): Promise<void> {
  const client = { clientId: "orilla", clientSecret: CLIENT_SECRET };
  await using issuer = startIssuer({ ...client, lifetimeSeconds: 300 });
  const of = (scope: string, secret = CLIENT_SECRET): Run => {
    const url = ["--oauth-token-url", issuer.url, "--oauth-client-id", "orilla"];
    const args = [...sasl("SASL_PLAINTEXT", "OAUTHBEARER"), ...url, "--oauth-scope", scope];
    return { server: saslPlaintext(broker), args, env: { KAFKA_OAUTH_CLIENT_SECRET: secret } };
  };
  await expectRoundTrip(of("kafka"));
  assert.equal(issuer.requests.length, 2, "one token a process");
  await expectRefused(of("other"), /The broker refused the token of .* \(insufficient_scope\)/);
  const message = /The token endpoint .* refused the client "orilla" \(HTTP 401: invalid_client\)/;
  await expectRefused(of("kafka", WRONG_PASSWORD), message);
  const narrow = {
    ...of("kafka"),
    args: [...of("kafka").args ?? [], "--allowed-hosts", "127.0.0.1:1"],
  };
  const { code, stderr } = await run(["producer"], narrow);
  assert.equal(code, 2);
  assert.match(stderr, /--bootstrap-servers 127\.0\.0\.1:\d+: it is not among --allowed-hosts/);
  const elsewhere = { ...alice(broker, "OAUTHBEARER"), env: of("").env ?? {} };
  const args = elsewhere.args?.slice(0, -2).concat(of("kafka").args?.slice(4) ?? []) ?? [];
  await expectRefused(
    { ...elsewhere, args },
    /does not know --sasl-mechanism OAUTHBEARER: it knows PLAIN/,
  );
  await expectRenewal(broker);
}

/** A token of 12 s is renewed while a consumer runs, and the group notices nothing. */
async function expectRenewal(broker: Broker): Promise<void> {
  await using folder = await temporaryFolder();
  const client = { clientId: "orilla", clientSecret: CLIENT_SECRET };
  await using issuer = startIssuer({ ...client, lifetimeSeconds: 12 });
  const topic = uniqueName("renewal");
  await broker.createTopic(topic, 1);
  const url = ["--oauth-token-url", issuer.url, "--oauth-client-id", "orilla"];
  const login = [...sasl("SASL_PLAINTEXT", "OAUTHBEARER"), ...url, "--oauth-scope", "kafka"];
  const kafka = ["--bootstrap-servers", saslPlaintext(broker), "--topic", topic];
  const env = { KAFKA_OAUTH_CLIENT_SECRET: CLIENT_SECRET };
  const args = ["consumer", ...kafka, ...login, "--out-dir", folder.path, "--max-events", "10"];
  await using consumer = spawnOrilla(args, { env });
  await consumer.untilStderr(/"assigned"/);
  const before = issuer.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  assert.ok(issuer.requests.length > before, "tokens were fetched after the first one's end");
  const plain = ["--bootstrap-servers", broker.bootstrap, "--topic", topic];
  assert.equal((await runOrilla(["producer", "--count", "10", ...plain])).code, 0);
  const { code, stderr } = await consumer.result;
  assert.equal(code, 0, stderr);
  assert.equal(stderr.match(/"assigned"/g)?.length, 1, "there was no rebalance");
}

async function expectOtherCertificates(broker: Broker): Promise<void> {
  const folder = `${broker.dataDir}/tls`;
  const install = async (names: string, [notBefore, notAfter]: readonly [string, string]) => {
    const signed = await signCertificate({ folder, names, notBefore, notAfter });
    const ca = await Deno.readTextFile(`${folder}/ca.pem`);
    const store = signed.key + signed.certificate + ca;
    await Deno.writeTextFile(`${folder}/broker-keystore.pem`, store);
    await broker.restart();
  };
  const of = { server: broker.tlsBootstrap, args: tls(broker) };

  await install("DNS:broker.example", ["20200101000000Z", "20990101000000Z"]);
  await expectRefused(of, /is for another host \(.*broker\.example.*\): .* --ssl-server-name$/);
  const named = [...tls(broker), "--ssl-server-name", "broker.example"];
  await expectRoundTrip({ server: broker.tlsBootstrap, args: named });

  await using lake = await temporaryFolder();
  const topic = uniqueName("expiry");
  await broker.createTopic(topic, 1);
  const kafka = ["--bootstrap-servers", broker.tlsBootstrap, "--topic", topic];
  await using consumer = spawnOrilla(["consumer", ...kafka, ...named, "--out-dir", lake.path]);
  await consumer.untilStderr(/"assigned"/);
  await install("DNS:localhost,IP:127.0.0.1", ["20200101000000Z", "20210101000000Z"]);
  const expired = /The certificate of 127\.0\.0\.1:\d+ has expired or is not valid yet/;
  await expectRefused(of, expired);
  const { code, stderr } = await consumer.result;
  assert.equal(code, 1, "a consumer that was running ends too, long before its retry budget");
  assert.match(stderr, expired);
}

kafkaTest("client certificates: right, missing, and of an unknown authority", async () => {
  await using broker = await startBroker({ tlsClientAuth: true, autoCreate: true });
  await using folder = await temporaryFolder();
  const of = (certificate: string, key: string): Run => {
    const files = ["--ssl-certificate-file", certificate, "--ssl-key-file", key];
    return { server: broker.tlsBootstrap, args: [...tls(broker), ...files] };
  };
  await expectRoundTrip(of(`${broker.dataDir}/tls/client.pem`, `${broker.dataDir}/tls/client.key`));
  const missing = /asks for a client certificate: set --ssl-certificate-file and --ssl-key-file/;
  await expectRefused({ server: broker.tlsBootstrap, args: tls(broker) }, missing);
  const { certificate, key } = await selfSignedCertificate();
  const paths = [`${folder.path}/own.pem`, `${folder.path}/own.key`] as const;
  await Deno.writeTextFile(paths[0], certificate);
  await Deno.writeTextFile(paths[1], key);
  await expectRefused(of(...paths), /refused the client certificate \(\w+\): check/);
}, { needsOwnBroker: true });
