import { operatingError } from "../core/errors.ts";

/** An answer of an object store that is no success, or none at all. */
export class S3Error extends Error {
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The store's own word for it, or `Timeout` or `ConnectionFailed`. */
  readonly code: string;
  /** Whether it may pass by itself: the retry policy goes by it. */
  readonly retriable: boolean;

  constructor(
    what: string,
    { status, code, cause }: { status: number; code: string; cause?: unknown },
  ) {
    super(`${what}: ${status === 0 ? code : `${status} ${code}`}`, { cause });
    this.name = "S3Error";
    this.status = status;
    this.code = code;
    this.retriable = canPass(status, code);
  }
}

/** Answers that stand for a moment, whatever their status (Amazon S3 API reference, error responses). */
const PASSING_CODES = new Set([
  "ConditionalRequestConflict",
  "InternalError",
  "OperationAborted",
  "RequestTimeout",
  "ServiceUnavailable",
  "SlowDown",
  "ThrottlingException",
]);

function canPass(status: number, code: string): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500 && status !== 501 ||
    PASSING_CODES.has(code);
}

/** Where a place is that a refusal can be cured at. */
export interface Refused {
  readonly location: string;
  readonly region: string;
  readonly endpoint: string;
}

/**
 * What an operator can do about a refusal that does not pass; null where nobody can say.
 *
 * @param code the store's own word, or `HTTP403` where the answer had none
 */
function adviceFor(code: string, { region, endpoint }: Refused): string | null {
  switch (code) {
    case "NoSuchBucket":
      return "make the bucket (orilla makes none), or name another --out-dir or --s3-endpoint";
    case "AccessDenied":
    case "AllAccessDisabled":
    case "HTTP403":
      return "let these credentials list the bucket and its multipart uploads, and get, put, delete and abort below " +
        "the prefix";
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
    case "HTTP401":
      return "look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --s3-credentials-file";
    case "ExpiredToken":
    case "InvalidToken":
    case "TokenRefreshRequired":
      return "the session token is no longer valid: start again with new credentials";
    case "RequestTimeTooSkewed":
      return "the clock of this machine and that of the store are too far apart, also after orilla took the store's " +
        "time from its answers: set the clocks";
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "HTTP301":
    case "HTTP307":
      return `the bucket is elsewhere: set --s3-region (now ${region}) and --s3-endpoint (now ${endpoint})`;
    case "NotImplemented":
    case "HTTP501":
      return "this store lacks what orilla needs: multipart uploads, and If-None-Match on writing";
    default:
      return null;
  }
}

/** The failure that ends the process for a refusal with advice; the error itself where there is none. */
export function withAdvice(error: S3Error, at: Refused): Error {
  const advice = error.retriable ? null : adviceFor(error.code, at);
  if (advice === null) return error;
  return operatingError(`${at.location}: ${error.message}. What can be done: ${advice}`, error);
}
