import { usageError } from "../core/errors.ts";
import { parseStoreUrl } from "../core/store_url.ts";
import { LAKE, option, type ValuesOf } from "./option.ts";
import { optional, path, secret } from "./option_parsers.ts";

/** Where the commits of a lake are kept, if not in OUT_DIR. */
export const storeOptions = {
  checkpointUrl: option(storeUrl(), {
    default: "",
    isSecret: true,
    modes: LAKE,
    meaning:
      "Server that keeps the checkpoint, for several consumers of one lake (postgres://…, redis://…)",
  }),
  checkpointUrlFile: option(optional(path()), {
    default: "none",
    modes: LAKE,
    meaning: "File that holds that URL instead",
  }),
  checkpointCaFile: option(optional(path()), {
    default: "none",
    modes: LAKE,
    meaning:
      "Certificates (PEM) of the authorities that sign that server's; none is the public ones",
  }),
} as const;

export type StoreConfig = ValuesOf<typeof storeOptions>;

/** A URL with a password in it; no text at all is null. */
function storeUrl() {
  const { parse, ...parser } = secret();
  return {
    ...parser,
    parse: (text: string) => {
      const url = parse(text);
      if (url !== null) refuseUrl(url);
      return url;
    },
  };
}

/** By scheme, the parameters beside `lake`, with what they may be. */
const PARAMETERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  postgres: { sslmode: ["disable", "require", "verify-full"] },
  postgresql: { sslmode: ["disable", "require", "verify-full"] },
  redis: {},
  rediss: {},
};

/** @throws RangeError that says what is expected, and repeats nothing of the URL */
export function refuseUrl(text: string): void {
  const { scheme, user, parameters } = parseStoreUrl(text);
  const known = PARAMETERS[scheme];
  if (known === undefined) {
    throw new RangeError(
      `expected a URL that begins with ${Object.keys(PARAMETERS).join(":// or ")}://`,
    );
  }
  // Redis has a user `default`, whose password is enough.
  if (user === "" && scheme.startsWith("postgres")) {
    throw new RangeError("expected a URL with the user's name before its host");
  }
  for (const [name, value] of parameters) {
    const values = known[name];
    if (values === undefined) {
      const names = ["lake", ...Object.keys(known)].join(", ");
      throw new RangeError(`expected no other parameters of the URL than ${names}`);
    }
    if (!values.includes(value)) {
      throw new RangeError(`expected ${name}= followed by one of ${values.join(", ")}`);
    }
  }
}

/** Whether a server keeps the checkpoint. */
export function keepsOnServer({ checkpointUrl, checkpointUrlFile }: StoreConfig): boolean {
  return checkpointUrl !== null || checkpointUrlFile !== null;
}

/** @throws OrillaError with exit code 2 where settings contradict each other */
export function refuseStoreContradictions(config: StoreConfig): void {
  const { checkpointUrl, checkpointUrlFile, checkpointCaFile } = config;
  if (checkpointUrl !== null && checkpointUrlFile !== null) {
    throw usageError("Cannot use CHECKPOINT_URL with --checkpoint-url-file: set one of them");
  }
  if (checkpointCaFile !== null && !keepsOnServer(config)) {
    throw usageError(
      "Cannot use --checkpoint-ca-file without CHECKPOINT_URL or --checkpoint-url-file",
    );
  }
}
