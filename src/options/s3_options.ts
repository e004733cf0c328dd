import { usageError } from "../core/errors.ts";
import { parseS3Place, type S3Place } from "../core/s3_place.ts";
import { LAKE, option, type ValuesOf } from "./option.ts";
import { boolean, integer, oneOf, optional, path, secret, textParser } from "./option_parsers.ts";
import { keepsOnServer, type StoreConfig } from "./store_options.ts";

const row = { default: "none", modes: LAKE } as const;
/** Session tokens have been seen with more than 1,000 characters. */
const TOKEN_LENGTH = 8_192;

/** A lake in an object store, and where its checkpoint lies then. */
export const s3Options = {
  checkpointDir: option(optional(path("folder")), {
    ...row,
    meaning:
      "Folder of checkpoint and metrics.txt where OUT_DIR is s3://…; made where it is missing, and not needed with " +
      "CHECKPOINT_URL",
  }),
  s3Endpoint: option(
    optional(textParser("an https:// or http:// URL without credentials and query", endpointOf)),
    { ...row, meaning: "The object store, where it is another one than Amazon's" },
  ),
  s3Region: option(
    textParser(
      "1 to 64 letters, digits or hyphens",
      (text) => /^[\w-]{1,64}$/.test(text) ? text : undefined,
      { type: "string", pattern: "^[\\w-]{1,64}$" },
    ),
    { default: "us-east-1", modes: LAKE, meaning: "Region of the bucket" },
  ),
  s3Addressing: option(oneOf(["auto", "path", "virtual"]), {
    default: "auto",
    modes: LAKE,
    meaning:
      "Whether the bucket is in the path or the host of URLs; auto is path with --s3-endpoint, else virtual",
  }),
  s3CredentialsFile: option(optional(path()), {
    ...row,
    meaning: "File with aws_access_key_id and aws_secret_access_key, in place of the environment",
  }),
  s3AccessKeyId: option(secret(), {
    ...row,
    default: "",
    isSecret: true,
    fileKey: "s3CredentialsFile",
    environment: "AWS_ACCESS_KEY_ID",
    meaning: "Access key for the object store",
  }),
  s3SecretAccessKey: option(secret(), {
    ...row,
    default: "",
    isSecret: true,
    fileKey: "s3CredentialsFile",
    environment: "AWS_SECRET_ACCESS_KEY",
    meaning: "Its secret",
  }),
  s3SessionToken: option(secret(TOKEN_LENGTH), {
    ...row,
    default: "",
    isSecret: true,
    fileKey: "s3CredentialsFile",
    environment: "AWS_SESSION_TOKEN",
    meaning: "Session token of temporary credentials",
  }),
  s3TimeoutMs: option(integer(100, 3_600_000), {
    default: "60000",
    modes: LAKE,
    unit: "ms",
    meaning: "Longest time of one request to the object store, which is then sent again",
  }),
  s3AllowHttp: option(boolean(), {
    default: "false",
    modes: LAKE,
    meaning: "Allow an http:// endpoint on another machine: events then go there in clear",
  }),
} as const;

/** What the options above, and OUT_DIR, are set to. */
export type S3Config = ValuesOf<typeof s3Options> & { readonly outDir: string };

function endpointOf(text: string): string | undefined {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "https:" || url?.protocol === "http:";
  if (url === null || !isHttp || url.username !== "" || url.password !== "") return undefined;
  return url.search === "" && url.hash === "" ? url.href.replace(/\/$/, "") : undefined;
}

/** Where the lake lies in an object store; null where it is in a folder. */
export function s3PlaceOf({ outDir }: Pick<S3Config, "outDir">): S3Place | null {
  return parseS3Place(outDir);
}

/** Whether anything of the lake lies on a disk of this machine: not where its files and its checkpoint are on servers. */
export function hasFolder(config: Pick<S3Config, "outDir" | "checkpointDir">): boolean {
  return config.checkpointDir !== null || s3PlaceOf(config) === null;
}

/** URL of the object store, and whether the bucket stands in the path. */
export function s3AddressOf(
  { s3Endpoint, s3Region, s3Addressing }: S3Config,
  { bucket }: S3Place,
): { readonly endpoint: string; readonly isPathStyle: boolean; readonly host: string } {
  const endpoint = s3Endpoint ?? `https://s3.${s3Region}.amazonaws.com`;
  // A certificate for *.s3… does not hold for a bucket with dots.
  const isPath = s3Endpoint !== null || bucket.includes(".");
  const isPathStyle = s3Addressing === "auto" ? isPath : s3Addressing === "path";
  const { hostname, port, protocol } = new URL(endpoint);
  const host = isPathStyle ? hostname : `${bucket}.${hostname}`;
  return {
    endpoint,
    isPathStyle,
    host: `${host}:${port === "" ? (protocol === "https:" ? 443 : 80) : port}`,
  };
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Refuses settings of the object store that contradict each other or OUT_DIR, or that would be without effect.
 *
 * @throws OrillaError with exit code 2
 */
export function refuseS3Contradictions(config: S3Config & StoreConfig): void {
  const { outDir, checkpointDir, s3Endpoint, s3AllowHttp } = config;
  if (s3PlaceOf(config) === null) {
    if (checkpointDir === null) return;
    throw usageError(
      `Cannot use --checkpoint-dir ${checkpointDir} with --out-dir ${outDir}: a lake in a folder has its checkpoint in ` +
        `it. It is for --out-dir s3://BUCKET/PREFIX`,
    );
  }
  if (checkpointDir === null && !keepsOnServer(config)) {
    throw usageError(
      `Cannot use --out-dir ${outDir} without --checkpoint-dir or CHECKPOINT_URL: the checkpoint and metrics.txt cannot ` +
        `lie in a bucket. Give a folder on a disk that is kept, or a server that keeps the checkpoint`,
    );
  }
  if (s3Endpoint === null) return;
  const { protocol, hostname } = new URL(s3Endpoint);
  if (protocol === "https:" || LOOPBACK.test(hostname) || s3AllowHttp) return;
  throw usageError(
    `Cannot use --s3-endpoint ${s3Endpoint}: events would go over the network in clear. Expected https://, http:// to ` +
      `this machine, or --s3-allow-http`,
  );
}
