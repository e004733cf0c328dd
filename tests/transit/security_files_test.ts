import assert from "node:assert/strict";
import type { Config } from "../../src/config.ts";
import { configure } from "../../src/configure.ts";
import { givenSources } from "../given_sources.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { readSecurity } from "../../src/security_files.ts";
import { hasOpenssl, selfSignedCertificate } from "../kafka/certificates.ts";

const ignore = !hasOpenssl();

/** A folder with a certificate and its key, another key, and files that hold neither. */
async function withFiles(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_security_" });
  try {
    const own = await selfSignedCertificate(), other = await selfSignedCertificate();
    const files = {
      "own.pem": own.certificate,
      "own.key": own.key,
      "bundle.pem": `# a comment\n${own.certificate}\n${other.certificate}`,
      "other.key": other.key,
      "broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "text": "hunter2",
      "line": "hunter2\r\n",
      "lines": "hunter2\nhunter2\n",
      "empty": "\n",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function configured(environment: Readonly<Record<string, string>>): Config {
  return configure("consumer", givenSources({ environment })).config;
}

function ssl(folder: string, files: Readonly<Record<string, string>>): Config {
  const paths = Object.entries(files).map(([name, file]) => [name, `${folder}/${file}`]);
  return configured({ KAFKA_SECURITY_PROTOCOL: "SSL", ...Object.fromEntries(paths) });
}

function login(passwordFile: string): Config {
  return configured({
    KAFKA_SECURITY_PROTOCOL: "SASL_PLAINTEXT",
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_SASL_USERNAME: "alice",
    KAFKA_SASL_PASSWORD_FILE: passwordFile,
  });
}

async function refusal(config: Config): Promise<string> {
  const error = await readSecurity(config).then(() => null, (cause: unknown) => cause);
  assert.ok(error instanceof OrillaError, String(error));
  assert.equal(error.exitCode, 2);
  assert.ok(!error.message.includes("hunter2"), error.message);
  return error.message;
}

Deno.test("readSecurity() reads nothing where nothing is asked for", async () => {
  assert.deepEqual(await readSecurity(configured({})), { tls: null, sasl: null });
});

Deno.test(
  "readSecurity() reads certificates, all those of a bundle, and the key",
  { ignore },
  async () => {
    await withFiles(async (folder) => {
      const { tls } = await readSecurity(ssl(folder, {
        KAFKA_SSL_CA_FILE: "bundle.pem",
        KAFKA_SSL_CERTIFICATE_FILE: "own.pem",
        KAFKA_SSL_KEY_FILE: "own.key",
      }));
      assert.equal(tls?.ca?.match(/BEGIN CERTIFICATE/g)?.length, 2);
      assert.equal(tls?.client?.key, await Deno.readTextFile(`${folder}/own.key`));
    });
  },
);

Deno.test(
  "readSecurity() refuses files that are not there, or hold something else, naming the option",
  { ignore },
  async () => {
    await withFiles(async (folder) => {
      for (const file of ["nowhere.pem", "text", "broken.pem", "own.key"]) {
        const message = await refusal(ssl(folder, { KAFKA_SSL_CA_FILE: file }));
        assert.ok(message.includes(`Cannot use --ssl-ca-file ${folder}/${file}: `), message);
      }
      const pair = (certificate: string, key: string) =>
        refusal(ssl(folder, { KAFKA_SSL_CERTIFICATE_FILE: certificate, KAFKA_SSL_KEY_FILE: key }));
      assert.match(await pair("own.pem", "other.key"), /--ssl-key-file .* is not the key of/);
      assert.match(
        await pair("own.pem", "text"),
        /--ssl-key-file .* expected a private key in PEM/,
      );
      assert.match(
        await pair("text", "own.key"),
        /--ssl-certificate-file .* expected certificates/,
      );
    });
  },
);

Deno.test("readSecurity() takes a secret from the one line of its file", { ignore }, async () => {
  await withFiles(async (folder) => {
    for (const file of ["text", "line"]) {
      const { sasl } = await readSecurity(login(`${folder}/${file}`));
      assert.ok(sasl !== null && "password" in sasl);
      assert.equal(sasl.password, "hunter2");
    }
    for (const file of ["lines", "empty"]) {
      assert.match(await refusal(login(`${folder}/${file}`)), /expected one line with the secret/);
    }
    assert.match(await refusal(login(folder)), /Cannot use --sasl-password-file .*: /);
  });
});
