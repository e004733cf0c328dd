import { operatingError, OrillaError } from "../core/errors.ts";
import { type KafkaSecurity, protocolOf } from "./security.ts";

/** Why a broker, which did answer, cannot be talked to with these settings. */
export type Refusal =
  | { readonly kind: "not_allowed" }
  | { readonly kind: "unknown_issuer" }
  | { readonly kind: "certificate_expired" }
  | { readonly kind: "wrong_host_name"; readonly detail: string }
  | { readonly kind: "bad_certificate"; readonly detail: string }
  | { readonly kind: "client_certificate_missing" }
  | { readonly kind: "client_certificate_refused"; readonly detail: string }
  | { readonly kind: "no_tls_here" }
  | { readonly kind: "tls_only" }
  | { readonly kind: "no_sasl_here" }
  | { readonly kind: "sasl_needed"; readonly mechanisms: readonly string[] }
  | { readonly kind: "no_such_mechanism"; readonly mechanisms: readonly string[] }
  | { readonly kind: "login_refused"; readonly detail: string };

/** Where, and with which settings, it was refused. */
export interface RefusedConnection {
  /** host:port, or several separated by commas. */
  readonly server: string;
  readonly security: KafkaSecurity;
}

/** A failure that stays however often one tries: exit 1, and kafkajs does not try again. */
export function refusalError(message: string, cause?: unknown): OrillaError {
  return Object.assign(operatingError(message, cause), { retriable: false });
}

/** What a refusal means, and what can be done. */
export function refusalMessage(refusal: Refusal, { server, security }: RefusedConnection): string {
  const protocol = protocolOf(security);
  switch (refusal.kind) {
    case "not_allowed":
      return `The broker ${server} is not among --allowed-hosts: add it, and every other broker ` +
        `of the cluster`;
    case "unknown_issuer":
      return `The certificate of ${server} is signed by an authority that is not trusted: name ` +
        `the right one with --ssl-ca-file`;
    case "certificate_expired":
      return `The certificate of ${server} has expired or is not valid yet: it must be renewed, ` +
        `or the clock of this machine is wrong`;
    case "wrong_host_name":
      return `The certificate of ${server} is for another host (${refusal.detail}): connect by a ` +
        `name that it has, or name one of its with --ssl-server-name`;
    case "bad_certificate":
      return `The certificate of ${server} cannot be accepted: ${refusal.detail}`;
    case "client_certificate_missing":
      return `${server} asks for a client certificate: set --ssl-certificate-file and --ssl-key-file`;
    case "client_certificate_refused":
      return `${server} refused the client certificate (${refusal.detail}): check ` +
        `--ssl-certificate-file, and which authorities the broker trusts`;
    case "no_tls_here":
      return `${server} does not use TLS, but --security-protocol is ${protocol}: use the port of ` +
        `its TLS listener, or ${protocolOf({ ...security, tls: null })}`;
    case "tls_only":
      return `${server} uses TLS, but --security-protocol is ${protocol}: use ` +
        `${protocolOf({ ...security, tls: true })}, or another port`;
    case "no_sasl_here":
      return `${server} does not use SASL, but --security-protocol is ${protocol}: use the port of ` +
        `its SASL listener, or ${protocolOf({ ...security, sasl: null })}`;
    case "sasl_needed":
      return `${server} asks who connects (SASL), but --security-protocol is ${protocol}: use ` +
        `${protocolOf({ ...security, sasl: true })} with --sasl-mechanism one of ` +
        refusal.mechanisms.join(", ");
    case "no_such_mechanism":
      return `${server} does not know --sasl-mechanism ${security.sasl?.mechanism}: it knows ` +
        refusal.mechanisms.join(", ");
    case "login_refused":
      return `${server} refused the login (${refusal.detail}): check --sasl-username and its ` +
        `password, and that the user has credentials for ${security.sasl?.mechanism}`;
    default:
      return refusal satisfies never;
  }
}

/**
 * What the text of a TLS failure means; null where it may be an accident of the network. These are the texts
 * of rustls, which Deno's TLS is made of: the one place that knows them.
 *
 * @param showsCertificate whether the client has shown a certificate
 */
export function tlsRefusal(text: string, showsCertificate: boolean): Refusal | null {
  const [, detail] = /invalid peer certificate: (.*)/.exec(text) ?? [];
  if (detail !== undefined) {
    if (detail.includes("UnknownIssuer")) return { kind: "unknown_issuer" };
    if (/expired|not valid (before|yet)|NotValidYet/i.test(detail)) {
      return { kind: "certificate_expired" };
    }
    return detail.includes("not valid for")
      ? { kind: "wrong_host_name", detail }
      : { kind: "bad_certificate", detail };
  }
  const [, alert = ""] = /received fatal alert: (\w+)/.exec(text) ?? [];
  // The alerts about a certificate (RFC 8446, section 6.2). Java says BadCertificate where there is none.
  if (!/Certificate|UnknownCA|AccessDenied|HandshakeFailure/.test(alert)) return null;
  return showsCertificate
    ? { kind: "client_certificate_refused", detail: alert }
    : { kind: "client_certificate_missing" };
}

/**
 * The failure that a refusal behind an error of kafkajs stands for, with what can be done; null where trying
 * again may help.
 */
export function refusalBehind(error: unknown, at: RefusedConnection): OrillaError | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof OrillaError) return cause;
    const refusal = cause.name === "KafkaJSSASLAuthenticationError"
      ? { kind: "login_refused", detail: cause.message } as const
      : tlsRefusal(cause.message, Boolean(at.security.tls?.client));
    if (refusal !== null) return refusalError(refusalMessage(refusal, at), error);
  }
  return null;
}
