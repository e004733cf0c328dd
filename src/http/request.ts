/** A request, as far as anything here depends on it. */
export interface HttpRequest {
  readonly method: "GET" | "HEAD";
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** By name in lower case; of one that is repeated, the values joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Why a request is not answered as asked: a status of HTTP. */
export type RefusalStatus = 400 | 405 | 413 | 414 | 431 | 505;

export type ParsedRequest =
  | { readonly kind: "request"; readonly request: HttpRequest }
  | { readonly kind: "refused"; readonly status: RefusalStatus };

/** Bytes of request line and headers at most. */
export const MAX_HEAD_BYTES = 8_192;
const MAX_TARGET_LENGTH = 1_024;
const MAX_HEADER_COUNT = 64;

const REQUEST_LINE = /^([A-Z]{1,20}) (\S+) HTTP\/(\d\.\d)$/;
/** RFC 9110: a token, a colon, and a value without control characters. */
const HEADER_LINE = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*((?:\t|\P{Cc})*?)[ \t]*$/u;

/**
 * Reads request line and headers (RFC 9112), up to and without the empty line. It is strict: whatever two
 * readers could take differently is refused, and so is every body, since no route takes one.
 *
 * @param text each byte as one character
 */
export function parseRequest(text: string): ParsedRequest {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method = "", target = "", version = ""] = REQUEST_LINE.exec(first) ?? [];
  if (method === "") return refused(400);
  if (version !== "1.1" && version !== "1.0") return refused(505);
  if (method !== "GET" && method !== "HEAD") return refused(405);
  if (target.length > MAX_TARGET_LENGTH) return refused(414);
  if (!target.startsWith("/")) return refused(400);
  if (lines.length > MAX_HEADER_COUNT) return refused(431);
  const headers = parseHeaders(lines);
  if (headers === null || version === "1.1" && !headers.has("host")) return refused(400);
  if (headers.has("transfer-encoding")) return refused(413);
  if ((headers.get("content-length") ?? "0") !== "0") return refused(413);
  const [path = "/"] = target.split("?");
  return { kind: "request", request: { method, path, headers } };
}

/** null where a line is not a header, or the host is given twice. */
function parseHeaders(lines: readonly string[]): ReadonlyMap<string, string> | null {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = "", value = ""] = HEADER_LINE.exec(line) ?? [];
    const key = name.toLowerCase();
    const before = headers.get(key);
    if (key === "" || key === "host" && before !== undefined) return null;
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

function refused(status: RefusalStatus): ParsedRequest {
  return { kind: "refused", status };
}
