import { MODE_MEANINGS } from "../cli.ts";
import { environmentOf, OPTION_ROWS } from "../config.ts";
import { EXIT_CODES } from "../core/errors.ts";
import { type Mode, MODES } from "../options/option.ts";
import { optionLines } from "./option_lines.ts";
import { CONFIG_SWITCHES, isTopic, SELF_COMMANDS, SHELLS, TOPICS } from "./subjects.ts";
import { defined, described, wrapped } from "./text_lines.ts";
import { topicLines } from "./topics.ts";

/**
 * The text of `orilla help`, or of one of its topics.
 *
 * @param topic one of `helpTopics()`; null for all in short
 */
export function helpText(topic: string | null, version: string): string {
  return [...lines(topic, version), ""].join("\n");
}

function lines(topic: string | null, version: string): string[] {
  const mode = MODES.find((name) => name === topic);
  if (mode !== undefined) return modePage(mode);
  switch (topic) {
    case null:
      return overview(version);
    case "config":
      return configPage();
    case "completions":
      return completionsPage();
    case "help":
      return [
        ...head("help", { operands: "[TOPIC]", meaning: SELF_COMMANDS.help }),
        "",
        "TOPICS",
        ...topicNames(),
      ];
    default:
      return isTopic(topic) ? topicLines(topic) : groupPage(topic);
  }
}

function overview(version: string): string[] {
  const modes = MODES.map((mode) => [`orilla ${mode}`, MODE_MEANINGS[mode]] as const);
  const commands = Object.entries(SELF_COMMANDS)
    .map(([name, meaning]) => [`orilla ${name}`, meaning] as const);
  return [
    `orilla ${version}: JSON events from Kafka to a lake of date-partitioned Parquet files`,
    "",
    ...described([...modes, ...commands, ["orilla --version", "print the version"]]),
    "",
    "Topics of orilla help:",
    ...topicNames(),
    "",
    "Start with: orilla simulate",
    "",
    ...wrapped(
      "A flag goes before its environment name, that before the configuration file, and that before " +
        "the default.",
      "",
    ),
    "",
    ...exitCodes(),
  ];
}

function topicNames(): string[] {
  return described([
    ["MODE", "what a mode does, and its options (also orilla MODE --help)"],
    ...Object.entries(TOPICS),
  ]);
}

function exitCodes(): string[] {
  return ["Exit codes:", ...described(EXIT_CODES.map(([code, meaning]) => [`${code}`, meaning]))];
}

function head(name: string, { operands, meaning }: {
  readonly operands: string;
  readonly meaning: string;
}): string[] {
  return [
    "NAME",
    ...wrapped(`orilla ${name} - ${meaning}`, "  "),
    "",
    "SYNOPSIS",
    ...wrapped(`orilla ${name} ${operands}`, "  "),
  ];
}

function modePage(mode: Mode): string[] {
  const rows = OPTION_ROWS.filter(([, row]) => row.modes.includes(mode));
  const operand = rows.find(([, row]) => row.operandOf.includes(mode));
  const operandText = operand === undefined ? "" : `[${environmentOf(...operand)}] `;
  return [
    ...head(mode, { operands: `${operandText}[OPTION]...`, meaning: MODE_MEANINGS[mode] }),
    "",
    "OPTIONS",
    ...rows.flatMap((row) => optionLines(row, mode)),
    "",
    "EXIT CODES",
    ...exitCodes().slice(1),
    "",
    "SEE ALSO",
    ...wrapped(`orilla help configuration; orilla config ${mode}: the values in force`, "  "),
  ];
}

function groupPage(group: string): string[] {
  const modes = MODES.filter((mode) => mode.startsWith(`${group} `));
  return [
    "SYNOPSIS",
    ...described(modes.map((mode) => [`orilla ${mode}`, MODE_MEANINGS[mode]])),
    "",
    "SEE ALSO",
    `  orilla help ${modes[0]}, and so on`,
  ];
}

function configPage(): string[] {
  return [
    ...head("config", { operands: "[MODE] [OPTION]...", meaning: SELF_COMMANDS.config }),
    "  orilla config --json-schema",
    "",
    "DESCRIPTION",
    ...wrapped(
      "MODE is consumer where none is given. All flags of the mode are taken, so that orilla config before " +
        "a command line says what that would run with. It refuses what the mode would refuse, exit 2. A " +
        'secret is shown as "set" or "not set".',
      "  ",
    ),
    "",
    "OPTIONS",
    ...defined(Object.entries(CONFIG_SWITCHES)),
    "",
    "SEE ALSO",
    "  orilla help configuration",
  ];
}

function completionsPage(): string[] {
  return [
    ...head("completions", { operands: SHELLS.join("|"), meaning: SELF_COMMANDS.completions }),
    "",
    "EXAMPLES",
    ...defined([
      ["bash", "echo 'source <(orilla completions bash)' >> ~/.bashrc"],
      ["zsh, after compinit", "echo 'source <(orilla completions zsh)' >> ~/.zshrc"],
      ["fish", "orilla completions fish > ~/.config/fish/completions/orilla.fish"],
    ]),
  ];
}
