import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf, usageError } from "./core/errors.ts";
import type {
  KafkaSecurity,
  PasswordSettings,
  TlsSettings,
  TokenSettings,
} from "./kafka/security.ts";
import type { StoreAccess } from "./checkpoint/commit_store.ts";
import type { S3Credentials } from "./lake/s3_client.ts";
import type { HttpConfig } from "./options/http_options.ts";
import { type S3Config, s3PlaceOf } from "./options/s3_options.ts";
import { refuseUrl, type StoreConfig } from "./options/store_options.ts";
import { type SecurityConfig, usesSasl, usesTls } from "./options/security_options.ts";

/**
 * Reads the files that hold certificates, keys and secrets. It is done before the sandbox starts: the worker
 * gets what is in them, and no permission to read them.
 *
 * @throws OrillaError with exit code 2 where one cannot be read, or does not hold what it should
 */
export async function readSecurity(config: SecurityConfig): Promise<KafkaSecurity> {
  return {
    tls: usesTls(config) ? await readTls(config) : null,
    sasl: usesSasl(config) ? await readSasl(config) : null,
  };
}

/** RFC 6750's form of a bearer token; a shorter one could be guessed. */
const BEARER_TOKEN = /^[\w~+/.-]{16,1000}=*$/;

/**
 * Reads the token that requests over HTTP must bring, before the sandbox starts.
 *
 * @returns null where no file is given
 * @throws OrillaError with exit code 2 where it cannot be read, or holds no token
 */
export async function readHttpToken({ httpTokenFile }: HttpConfig): Promise<string | null> {
  if (httpTokenFile === null) return null;
  const token = await readSecret("--http-token-file", httpTokenFile);
  if (BEARER_TOKEN.test(token)) return token;
  throw usageError(
    `Cannot use --http-token-file ${httpTokenFile}: expected 16 to 1000 letters, digits or any of -._~+/, as ` +
      `openssl rand -hex 32 makes them`,
  );
}

/**
 * Reads where a lake's commits are kept, before the sandbox starts.
 *
 * @throws OrillaError with exit code 2 where a file cannot be read, or does not hold what it should
 */
export async function readStore(config: StoreConfig): Promise<StoreAccess> {
  const { checkpointUrlFile, checkpointCaFile } = config;
  const url = checkpointUrlFile === null
    ? config.checkpointUrl
    : await readStoreUrl("--checkpoint-url-file", checkpointUrlFile);
  const caCertificates = checkpointCaFile === null
    ? null
    : await readCertificates("--checkpoint-ca-file", checkpointCaFile);
  return { url, caCertificates };
}

async function readStoreUrl(flag: string, path: string): Promise<string> {
  const url = await readSecret(flag, path);
  try {
    refuseUrl(url);
    return url;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`Cannot use ${flag} ${path}: ${error.message}`, error);
  }
}

/**
 * Reads who orilla is to the object store: from the file, or else from the environment.
 *
 * @returns null where the lake lies in a folder
 * @throws OrillaError with exit code 2 where the file cannot be read, or a key is missing
 */
export async function readS3Credentials(config: S3Config): Promise<S3Credentials | null> {
  const place = s3PlaceOf(config);
  if (place === null) return null;
  const { s3CredentialsFile: path } = config;
  if (path !== null) return credentialsIn(await readSmall("--s3-credentials-file", path), path);
  const { s3AccessKeyId, s3SecretAccessKey, s3SessionToken } = config;
  if (s3AccessKeyId !== null && s3SecretAccessKey !== null) {
    return {
      accessKeyId: s3AccessKeyId,
      secretAccessKey: s3SecretAccessKey,
      sessionToken: s3SessionToken,
    };
  }
  throw usageError(
    `Cannot use --out-dir ${config.outDir} without credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ` +
      `--s3-credentials-file`,
  );
}

/** The section `[default]` of a file of Amazon's form, or one without sections. */
function credentialsIn(text: string, path: string): S3Credentials {
  const settings = new Map<string, string>();
  let section = "default";
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1] ?? section;
    const [, name, value] = /^\s*(aws_\w+)\s*=\s*(\S+)\s*$/i.exec(line) ?? [];
    if (name === undefined || value === undefined || section !== "default") continue;
    settings.set(name.toLowerCase(), value);
  }
  const accessKeyId = settings.get("aws_access_key_id");
  const secretAccessKey = settings.get("aws_secret_access_key");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw usageError(
      `Cannot use --s3-credentials-file ${path}: expected lines aws_access_key_id = … and aws_secret_access_key = …, ` +
        `below [default] or without a section`,
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken: settings.get("aws_session_token") ?? null };
}

async function readTls(
  { sslCaFile, sslCertificateFile, sslKeyFile, sslServerName }: SecurityConfig,
): Promise<TlsSettings> {
  const ca = sslCaFile === null ? null : await readCertificates("--ssl-ca-file", sslCaFile);
  if (sslCertificateFile === null || sslKeyFile === null) {
    return { ca, client: null, serverName: sslServerName };
  }
  const certificate = await readCertificates("--ssl-certificate-file", sslCertificateFile);
  const key = await readSmall("--ssl-key-file", sslKeyFile);
  const ofKey = parse("--ssl-key-file", {
    path: sslKeyFile,
    expected: "a private key in PEM, not encrypted",
    read: () => spki(createPublicKey(createPrivateKey(key))),
  });
  if (ofKey !== spki(new X509Certificate(certificate).publicKey)) {
    throw usageError(
      `Cannot use --ssl-key-file ${sslKeyFile}: it is not the key of the (first) certificate in ` +
        `--ssl-certificate-file ${sslCertificateFile}`,
    );
  }
  return { ca, client: { certificate, key }, serverName: sslServerName };
}

async function readSasl(config: SecurityConfig): Promise<PasswordSettings | TokenSettings> {
  const { saslMechanism: mechanism, saslUsername, oauthTokenUrl, oauthClientId } = config;
  if (mechanism === "OAUTHBEARER") {
    const { oauthClientSecret, oauthClientSecretFile, oauthScope } = config;
    return {
      mechanism,
      tokenUrl: given("--oauth-token-url", oauthTokenUrl),
      clientId: given("--oauth-client-id", oauthClientId),
      clientSecret: oauthClientSecret ??
        await readSecret("--oauth-client-secret-file", oauthClientSecretFile),
      scope: oauthScope,
    };
  }
  if (mechanism === "none") throw usageError("Cannot use SASL without --sasl-mechanism");
  return {
    mechanism,
    username: given("--sasl-username", saslUsername),
    password: config.saslPassword ??
      await readSecret("--sasl-password-file", config.saslPasswordFile),
  };
}

/** Contradictions are refused before, so null is a text that is not set. */
function given(flag: string, text: string | null): string {
  if (text === null) throw usageError(`Cannot use SASL without ${flag}`);
  return text;
}

/** A secret is the whole file, but for the end of its one line. */
async function readSecret(flag: string, path: string | null): Promise<string> {
  const text = (await readSmall(flag, given(flag, path))).replace(/\r?\n$/, "");
  if (text !== "" && !/\p{Cc}/u.test(text)) return text;
  throw usageError(`Cannot use ${flag} ${path}: expected one line with the secret`);
}

async function readCertificates(flag: string, path: string): Promise<string> {
  const text = await readSmall(flag, path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  parse(flag, {
    path,
    expected: "certificates in PEM",
    read: () => {
      if (blocks.length === 0) throw new Error("there is none");
      return blocks.map((block) => new X509Certificate(block));
    },
  });
  return `${blocks.join("\n")}\n`;
}

function spki(key: KeyObject): string {
  return key.export({ type: "spki", format: "der" }).toString("hex");
}

/** Reads what the library may refuse; its reasons could repeat parts of the file, and are left out. */
function parse<T>(flag: string, { path, expected, read }: {
  readonly path: string;
  readonly expected: string;
  readonly read: () => T;
}): T {
  try {
    return read();
  } catch (error) {
    throw usageError(`Cannot use ${flag} ${path}: expected ${expected}`, error);
  }
}

async function readSmall(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw usageError(`Cannot use ${flag} ${path}: ${messageOf(error)}`, error);
  }
}
