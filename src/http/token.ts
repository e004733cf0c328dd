import { createHash, timingSafeEqual } from "node:crypto";
import type { HttpRequest } from "./request.ts";

/** Says whether a request brings the bearer token (RFC 6750), in a time that tells nothing of the token. */
export function tokenCheck(token: string): (request: HttpRequest) => boolean {
  const expected = digest(token);
  return ({ headers }) => {
    const given = /^Bearer +([^ ]+)$/i.exec(headers.get("authorization") ?? "")?.[1] ?? "";
    return timingSafeEqual(digest(given), expected);
  };
}

/** Digests have one length, which the comparison needs. */
function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
