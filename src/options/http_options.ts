import { usageError } from "../core/errors.ts";
import { type ListenAddress, parseListenAddress } from "../http/address.ts";
import { type Mode, option, STARTERS } from "./option.ts";
import { optional, path, textParser } from "./option_parsers.ts";
import type { ValueSchema } from "./value_schema.ts";

/** What is in an address is looser here than what is taken. */
const ADDRESS_SCHEMA: ValueSchema = {
  anyOf: [
    { type: "integer", minimum: 1, maximum: 65_535 },
    {
      type: "string",
      pattern: "^(?:[\\d.]+:|localhost:|\\[[\\da-fA-F:.]+\\]:)?\\d{1,5}$",
    },
  ],
};

/** The HTTP server that shows what a run does. */
export const httpOptions = {
  httpAddress: option(
    optional<ListenAddress>(
      textParser(
        "a port (9464, on 127.0.0.1), ADDRESS:PORT or [IPV6]:PORT",
        parseListenAddress,
        ADDRESS_SCHEMA,
      ),
    ),
    {
      default: "none",
      modes: STARTERS,
      meaning: "Where metrics, health and the dashboard are served over HTTP",
    },
  ),
  httpTokenFile: option(optional(path()), {
    default: "none",
    modes: STARTERS,
    meaning: "File with the bearer token that requests for figures must bring",
  }),
} as const;

/** What the options above are set to. */
export interface HttpConfig {
  readonly httpAddress: ListenAddress | null;
  readonly httpTokenFile: string | null;
}

/**
 * Refuses a token that would protect nothing.
 *
 * @throws OrillaError with exit code 2
 */
export function refuseUnusedToken({ httpAddress, httpTokenFile }: HttpConfig): void {
  if (httpTokenFile === null || httpAddress !== null) return;
  throw usageError("Cannot use --http-token-file without --http-address: nothing is served");
}

/** Where a mode listens; null where it does not. */
export function listenAddressOf(mode: Mode, { httpAddress }: HttpConfig): ListenAddress | null {
  return STARTERS.includes(mode) ? httpAddress : null;
}
