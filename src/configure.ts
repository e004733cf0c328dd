import {
  type Config,
  defaultOf,
  environmentOf,
  flagOf,
  OPTION_ROWS,
  refuseContradictions,
} from "./config.ts";
import { type ConfigFile, parseConfigFile } from "./config_file.ts";
import { usageError } from "./core/errors.ts";
import type { Mode, Option } from "./options/option.ts";

/** Where the texts of options come from. */
export interface Sources {
  /** By option key. */
  readonly flags: ReadonlyMap<string, string>;
  /** The value of an environment name, undefined where it is not set. */
  readonly environment: (name: string) => string | undefined;
  /** The text of a configuration file. */
  readonly readFile: (path: string) => string;
}

/** Which source a value is of, and what it is called there. */
export type Origin =
  | { readonly kind: "flag" | "environment" | "file"; readonly name: string }
  | { readonly kind: "default" };

/** The value of one option. */
export interface Setting {
  readonly key: string;
  readonly row: Option<unknown>;
  /** As it was given. */
  readonly text: string;
  /** As its parser reads it. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** What a mode runs with: each option with the source of its value, and all values together. */
export interface Configuration {
  readonly mode: Mode;
  /** In the order of the table; those of other modes stand at their defaults. */
  readonly settings: readonly Setting[];
  readonly config: Config;
}

/**
 * The effective configuration of a mode: flags before environment before configuration file before defaults.
 *
 * @throws OrillaError with exit code 2 that names the option, the value and what is accepted
 */
export function configure(mode: Mode, sources: Sources): Configuration {
  const file = readNamedFile(mode, sources);
  const settings = OPTION_ROWS.map(([key, row]): Setting => {
    const { text, origin } = textOf([key, row], { ...sources, mode, file });
    return { key, row, text, origin, value: parseOption(row, nameOf(origin), text) };
  });
  const config = Object.fromEntries(settings.map(({ key, value }) => [key, value])) as Config;
  refuseContradictions(config);
  return { mode, settings, config };
}

/** The configuration file that flags or environment name; null where there is none. */
function readNamedFile(mode: Mode, sources: Sources): ConfigFile | null {
  const entry = OPTION_ROWS.find(([key]) => key === "configFile");
  if (entry === undefined) return null;
  const { text, origin } = textOf(entry, { ...sources, mode, file: null });
  const path = origin.kind === "default" ? null : parseOption(entry[1], nameOf(origin), text);
  return typeof path === "string" ? parseConfigFile(path, sources.readFile(path)) : null;
}

/** The first source that gives an option; for those of other modes environment and file are not asked. */
function textOf(
  [key, row]: readonly [string, Option<unknown>],
  { flags, environment, file, mode }: Omit<Sources, "readFile"> & {
    readonly file: ConfigFile | null;
    readonly mode: Mode;
  },
): Pick<Setting, "text" | "origin"> {
  const flag = flags.get(key);
  if (flag !== undefined) return { text: flag, origin: { kind: "flag", name: flagOf(key) } };
  if (row.modes.includes(mode)) {
    const name = environmentOf(key, row);
    const variable = environment(name);
    if (variable !== undefined && variable !== "") {
      return { text: variable, origin: { kind: "environment", name } };
    }
    const text = file?.texts.get(key);
    if (file !== null && text !== undefined) {
      return { text, origin: { kind: "file", name: file.path } };
    }
  }
  return { text: defaultOf(row, mode), origin: { kind: "default" } };
}

function nameOf(origin: Origin): string {
  return origin.kind === "default" ? "the default" : origin.name;
}

function parseOption(row: Option<unknown>, source: string, text: string): unknown {
  try {
    return row.parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const got = row.isSecret ? "" : `, got ${JSON.stringify(text)}`;
    throw usageError(`Cannot read ${source}: ${error.message}${got}`, error);
  }
}
