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
