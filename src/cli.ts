import { parseArgs } from "node:util";
import { SELF_COMMANDS, type Shell, SHELLS, TOPICS } from "./about/subjects.ts";
import { type Config, environmentOf, flagOf, OPTION_ROWS } from "./config.ts";
import { type Configuration, configure, type Sources } from "./configure.ts";
import { usageError } from "./core/errors.ts";
import { didYouMean, nearestWord } from "./core/nearest_word.ts";
import { type Mode, MODES } from "./options/option.ts";

/** What the command line asks of orilla about itself. */
export type SelfCommand =
  /** A topic is a mode, the first word of modes, a command, or one of TOPICS; null is all in short. */
  | { readonly kind: "help"; readonly topic: string | null }
  | { readonly kind: "version" }
  | { readonly kind: "completions"; readonly shell: Shell }
  | { readonly kind: "config"; readonly configuration: Configuration; readonly isJson: boolean }
  | { readonly kind: "schema" };

/** What the command line asks for. */
export type Command = SelfCommand | { readonly kind: Mode; readonly config: Config };

/** What each mode does, in a line. */
export const MODE_MEANINGS: Readonly<Record<Mode, string>> = {
  simulate: "run the whole pipeline over generated events, without a Kafka",
  producer: "generate events into a Kafka topic",
  consumer: "bring a Kafka topic into the lake",
  verify: "hold the lake against its checkpoint: every file, row count, event id and offset",
  rebuild: "make a new checkpoint from the lake's own files",
  trace: "find an event by its id: published, duplicate, rejected, or never seen",
  status: "say what the last commit left: counters, next offsets, files by date, dead letters",
  doctor: "check the disk, the checkpoint and the way to Kafka, and say what to do",
  report: "sum the lake up on a page with plots: dates, outcomes, freshness, files, commits",
  compact: "merge the small files of a date into few large ones",
  "dlq list": "count the dead letters by reason and date; prints no content",
  "dlq show": "print one dead letter, its content too",
  "dlq export": "write dead letters to stdout as NDJSON, their content too",
  "dlq replay": "run dead letters through the pipeline again, or send them to a topic",
  "dlq purge": "remove old dead-letter files, and keep a record of what was in them",
};

/** First words that stand for several modes: `dlq`. */
export const MODE_GROUPS: readonly string[] = [
  ...new Set(MODES.filter((mode) => mode.includes(" ")).map((mode) => firstWord(mode))),
];

const HELP_FLAGS = ["--help", "-h"];

/** Where the values of options come from, but for flags. */
export type CommandSources = Omit<Sources, "flags">;

/**
 * Reads the command line.
 *
 * @param args without the program's name
 * @throws OrillaError with exit code 2 for anything that is not understood
 */
export function parseCommandLine(args: readonly string[], sources: CommandSources): Command {
  const [first, ...rest] = args;
  if (first === undefined) return { kind: "help", topic: null };
  if (HELP_FLAGS.includes(first) || first === "help") {
    return { kind: "help", topic: readTopic(rest) };
  }
  if (first === "--version" || first === "-V" || first === "version") return { kind: "version" };
  const mode = readMode(args);
  if (asksForHelp(rest)) {
    const topic = [...Object.keys(SELF_COMMANDS), ...MODE_GROUPS].find((name) => name === first);
    if (mode !== null || topic !== undefined) return { kind: "help", topic: mode ?? topic ?? null };
  }
  if (first === "config") return parseConfig(rest, sources);
  if (first === "completions") return { kind: "completions", shell: readShell(rest) };
  if (mode === null) throw noSuchMode(args);
  const flags = readFlags(mode, args.slice(wordCount(mode)));
  return { kind: mode, config: configure(mode, { ...sources, flags }).config };
}

/** The mode that the first word, or the first two, name; null where they name none. */
function readMode([first = "", second = ""]: readonly string[]): Mode | null {
  return MODES.find((mode) => mode === first || mode === `${first} ${second}`) ?? null;
}

function firstWord(mode: string): string {
  return mode.split(" ")[0] ?? mode;
}

function wordCount(mode: Mode): number {
  return mode.split(" ").length;
}

/** What follows `--` are operands. */
function beforeOperands(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

function asksForHelp(args: readonly string[]): boolean {
  return beforeOperands(args).some((arg) => HELP_FLAGS.includes(arg));
}

/** All that `orilla help` explains. */
export function helpTopics(): readonly string[] {
  const commands = Object.keys(SELF_COMMANDS);
  return [...MODES, ...MODE_GROUPS, ...commands, ...Object.keys(TOPICS)];
}

function readTopic(args: readonly string[]): string | null {
  const text = args.filter((arg) => !HELP_FLAGS.includes(arg)).join(" ");
  const topics = helpTopics();
  if (text === "" || topics.includes(text)) return text === "" ? null : text;
  throw usageError(
    `Cannot explain ${JSON.stringify(text)}: expected one of ${topics.join(", ")}` +
      didYouMean(text, topics),
  );
}

function readShell(args: readonly string[]): Shell {
  const text = args.join(" ");
  const shell = SHELLS.find((name) => name === text);
  if (shell !== undefined) return shell;
  throw usageError(
    `Cannot make completions for ${JSON.stringify(text)}: expected one of ${SHELLS.join(", ")}` +
      didYouMean(text, SHELLS),
  );
}

/** `orilla config [MODE] [flags of that mode] [--json]`, or `orilla config --json-schema`. */
function parseConfig(args: readonly string[], sources: CommandSources): Command {
  const [first] = args;
  const named = readMode(args);
  if (named === null && first !== undefined && !first.startsWith("-")) throw noSuchMode(args);
  const mode = named ?? "consumer";
  const rest = args.slice(named === null ? 0 : wordCount(named));
  const flags = beforeOperands(rest);
  if (flags.includes("--json-schema")) {
    if (args.length === 1) return { kind: "schema" };
    throw usageError("Cannot use --json-schema with anything else: it is the same for all modes");
  }
  // It says how to print, also where the mode has such a flag of its own.
  const others = flags.filter((flag) => flag !== "--json");
  if (others.length < flags.length - 1) throw usageError("Cannot use --json twice");
  const given = readFlags(mode, [...others, ...rest.slice(flags.length)]);
  return {
    kind: "config",
    configuration: configure(mode, { ...sources, flags: given }),
    isJson: others.length < flags.length,
  };
}

function noSuchMode([first = "", second]: readonly string[]): Error {
  const parts = MODES.filter((mode) => mode.startsWith(`${first} `));
  const text = parts.length === 0 || second === undefined ? first : `${first} ${second}`;
  const known = parts.length === 0 ? [...MODES, ...Object.keys(SELF_COMMANDS)] : parts;
  const hint = parts.length === 0 || second !== undefined ? didYouMean(text, known) : ".";
  return usageError(
    `Cannot run ${JSON.stringify(text)}: expected one of ${known.join(", ")}${hint} ` +
      `See orilla --help`,
  );
}

/** The texts of a mode's flags and operand, by option key. */
function readFlags(mode: Mode, args: readonly string[]): Map<string, string> {
  const keys = new Map(
    OPTION_ROWS.filter(([, row]) => row.modes.includes(mode) && !row.isSecret)
      .map((
        [key, row],
      ) => [flagOf(key).slice(2), { key, isSwitch: row.schema.type === "boolean" }]),
  );
  const options = Object.fromEntries(
    [...keys].map(([flag, { isSwitch }]) =>
      [flag, { type: isSwitch ? "boolean" as const : "string" as const }] as const
    ),
  );
  const operand = OPTION_ROWS.find(([, row]) => row.operandOf.includes(mode))?.[0];
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      if (operand === undefined || flags.has(operand)) throw notUnderstood(mode, token.value);
      flags.set(operand, token.value);
      continue;
    }
    const known = keys.get(token.name);
    if (known === undefined) throw notUnderstood(mode, token.rawName);
    // What looks like the next flag is not the value of this one; --flag=--value says that it is.
    const isNextFlag = token.inlineValue === false && token.value.startsWith("--");
    const value = isNextFlag ? undefined : token.value ?? (known.isSwitch ? "true" : undefined);
    if (value === undefined) {
      throw usageError(`Cannot read ${token.rawName}: expected a value, got none`);
    }
    if (flags.has(known.key)) throw usageError(`Cannot use ${token.rawName} twice`);
    flags.set(known.key, value);
  }
  return flags;
}

/** The refusal of a word that is no flag of the mode, with what may have been meant. */
function notUnderstood(mode: Mode, text: string): Error {
  const others = OPTION_ROWS.filter(([key, row]) => !row.isSecret && flagOf(key) === text)
    .flatMap(([, { modes }]) => modes);
  // One of its own stands behind --.
  if (others.length > 0 && !others.includes(mode)) {
    return usageError(
      `Cannot use ${text} with ${mode}: it is an option of ${others.join(", ")}. ` +
        `See orilla ${mode} --help`,
    );
  }
  const known = OPTION_ROWS.filter(([, row]) => row.isSecret || row.modes.includes(mode));
  const flags = [...known.map(([key]) => flagOf(key)), "--help"];
  const meant = nearestWord(text, flags);
  const secret = known.find(([key, row]) => row.isSecret && flagOf(key) === meant);
  if (secret !== undefined) {
    return usageError(
      `Cannot use ${text}: flags can be seen by other users of the machine. ` +
        `Set ${environmentOf(...secret)}, or use ${meant}-file`,
    );
  }
  const hint = flags.includes(text) ? "." : didYouMean(text, flags);
  return usageError(
    `Cannot use ${JSON.stringify(text)} with ${mode}: there is no such option${hint} ` +
      `See orilla ${mode} --help`,
  );
}
