/** What a request is answered with. */
export interface HttpResponse {
  readonly status: keyof typeof STATUS_TEXTS;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it, or pieces that are sent as they come until there are no more. */
  readonly body: string | AsyncIterable<string>;
}

const STATUS_TEXTS = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  413: "Content Too Large",
  414: "URI Too Long",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;

/**
 * Headers of every answer. The page loads its own scripts and styles, talks to its own server, and nothing
 * else; no other page may frame or read it; nothing is kept on disk by a browser.
 */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

const TEXT = { "Content-Type": "text/plain; charset=utf-8" } as const;

/** An answer that is its status in words. */
export function statusResponse(
  status: HttpResponse["status"],
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { ...TEXT, ...headers }, body: `${status} ${STATUS_TEXTS[status]}\n` };
}

/** An answer in JSON. */
export function jsonResponse(status: HttpResponse["status"], value: unknown): HttpResponse {
  const headers = { "Content-Type": "application/json; charset=utf-8" };
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

/**
 * Status line and headers as they are sent. Each connection carries one answer, so that no request can be
 * taken for part of another one.
 *
 * @param length bytes of the body, null where it ends with the connection
 */
export function responseHead({ status, headers }: HttpResponse, length: number | null): string {
  const all = {
    ...SECURITY_HEADERS,
    ...headers,
    ...(length === null ? {} : { "Content-Length": String(length) }),
    "Connection": "close",
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_TEXTS[status]}\r\n${lines.join("")}\r\n`;
}
