import { MODE_GROUPS, MODE_MEANINGS } from "../cli.ts";
import { flagOf, OPTION_ROWS } from "../config.ts";
import { type Mode, MODES, type Option } from "../options/option.ts";
import { wordsOf } from "../options/value_schema.ts";
import { CONFIG_SWITCHES, SELF_COMMANDS, TOPICS } from "./subjects.ts";

/** A word with what it means. */
export type Word = readonly [word: string, meaning: string];

/**
 * What may follow a flag: nothing (after a switch, =true or =false), the path of a file or a folder, or any
 * text, of which some words are known.
 */
export type FlagValue = "alone" | "switch" | "file" | "folder" | {
  readonly words: readonly string[];
};

/** A flag, as a shell completes it. */
export interface CompletedFlag {
  readonly flag: string;
  readonly meaning: string;
  readonly value: FlagValue;
}

/** The flags of a mode. */
export function flagsOf(mode: Mode): CompletedFlag[] {
  const flags = OPTION_ROWS.filter(([, row]) => row.modes.includes(mode) && !row.isSecret)
    .map(([key, row]) => ({ flag: flagOf(key), meaning: row.meaning, value: valueOf(row) }));
  return [...flags, { flag: "--help", meaning: "Explain the mode", value: "alone" }];
}

/** The switches of `orilla config`. */
export const CONFIG_FLAGS: readonly CompletedFlag[] = Object.entries(CONFIG_SWITCHES)
  .map(([flag, meaning]) => ({ flag, meaning, value: "alone" }));

function valueOf(row: Option<unknown>): FlagValue {
  if (row.schema.type === "boolean") return "switch";
  return row.place ?? { words: wordsOf(row.schema) };
}

/** The words that may stand for a mode, the first of two where there are two. */
export const MODE_WORDS: readonly Word[] = [
  ...MODES.filter((mode) => !mode.includes(" ")).map((mode): Word => [mode, MODE_MEANINGS[mode]]),
  ...MODE_GROUPS.map((
    group,
  ): Word => [group, `${partsOf(group).map(([part]) => part).join(", ")}`]),
];

/** The first words of command lines. */
export const FIRST_WORDS: readonly Word[] = [
  ...MODE_WORDS,
  ...Object.entries(SELF_COMMANDS),
  ["--help", "Explain orilla"],
  ["--version", "Print the version"],
];

/** The words after `orilla help`. */
export const HELP_WORDS: readonly Word[] = [
  ...MODE_WORDS,
  ...Object.entries(SELF_COMMANDS),
  ...Object.entries(TOPICS),
];

/** The second words of a group of modes. */
export function partsOf(group: string): Word[] {
  return MODES.filter((mode) => mode.startsWith(`${group} `))
    .map((mode): Word => [mode.slice(group.length + 1), MODE_MEANINGS[mode]]);
}
