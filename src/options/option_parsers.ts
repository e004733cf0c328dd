import { meansS3, parseS3Place, S3_PLACE_FORM } from "../core/s3_place.ts";
import { microsecondsOf, parseIso8601 } from "../core/timestamp.ts";
import { TEXT_OR_LIST, type ValueSchema } from "./value_schema.ts";

/** Reads the text of an option; `accepts` says in words which texts it takes. Throws RangeError for others. */
export interface Parser<T> {
  readonly accepts: string;
  /** How the value stands in a configuration file; it takes all that `parse` takes, and may take more. */
  readonly schema: ValueSchema;
  /** What the text is the path of; left out where it is no path. */
  readonly place?: "file" | "folder";
  parse(text: string): T;
}

/** A parser from a function that answers undefined for texts it does not take. */
export function textParser<T>(
  accepts: string,
  read: (text: string) => T | undefined,
  schema: ValueSchema = { type: "string" },
): Parser<T> {
  return {
    accepts,
    schema,
    parse: (text) => {
      const value = read(text);
      if (value === undefined) throw new RangeError(`expected ${accepts}`);
      return value;
    },
  };
}

/** What another parser takes, or a word that stands for nothing (null). */
export function maybe<T>(word: string, parser: Parser<T>): Parser<T | null> {
  const accepts = `${word}, or ${parser.accepts}`;
  return {
    ...parser,
    accepts,
    schema: { anyOf: [{ const: word }, parser.schema] },
    parse: (text) => {
      if (text === word) return null;
      try {
        return parser.parse(text);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new RangeError(`expected ${accepts}`, { cause: error });
      }
    },
  };
}

/** An integer in a range, both ends included; underscores and commas may group its digits. */
export function integer(min: number, max: number): Parser<number> {
  return textParser(`an integer from ${min} to ${max}`, (text) => {
    const digits = text.replaceAll(/[_,]/g, "");
    const value = /^-?\d+$/.test(digits) ? Number(digits) : NaN;
    return value >= min && value <= max ? value : undefined;
  }, { type: "integer", minimum: min, maximum: max });
}

/** A number from 0 to 1. */
export function ratio(): Parser<number> {
  return textParser("a number from 0 to 1", (text) => {
    const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  }, { type: "number", minimum: 0, maximum: 1 });
}

/** One of a list of words. */
export function oneOf<const T extends string>(words: readonly T[]): Parser<T> {
  const read = (text: string) => words.find((word) => word === text);
  return textParser(`one of ${words.join(", ")}`, read, { type: "string", enum: words });
}

/** A folder, or `s3://bucket/prefix`. */
export function lakePlace(): Parser<string> {
  const isPlace = (text: string) =>
    meansS3(text) ? parseS3Place(text) !== null : text !== "" && !text.includes("\0");
  const read = (text: string) => isPlace(text) ? text : undefined;
  const schema = { type: "string", pattern: "^[^\\u0000]+$" } as const;
  return { ...textParser(`a path, or ${S3_PLACE_FORM}`, read, schema), place: "folder" };
}

/** Text of 1 to 249 letters, digits, dots, underscores and hyphens, as Kafka's topics are named. */
export function name(): Parser<string> {
  return textParser(
    "1 to 249 letters, digits, dots, underscores or hyphens",
    (text) => /^[\w.-]{1,249}$/.test(text) ? text : undefined,
    { type: "string", pattern: "^[\\w.-]{1,249}$" },
  );
}

/** The word `none` (null), or what another parser takes. */
export function optional<T>(parser: Parser<T>): Parser<T | null> {
  return maybe("none", parser);
}

/** A path, not empty. */
export function path(place: "file" | "folder" = "file"): Parser<string> {
  const read = (text: string) => text === "" || text.includes("\0") ? undefined : text;
  const schema = { type: "string", pattern: "^[^\\u0000]+$" } as const;
  return { ...textParser("a path", read, schema), place };
}

/** Text of one line: a user name, a password. */
export function line(maxLength = 1_000): Parser<string> {
  const form = new RegExp(`^\\P{Cc}{1,${maxLength}}$`, "u");
  return textParser(
    `1 to ${maxLength} characters on one line`,
    (text) => form.test(text) ? text : undefined,
    { type: "string", pattern: `^[^\\u0000-\\u001f\\u007f-\\u009f]{1,${maxLength}}$` },
  );
}

/** A line that may be left out, whatever it says: no text at all is null. */
export function secret(maxLength?: number): Parser<string | null> {
  const { parse, ...parser } = line(maxLength);
  return { ...parser, parse: (text) => text === "" ? null : parse(text) };
}

/** A host name as it stands in a certificate; TLS has no server names that are IP addresses (RFC 6066). */
export function hostName(): Parser<string> {
  return textParser(
    "a host name, no IP address",
    (text) => /^(?![\d.]+$)[\w.-]{1,253}$/.test(text) ? text : undefined,
    { type: "string", pattern: "^(?![\\d.]+$)[\\w.-]{1,253}$" },
  );
}

/** Hosts with or without a port, separated by commas; in lower case. Nothing at all is an empty list. */
export function hostList(): Parser<readonly string[]> {
  return textParser("host or host:port, or several separated by commas, or none", (text) => {
    if (text === "none") return [];
    const hosts = text.toLowerCase().split(",").map((host) => host.trim());
    const areValid = hosts.every((host) => {
      const match = /^(?:[\w.-]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/.exec(host);
      const port = Number(match?.[1] ?? 1);
      return match !== null && port >= 1 && port <= 65_535;
    });
    return areValid ? hosts : undefined;
  }, TEXT_OR_LIST);
}

/** A URL that secrets may be sent to: https, or http to this machine. */
export function secureUrl(): Parser<string> {
  return textParser("an https:// URL without credentials (http:// for this machine)", (text) => {
    const url = URL.parse(text);
    if (url === null || url.username !== "" || url.password !== "") return undefined;
    const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    return url.protocol === "https:" || url.protocol === "http:" && isLocal ? url.href : undefined;
  }, { type: "string", minLength: 1 });
}

/** An event_id; null for the empty text, which no event has. No command line can hold NUL. */
export function eventId(): Parser<string | null> {
  return textParser("an event_id", (text) => {
    if (text.includes("\0")) return undefined;
    return text === "" ? null : text;
  });
}

/** host:port, separated by commas. */
export function serverList(): Parser<readonly string[]> {
  return textParser("host:port, or several separated by commas", (text) => {
    const servers = text.split(",").map((server) => server.trim());
    const areValid = servers.every((server) => {
      const port = Number(/^(?:[\w.-]+|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(server)?.[1]);
      return port >= 1 && port <= 65_535;
    });
    return areValid ? servers : undefined;
  }, TEXT_OR_LIST);
}

/** true or false; as a flag without a value it is true. */
export function boolean(): Parser<boolean> {
  return textParser(
    "true or false",
    (text) =>
      text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined,
    { type: "boolean" },
  );
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A duration in milliseconds: an integer with a unit, or 0. */
export function duration(): Parser<number> {
  return textParser("a whole number with a unit (500ms, 30s, 15m, 12h, 7d), or 0", (text) => {
    if (text === "0") return 0;
    const [, digits, unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
    const unitMs = UNIT_MS[unit];
    return unitMs === undefined ? undefined : Number(digits) * unitMs;
  }, { anyOf: [{ type: "string", pattern: "^(0|\\d{1,9}(ms|s|m|h|d))$" }, { const: 0 }] });
}

/** An ISO 8601 date or time, as milliseconds since 1970-01-01 UTC. */
export function moment(): Parser<number> {
  return textParser("a date (2026-11-24) or a time (2026-11-24T10:15:00Z)", (text) => {
    const moment = parseIso8601(text);
    return moment === null ? undefined : Number(microsecondsOf(moment) / 1000n);
  });
}

/** `now` (null), or an ISO 8601 date or time, as milliseconds since 1970-01-01 UTC. */
export function startTime(): Parser<number | null> {
  return textParser("now, a date (2026-11-24) or a time (2026-11-24T10:15:00Z)", (text) => {
    if (text === "now") return null;
    const moment = parseIso8601(text);
    return moment === null ? undefined : Number(microsecondsOf(moment) / 1000n);
  });
}
