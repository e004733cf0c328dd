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

/** A script for zsh that completes orilla's command lines: a file of $fpath, or sourced after compinit. */
export function zshCompletions(): string {
  return `#compdef orilla
# Completes orilla in zsh. Made by: orilla completions zsh

# The second words of modes that have two.
_orilla_parts() {
  local -a parts
  case $1 in
${MODE_GROUPS.map((group) => `    ${group}) parts=(${described(partsOf(group))}) ;;`).join("\n")}
    *) return 1 ;;
  esac
  _describe -t commands command parts
}

# The flags of a mode, and others.
_orilla_flags() {
  local mode=$1
  shift
  case $mode in
${MODES.map((mode) => `    ${quoted(mode)}) ${argumentsOf(flagsOf(mode))} ;;`).join("\n")}
  esac
}

${mainFunction()}
if [[ $funcstack[1] == _orilla ]]; then _orilla "$@"; else compdef _orilla orilla; fi
`;
}

/** The function that zsh calls. */
function mainFunction(): string {
  return `_orilla() {
  local -a first modes topics own
  first=(${described(FIRST_WORDS)})
  modes=(${described(MODE_WORDS)})
  topics=(${described(HELP_WORDS)})
  if ((CURRENT == 2)); then
    _describe -t commands command first
    return
  fi
  case $words[2] in
    help)
      if ((CURRENT == 3)); then _describe -t topics topic topics; else _orilla_parts $words[3]; fi
      return
      ;;
    completions)
      ((CURRENT == 3)) && compadd ${SHELLS.join(" ")}
      return
      ;;
    config)
      own=(${CONFIG_FLAGS.map(specOf).join(" ")})
      shift words
      ((CURRENT--))
      if ((CURRENT == 2)) || [[ $words[2] == -* ]]; then
        ((CURRENT == 2)) && [[ $words[2] != -* ]] && _describe -t commands mode modes
        _orilla_flags consumer $own
        return
      fi
      ;;
  esac
  local mode=$words[2]
  shift words
  ((CURRENT--))
  if ((CURRENT == 2)) && _orilla_parts $mode; then return; fi
  case $mode in
    ${MODE_GROUPS.join(" | ")})
      mode="$mode $words[2]"
      shift words
      ((CURRENT--))
      ;;
  esac
  _orilla_flags $mode $own
}
`;
}

function argumentsOf(flags: readonly CompletedFlag[]): string {
  return ["_arguments -S $@", ...flags.map((flag) => `      ${specOf(flag)}`)].join(" \\\n");
}

/** A flag as `_arguments` takes it. */
function specOf({ flag, meaning, value }: CompletedFlag): string {
  const text = escaped(meaning);
  switch (value) {
    case "alone":
      return quoted(`${flag}[${text}]`);
    case "switch":
      return quoted(`${flag}=-[${text}]::value:(true false)`);
    case "file":
      return quoted(`${flag}=[${text}]:file:_files`);
    case "folder":
      return quoted(`${flag}=[${text}]:folder:_files -/`);
    default: {
      const words = value.words.length === 0 ? " " : `(${value.words.join(" ")})`;
      return quoted(`${flag}=[${text}]:value:${words}`);
    }
  }
}

function described(words: readonly Word[]): string {
  return words.map(([word, meaning]) => quoted(`${word}:${escaped(meaning)}`)).join(" ");
}

/** What zsh would take for the end of a meaning. */
function escaped(meaning: string): string {
  return meaning.replaceAll(/[\\[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
