import { usageError } from "../core/errors.ts";
import { KAFKA, option, type ValuesOf } from "./option.ts";
import {
  hostList,
  hostName,
  line,
  oneOf,
  optional,
  path,
  secret,
  secureUrl,
} from "./option_parsers.ts";

export const SECURITY_PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;
export const SASL_MECHANISMS = [
  "none",
  "PLAIN",
  "SCRAM-SHA-256",
  "SCRAM-SHA-512",
  "OAUTHBEARER",
] as const;

const row = { default: "none", modes: KAFKA } as const;

/** How the way to Kafka is encrypted, and who orilla is to it. */
export const securityOptions = {
  securityProtocol: option(oneOf(SECURITY_PROTOCOLS), {
    ...row,
    default: "PLAINTEXT",
    environment: "KAFKA_SECURITY_PROTOCOL",
    meaning: "SSL encrypts the connection, SASL says who connects",
  }),
  sslCaFile: option(optional(path()), {
    ...row,
    environment: "KAFKA_SSL_CA_FILE",
    meaning:
      "Certificates (PEM) of the authorities that sign the brokers'; none is the public ones",
  }),
  sslCertificateFile: option(optional(path()), {
    ...row,
    environment: "KAFKA_SSL_CERTIFICATE_FILE",
    meaning: "Client certificate (PEM) for brokers that ask for one",
  }),
  sslKeyFile: option(optional(path()), {
    ...row,
    environment: "KAFKA_SSL_KEY_FILE",
    meaning: "Private key (PEM, not encrypted) of the client certificate",
  }),
  sslServerName: option(optional(hostName()), {
    ...row,
    environment: "KAFKA_SSL_SERVER_NAME",
    meaning: "Name that the brokers' certificates must have; none is the host that is connected to",
  }),
  saslMechanism: option(oneOf(SASL_MECHANISMS), {
    ...row,
    environment: "KAFKA_SASL_MECHANISM",
    meaning: "How orilla proves who it is",
  }),
  saslUsername: option(optional(line()), {
    ...row,
    environment: "KAFKA_SASL_USERNAME",
    meaning: "User for PLAIN and SCRAM",
  }),
  saslPassword: option(secret(), {
    ...row,
    default: "",
    isSecret: true,
    environment: "KAFKA_SASL_PASSWORD",
    meaning: "Password for PLAIN and SCRAM",
  }),
  saslPasswordFile: option(optional(path()), {
    ...row,
    environment: "KAFKA_SASL_PASSWORD_FILE",
    meaning: "File that holds the password instead",
  }),
  oauthTokenUrl: option(optional(secureUrl()), {
    ...row,
    environment: "KAFKA_OAUTH_TOKEN_URL",
    meaning: "Token endpoint for OAUTHBEARER (client credentials)",
  }),
  oauthClientId: option(optional(line()), {
    ...row,
    environment: "KAFKA_OAUTH_CLIENT_ID",
    meaning: "Client id at the token endpoint",
  }),
  oauthClientSecret: option(secret(), {
    ...row,
    default: "",
    isSecret: true,
    environment: "KAFKA_OAUTH_CLIENT_SECRET",
    meaning: "Client secret at the token endpoint",
  }),
  oauthClientSecretFile: option(optional(path()), {
    ...row,
    environment: "KAFKA_OAUTH_CLIENT_SECRET_FILE",
    meaning: "File that holds the client secret instead",
  }),
  oauthScope: option(optional(line()), {
    ...row,
    environment: "KAFKA_OAUTH_SCOPE",
    meaning: "Scopes to ask for, separated by spaces",
  }),
  allowedHosts: option(hostList(), {
    ...row,
    environment: "KAFKA_ALLOWED_HOSTS",
    meaning:
      "The only hosts that the process can reach: all brokers, and the token endpoint; none is any host",
  }),
} as const;

/** What the options above, and the brokers, are set to. */
export type SecurityConfig = ValuesOf<typeof securityOptions> & {
  readonly bootstrapServers: readonly string[];
};

/** An option as messages name it, and whether it is set. */
type Setting = readonly [name: string, isSet: boolean];

/**
 * Refuses settings that contradict each other, or that would be without effect.
 *
 * @throws OrillaError with exit code 2
 */
export function refuseInsecure(config: SecurityConfig): void {
  const { securityProtocol: protocol, saslMechanism: mechanism } = config;
  const password = passwordSettings(config), token = tokenSettings(config);
  const tls = tlsSettings(config);
  refuseUnlisted(config);
  if (!usesTls(config)) refuse(tls, `--security-protocol ${protocol}`, "SSL or SASL_SSL");
  expectPair(tls, "--ssl-certificate-file", "--ssl-key-file");
  if (!usesSasl(config)) {
    const all: Setting[] = [["--sasl-mechanism", mechanism !== "none"], ...password, ...token];
    return refuse(all, `--security-protocol ${protocol}`, "SASL_SSL or SASL_PLAINTEXT");
  }
  switch (mechanism) {
    case "none":
      throw usageError(
        `Cannot use --security-protocol ${protocol} without a mechanism: set --sasl-mechanism to ` +
          `one of ${SASL_MECHANISMS.slice(1).join(", ")}`,
      );
    case "OAUTHBEARER":
      refuse(password, `--sasl-mechanism ${mechanism}`, "PLAIN or SCRAM");
      expectAll(mechanism, token.slice(0, 2));
      return expectOne(mechanism, token.slice(2, 4));
    case "PLAIN":
    case "SCRAM-SHA-256":
    case "SCRAM-SHA-512":
      refuse(token, `--sasl-mechanism ${mechanism}`, "OAUTHBEARER");
      expectAll(mechanism, password.slice(0, 1));
      return expectOne(mechanism, password.slice(1));
    default:
      mechanism satisfies never;
  }
}

/** Refuses hosts that the configuration itself needs, and that the sandbox would not let through. */
function refuseUnlisted({ allowedHosts, bootstrapServers, oauthTokenUrl }: SecurityConfig): void {
  if (allowedHosts.length === 0) return;
  const isListed = (host: string, port: string) =>
    allowedHosts.includes(host.toLowerCase()) ||
    allowedHosts.includes(`${host.toLowerCase()}:${port}`);
  for (const server of bootstrapServers) {
    const at = server.lastIndexOf(":");
    if (!isListed(server.slice(0, at), server.slice(at + 1))) {
      throw unlistedError("--bootstrap-servers", server);
    }
  }
  const url = oauthTokenUrl === null ? null : new URL(oauthTokenUrl);
  if (url !== null && !isListed(url.hostname, url.port || DEFAULT_PORTS[url.protocol] || "")) {
    throw unlistedError("--oauth-token-url", url.host);
  }
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

function unlistedError(flag: string, server: string): Error {
  return usageError(`Cannot use ${flag} ${server}: it is not among --allowed-hosts`);
}

/** Whether the way to the brokers is encrypted. */
export function usesTls({ securityProtocol }: SecurityConfig): boolean {
  return securityProtocol === "SSL" || securityProtocol === "SASL_SSL";
}

/** Whether the brokers are told who connects. */
export function usesSasl({ securityProtocol }: SecurityConfig): boolean {
  return securityProtocol === "SASL_PLAINTEXT" || securityProtocol === "SASL_SSL";
}

function tlsSettings(config: SecurityConfig): readonly Setting[] {
  return [
    ["--ssl-ca-file", config.sslCaFile !== null],
    ["--ssl-certificate-file", config.sslCertificateFile !== null],
    ["--ssl-key-file", config.sslKeyFile !== null],
    ["--ssl-server-name", config.sslServerName !== null],
  ];
}

function passwordSettings(config: SecurityConfig): readonly Setting[] {
  return [
    ["--sasl-username", config.saslUsername !== null],
    ["KAFKA_SASL_PASSWORD", config.saslPassword !== null],
    ["--sasl-password-file", config.saslPasswordFile !== null],
  ];
}

function tokenSettings(config: SecurityConfig): readonly Setting[] {
  return [
    ["--oauth-token-url", config.oauthTokenUrl !== null],
    ["--oauth-client-id", config.oauthClientId !== null],
    ["KAFKA_OAUTH_CLIENT_SECRET", config.oauthClientSecret !== null],
    ["--oauth-client-secret-file", config.oauthClientSecretFile !== null],
    ["--oauth-scope", config.oauthScope !== null],
  ];
}

function refuse(settings: readonly Setting[], given: string, expected: string): void {
  const [set] = settings.filter(([, isSet]) => isSet);
  if (set !== undefined) {
    throw usageError(`Cannot use ${set[0]} with ${given}: it is for ${expected}`);
  }
}

function expectPair(settings: readonly Setting[], ...pair: readonly string[]): void {
  const [set, other] = settings.filter(([name]) => pair.includes(name))
    .toSorted(([, one], [, two]) => Number(two) - Number(one));
  if (set?.[1] && other?.[1] === false) {
    throw usageError(`Cannot use ${set[0]} alone: set ${other[0]} too`);
  }
}

function expectAll(mechanism: string, settings: readonly Setting[]): void {
  const [missing] = settings.filter(([, isSet]) => !isSet);
  if (missing === undefined) return;
  throw usageError(`Cannot use --sasl-mechanism ${mechanism} without ${missing[0]}`);
}

function expectOne(mechanism: string, settings: readonly Setting[]): void {
  const names = settings.map(([name]) => name);
  const count = settings.filter(([, isSet]) => isSet).length;
  if (count > 1) throw usageError(`Cannot use ${names.join(" with ")}: set one of them`);
  if (count === 0) {
    throw usageError(
      `Cannot use --sasl-mechanism ${mechanism} without a secret: set ${names.join(" or ")}`,
    );
  }
}
