import type { KafkaConfig } from "kafkajs";
import type { ConnectionOptions } from "node:tls";
import { bearerAuthentication } from "./oauth_token.ts";

/** How to encrypt the way to the brokers. */
export interface TlsSettings {
  /** Certificates of the authorities that are trusted (PEM); null is the public ones. */
  readonly ca: string | null;
  /** What the client shows of itself (PEM); null is nothing. */
  readonly client: { readonly certificate: string; readonly key: string } | null;
  /** The name that a broker's certificate must have; null is the host that is connected to. */
  readonly serverName: string | null;
}

/** Who orilla is, by a name and a password. */
export interface PasswordSettings {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string;
  readonly password: string;
}

/** Who orilla is, by a token of the OAuth 2.0 client credentials flow. */
export interface TokenSettings {
  readonly mechanism: "OAUTHBEARER";
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
}

/** How to talk to the brokers; the secrets are inside, so it is never printed. */
export interface KafkaSecurity {
  /** Null where the connection is not encrypted. */
  readonly tls: TlsSettings | null;
  /** Null where nobody asks who connects. */
  readonly sasl: PasswordSettings | TokenSettings | null;
}

/** The value of KAFKA_SECURITY_PROTOCOL that stands for it. */
export function protocolOf(
  { tls, sasl }: { readonly tls: unknown; readonly sasl: unknown },
): string {
  if (sasl === null) return tls === null ? "PLAINTEXT" : "SSL";
  return tls === null ? "SASL_PLAINTEXT" : "SASL_SSL";
}

/** Whether the login hands its secret to whoever can read the connection; SCRAM does not. */
export function showsSecret({ sasl }: KafkaSecurity): boolean {
  return sasl?.mechanism === "PLAIN" || sasl?.mechanism === "OAUTHBEARER";
}

/** The part of kafkajs's configuration that says how to encrypt, and who connects. */
export type KafkajsSecurity = Pick<KafkaConfig, "ssl" | "sasl">;

/** What kafkajs is told. */
export function kafkajsSecurity({ tls, sasl }: KafkaSecurity): KafkajsSecurity {
  return {
    ...(tls === null ? {} : { ssl: tlsOptions(tls) }),
    ...(sasl === null ? {} : { sasl: saslOptions(sasl) }),
  };
}

function tlsOptions({ ca, client, serverName }: TlsSettings): ConnectionOptions {
  return {
    // Said here, so that no environment variable turns it off.
    rejectUnauthorized: true,
    ...(ca === null ? {} : { ca: [ca] }),
    ...(client === null ? {} : { cert: client.certificate, key: client.key }),
    ...(serverName === null ? {} : { servername: serverName }),
  };
}

function saslOptions(sasl: PasswordSettings | TokenSettings): KafkaConfig["sasl"] {
  if (sasl.mechanism === "OAUTHBEARER") return bearerAuthentication(sasl);
  const { mechanism, username, password } = sasl;
  switch (mechanism) {
    case "PLAIN":
      return { mechanism: "plain", username, password };
    case "SCRAM-SHA-256":
      return { mechanism: "scram-sha-256", username, password };
    case "SCRAM-SHA-512":
      return { mechanism: "scram-sha-512", username, password };
    default:
      return mechanism satisfies never;
  }
}
