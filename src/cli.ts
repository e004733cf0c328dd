import { parseArgs } from "node:util";
import { type Config, configure, defaultOf, environmentOf, flagOf, OPTION_ROWS } from "./config.ts";
import { usageError } from "./core/errors.ts";
import { type Mode, MODES } from "./options/option.ts";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help"; readonly mode: Mode | null }
  | { readonly kind: "version" }
  | { readonly kind: Mode; readonly config: Config };

/** What each mode does, in a line. */
export const MODE_MEANINGS: Readonly<Record<Mode, string>> = {
  simulate: "run the whole pipeline over generated events, without a Kafka",
  producer: "generate events into a Kafka topic",
  consumer: "bring a Kafka topic into the lake",
  verify: "hold the lake against its checkpoint: every file, row count, event id and offset",
  rebuild: "make a new checkpoint from the lake's own files",
  trace: "find an event by its id: published, duplicate, rejected, or never seen",
  "dlq list": "count the dead letters by reason and date; prints no content",
  "dlq show": "print one dead letter, its content too",
  "dlq export": "write dead letters to stdout as NDJSON, their content too",
  "dlq replay": "run dead letters through the pipeline again, or send them to a topic",
  "dlq purge": "remove old dead-letter files, and keep a record of what was in them",
};

/**
 * Reads the command line.
 *
 * @param args without the program's name
 * @param environment the value of an environment name, undefined where it is not set
 * @throws OrillaError with exit code 2 for anything that is not understood
 */
export function parseCommandLine(
  args: readonly string[],
  environment: (name: string) => string | undefined,
): Command {
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    return { kind: "help", mode: readMode(args.slice(1)) };
  }
  if (first === "--version" || first === "-V" || first === "version") return { kind: "version" };
  const mode = readMode(args);
  if (mode === null) throw noSuchMode(first, args[1]);
  const rest = args.slice(mode.split(" ").length);
  if (rest.includes("--help") || rest.includes("-h")) return { kind: "help", mode };
  return { kind: mode, config: configure(mode, readFlags(mode, rest), environment) };
}

/** The mode that the first word, or the first two, name; null where they name none. */
function readMode([first = "", second = ""]: readonly string[]): Mode | null {
  return MODES.find((mode) => mode === first || mode === `${first} ${second}`) ?? null;
}

function noSuchMode(first: string, second: string | undefined): Error {
  const parts = MODES.filter((mode) => mode.startsWith(`${first} `));
  const text = parts.length === 0 || second === undefined ? first : `${first} ${second}`;
  return usageError(
    `Cannot run ${JSON.stringify(text)}: expected a mode, one of ${
      (parts.length === 0 ? MODES : parts).join(", ")
    }. See orilla --help`,
  );
}

function readFlags(mode: Mode, args: readonly string[]): Map<string, string> {
  const keys = new Map(
    OPTION_ROWS.filter(([, row]) => row.modes.includes(mode) && !row.isSecret)
      .map((
        [key, row],
      ) => [flagOf(key).slice(2), { key, isSwitch: row.accepts === "true or false" }]),
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

function notUnderstood(mode: Mode, text: string): Error {
  const secret = OPTION_ROWS.find(([key, row]) => row.isSecret && flagOf(key) === text);
  if (secret !== undefined) {
    return usageError(
      `Cannot use ${text}: flags can be seen by other users of the machine. ` +
        `Set ${environmentOf(...secret)}, or use ${text}-file`,
    );
  }
  return usageError(
    `Cannot use ${
      JSON.stringify(text)
    } with ${mode}: there is no such option. See orilla ${mode} --help`,
  );
}

/** The text of `orilla --help`, or of one mode. */
export function helpText(mode: Mode | null, version: string): string {
  if (mode !== null) {
    const [operand] = OPTION_ROWS.filter(([, row]) => row.operandOf.includes(mode));
    const usage = operand === undefined ? "" : ` [${environmentOf(...operand)}]`;
    return [
      `orilla ${mode}${usage} [options]: ${MODE_MEANINGS[mode]}`,
      "",
      ...optionLines(mode),
      "",
    ].join("\n");
  }
  return [
    `orilla ${version}: JSON events from Kafka to a lake of date-partitioned Parquet files`,
    "",
    ...MODES.map((name) => `  orilla ${name.padEnd(10)} ${MODE_MEANINGS[name]}`),
    `  orilla help MODE  the options of a mode (also orilla MODE --help)`,
    `  orilla --version`,
    "",
    "Start with: orilla simulate",
    "",
    ...MODES.flatMap((name) => [`Options of ${name}:`, ...optionLines(name), ""]),
    "A flag goes before its environment name, and that before the default.",
    "",
    "Exit codes: 0 done or drained; 1 something outside failed, nothing is lost, start again;",
    "2 wrong arguments; 3 the lake or its checkpoint is damaged; 4 going on would skip data.",
    "",
  ].join("\n");
}

function optionLines(mode: Mode): string[] {
  return OPTION_ROWS.filter(([, row]) => row.modes.includes(mode)).flatMap(([key, row]) => {
    const unit = row.unit === "" ? "" : ` ${row.unit}`;
    const name = environmentOf(key, row);
    const text = defaultOf(row, mode);
    const standing = text === "" ? "no default" : `default ${text}${unit}`;
    return [
      row.isSecret ? `  ${name}  (a secret: no flag)` : `  ${flagOf(key)}  (${name}, ${standing})`,
      `      ${row.meaning}: ${row.accepts}`,
    ];
  });
}
