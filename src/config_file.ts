import { environmentOf, fileKeyOf, flagOf, OPTION_ROWS } from "./config.ts";
import { messageOf, usageError } from "./core/errors.ts";
import { FlatJsonError, type FlatMember, flatMembers, lineAt } from "./core/flat_json.ts";
import { didYouMean } from "./core/nearest_word.ts";
import type { Option } from "./options/option.ts";
import { textOf, typesInWords } from "./options/value_schema.ts";

/** Options that a file gives, all of them checked. */
export interface ConfigFile {
  readonly path: string;
  /** By option key, the text that its parser reads. */
  readonly texts: ReadonlyMap<string, string>;
}

/** The name under which an editor finds the file's schema; it sets no option. */
export const SCHEMA_KEY = "$schema";

/** The most that a configuration file may have. */
export const MAX_CONFIG_BYTES = 1_048_576;

/** How much of a wrong value a message repeats, in UTF-16 units. */
const MAX_SHOWN = 200;

/** Whether an option may stand in a configuration file: secrets may not, and it names no other file. */
export function isFileOption([key, { isSecret }]: readonly [string, Option<unknown>]): boolean {
  return !isSecret && key !== "configFile";
}

/**
 * Reads a configuration file: one JSON object whose names are the keys of the option table. Options of all
 * modes may stand in it, and all of them are checked.
 *
 * @param text what is in it
 * @throws OrillaError with exit code 2 that names the file, the line, the key, the value and what is accepted
 */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const texts = new Map<string, string>();
  const lines = new Map<string, number>();
  for (const member of membersOf(path, text)) {
    const { name } = member;
    const line = lineAt(text, member.at);
    const before = lines.get(name);
    if (before !== undefined) {
      throw usageError(`Cannot use ${name} twice in ${path} (lines ${before} and ${line})`);
    }
    lines.set(name, line);
    if (name === SCHEMA_KEY && typeof member.value === "string") continue;
    const where = `in ${path} (line ${line})`;
    texts.set(name, checkedText(member, { row: rowOf(name, where), where }));
  }
  return { path, texts };
}

function membersOf(path: string, text: string): FlatMember[] {
  try {
    return flatMembers(text);
  } catch (error) {
    if (!(error instanceof FlatJsonError)) throw error;
    const { line, column, message } = error;
    throw usageError(`Cannot read ${path}: line ${line}, column ${column}: ${message}`, error);
  }
}

/** The option of that name. What stands under another name is not repeated: it may be a secret. */
function rowOf(name: string, where: string): Option<unknown> {
  const entry = OPTION_ROWS.find(([key]) => key === name);
  if (entry !== undefined && isFileOption(entry)) return entry[1];
  if (entry === undefined) {
    const keys = OPTION_ROWS.filter(isFileOption).map(([key]) => key);
    const hint = didYouMean(name, keys);
    throw usageError(
      `Cannot use ${JSON.stringify(name)} ${where}: there is no such option${hint} ` +
        `See orilla help options`,
    );
  }
  if (!entry[1].isSecret) {
    throw usageError(`Cannot use ${name} ${where}: a configuration file names no other one`);
  }
  const file = fileKeyOf(...entry);
  const instead = file === null ? "" : `, or name a file with ${file}`;
  throw usageError(
    `Cannot use ${name} ${where}: no secret may stand there. Set ${
      environmentOf(...entry)
    } in the ` +
      `environment${instead}`,
  );
}

function checkedText(
  { name, value, source }: FlatMember,
  { row, where }: { readonly row: Option<unknown>; readonly where: string },
): string {
  const shown = source.length > MAX_SHOWN ? `${source.slice(0, MAX_SHOWN)}…` : source;
  const text = textOf(value, row.schema);
  if (text === null) {
    const types = `${row.accepts} (in JSON: ${typesInWords(row.schema)})`;
    throw usageError(`Cannot read ${name} ${where}: expected ${types}, got ${shown}`);
  }
  try {
    row.parse(text);
    return text;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`Cannot read ${name} ${where}: ${error.message}, got ${shown}`, error);
  }
}

/**
 * The text of a configuration file.
 *
 * @throws OrillaError with exit code 2 where it cannot be read, is too large, or is not UTF-8
 */
export function readConfigFile(path: string): string {
  const bytes = readStart(path, MAX_CONFIG_BYTES + 1);
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw cannotUse(path, `it has more than ${MAX_CONFIG_BYTES} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw cannotUse(path, "it is not UTF-8", error);
  }
}

/** The first bytes of a file, which may be a pipe. */
function readStart(path: string, maxBytes: number): Uint8Array {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(maxBytes);
    let length = 0;
    for (let count: number | null = null; count !== 0; length += count) {
      count = file.readSync(bytes.subarray(length)) ?? 0;
    }
    return bytes.subarray(0, length);
  } catch (error) {
    throw cannotUse(path, messageOf(error), error);
  }
}

function cannotUse(path: string, why: string, cause?: unknown): Error {
  return usageError(`Cannot use ${flagOf("configFile")} ${path}: ${why}`, cause);
}
