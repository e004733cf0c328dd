import { MODE_GROUPS } from "../cli.ts";
import { MODES } from "../options/option.ts";
import {
  CONFIG_FLAGS,
  FIRST_WORDS,
  flagsOf,
  type FlagValue,
  HELP_WORDS,
  MODE_WORDS,
  partsOf,
  type Word,
} from "./completed.ts";
import { SHELLS } from "./subjects.ts";

/** A script for bash 3.2 and later that completes orilla's command lines. */
export function bashCompletions(): string {
  return `# Completes orilla in bash. Made by: orilla completions bash

# The flags of a mode.
_orilla_flags() {
  case $1 in
${MODES.map((mode) => `    ${quoted(mode)}) echo ${quoted(flagNames(mode))} ;;`).join("\n")}
  esac
}

# What may follow a flag of a mode: words, or one of @file, @folder, @any, @switch, @alone.
_orilla_values() {
  case "$1 $2" in
${valueCases().join("\n")}
  esac
}

# The second words of modes that have two.
_orilla_parts() {
  case $1 in
${MODE_GROUPS.map((group) => `    ${group}) echo ${quoted(names(partsOf(group)))} ;;`).join("\n")}
  esac
}

_orilla_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$2")
}

${MAIN}
complete -F _orilla orilla
`;
}

const MAIN = `_orilla() {
  local current=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]}
  local at=1 command='' isConfig='' isInline='' words='' word
  COMPREPLY=()
  # bash takes the = of --flag=value for a word of its own.
  if [[ $current == = ]]; then
    current='' isInline=1
  elif [[ $flag == = ]]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]} isInline=1
  fi
  if ((COMP_CWORD > 1)) && [[ \${COMP_WORDS[1]} == config ]]; then
    at=2 isConfig=1
  fi
  ((at < COMP_CWORD)) && command=\${COMP_WORDS[at]}
  if [[ -n $command && -n $(_orilla_parts "$command") ]]; then
    if ((at + 1 == COMP_CWORD)); then
      COMPREPLY=($(compgen -W "$(_orilla_parts "$command")" -- "$current"))
      return
    fi
    command="$command \${COMP_WORDS[at + 1]}"
  fi
  case $command in
    help)
      ((COMP_CWORD == 2)) && words=${quoted(names(HELP_WORDS))}
      ((COMP_CWORD == 3)) && words=$(_orilla_parts "$flag")
      ;;
    completions)
      ((COMP_CWORD == 2)) && words=${quoted(SHELLS.join(" "))}
      ;;
    '' | -*)
      if [[ -n $isConfig ]]; then
        command=consumer
        ((COMP_CWORD == 2)) && words=${quoted(names(MODE_WORDS))}
      elif ((COMP_CWORD == 1)); then
        words=${quoted(names(FIRST_WORDS))}
      fi
      ;;
  esac
  case $(_orilla_values "$command" "$flag")$isInline in
    @file | @file1) _orilla_paths -f "$current"; return ;;
    @folder | @folder1) _orilla_paths -d "$current"; return ;;
    @any | @any1) return ;;
    @switch1) words='true false' ;;
    @switch | @alone* | '' | 1)
      # A flag is given once.
      for word in $(_orilla_flags "$command") \${isConfig:+${
  CONFIG_FLAGS.map(({ flag }) => flag).join(" ")
}}; do
        [[ " \${COMP_WORDS[*]:1:COMP_CWORD-1} " == *" $word "* ]] || words="$words $word"
      done
      ;;
    *) words=$(_orilla_values "$command" "$flag") ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
`;

function flagNames(mode: typeof MODES[number]): string {
  return flagsOf(mode).map(({ flag }) => flag).join(" ");
}

function names(words: readonly Word[]): string {
  return words.map(([word]) => word).join(" ");
}

/** Words of orilla hold no quotes. */
function quoted(text: string): string {
  return `'${text}'`;
}

/** One case for each set of values, with the modes and flags that have it. */
function valueCases(): string[] {
  const patterns = new Map<string, string[]>();
  for (const mode of MODES) {
    for (const { flag, value } of flagsOf(mode)) {
      const text = valueText(value);
      patterns.set(text, [...patterns.get(text) ?? [], quoted(`${mode} ${flag}`)]);
    }
  }
  return [...patterns].map(([text, some]) => `    ${some.join(" | ")}) echo ${quoted(text)} ;;`);
}

function valueText(value: FlagValue): string {
  if (typeof value === "string") return `@${value}`;
  return value.words.length === 0 ? "@any" : value.words.join(" ");
}
