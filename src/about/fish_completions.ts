import { MODE_GROUPS } from "../cli.ts";
import { MODES } from "../options/option.ts";
import {
  type CompletedFlag,
  CONFIG_FLAGS,
  FIRST_WORDS,
  flagsOf,
  HELP_WORDS,
  MODE_WORDS,
  partsOf,
  type Word,
} from "./completed.ts";
import { SHELLS } from "./subjects.ts";

/** A script for fish 3.4 and later that completes orilla's command lines. */
export function fishCompletions(): string {
  const plainWords = FIRST_WORDS.filter(([word]) => !word.startsWith("-"));
  return `# Completes orilla in fish. Made by: orilla completions fish

# Whether the words before the cursor are these.
function __orilla_after
    set -l words (commandline -opc)
    set -e words[1]
    test "$words" = "$argv"
end

# Whether the command line is for one of these modes; orilla config is for consumer where it names none.
function __orilla_in
    set -l words (commandline -opc)
    set -e words[1]
    if test "$words[1]" = config
        set -e words[1]
        string match -qr '^[^-]' -- "$words[1]"; or set words consumer
    end
    contains -- "$words[1]" ${MODE_GROUPS.join(" ")}; and set words[1] "$words[1..2]"
    contains -- "$words[1]" $argv
end

# Whether the flag was given. As the last word before the cursor it waits for its value.
function __orilla_given
    set -l words (commandline -opc)
    contains -- $argv $words[..-2]; or string match -q -- "$argv=*" $words
end

complete -c orilla -f
${wordLines("", plainWords)}
complete -c orilla -n '__orilla_after' -l help -d 'Explain orilla'
complete -c orilla -n '__orilla_after' -l version -d 'Print the version'
${wordLines("config", MODE_WORDS)}
${wordLines("help", HELP_WORDS)}
${wordLines("completions", SHELLS.map((shell): Word => [shell, `for ${shell}`]))}
${
    MODE_GROUPS.flatMap((group) =>
      ["", "config ", "help "].map((before) => wordLines(`${before}${group}`, partsOf(group)))
    ).join("\n")
  }
${
    CONFIG_FLAGS.map((flag) => flagLine(flag, "string match -q config -- (commandline -opc)[2]"))
      .join("\n")
  }
${modeFlagLines().join("\n")}
`;
}

/** The words that may follow some others. */
function wordLines(before: string, words: readonly Word[]): string {
  return words.map(([word, meaning]) =>
    `complete -c orilla -n ${quoted(`__orilla_after ${before}`.trimEnd())} -a ${word} -d ${
      quoted(meaning)
    }`
  ).join("\n");
}

/** One line for each flag, with all modes in which it is the same. */
function modeFlagLines(): string[] {
  const modes = new Map<string, { readonly flag: CompletedFlag; readonly modes: string[] }>();
  for (const mode of MODES) {
    for (const flag of flagsOf(mode)) {
      const key = JSON.stringify(flag);
      const same = modes.get(key) ?? { flag, modes: [] };
      same.modes.push(`"${mode}"`);
      modes.set(key, same);
    }
  }
  return [...modes.values()].map(({ flag, modes }) =>
    flagLine(flag, `__orilla_in ${modes.join(" ")}`)
  );
}

/** A flag is given once. */
function flagLine({ flag, meaning, value }: CompletedFlag, condition: string): string {
  const takesNone = value === "alone" || value === "switch";
  const given = takesNone ? `contains -- ${flag} (commandline -opc)` : `__orilla_given ${flag}`;
  const when = quoted(`${condition}; and not ${given}`);
  const name = flag.slice(2);
  return `complete -c orilla -n ${when} -l ${name}${valueText(value)} -d ${quoted(meaning)}`;
}

function valueText(value: CompletedFlag["value"]): string {
  switch (value) {
    case "alone":
    case "switch":
      return "";
    case "file":
      return " -r -F";
    case "folder":
      return " -x -a '(__fish_complete_directories)'";
    default:
      return value.words.length === 0 ? " -x" : ` -x -a ${quoted(value.words.join(" "))}`;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
