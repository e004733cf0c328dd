import type { KafkaConfig } from "kafkajs";
import type { ConnectionOptions } from "node:tls";
import { bearerAuthentication } from "./oauth_token.ts";
import type { KafkaSecurity, PasswordSettings, TlsSettings, TokenSettings } from "./security.ts";

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
