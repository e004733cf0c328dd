import { completions } from "../../src/about/completions.ts";
import type { Shell } from "../../src/about/subjects.ts";

const here = new URL(".", import.meta.url).pathname;

/** The words that a shell offers for a command line with the cursor at its end. */
export type Completer = (line: string) => Promise<string[]>;

/** Why a shell cannot be asked here; null where it can. */
export function whyNot(shell: Shell): string | null {
  try {
    new Deno.Command(shell, { args: ["-c", "exit"], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${shell} is not on PATH`;
    throw error;
  }
}

/**
 * Has a shell load its completions, and asks it in a folder.
 *
 * @param folder where the script, and what the shell leaves, may lie
 */
export async function completer(shell: Shell, folder: string): Promise<Completer> {
  const script = `${folder}/_orilla`;
  await Deno.writeTextFile(script, completions(shell));
  return async (line) => {
    const { code, stdout, stderr } = await new Deno.Command(shell, {
      args: argumentsFor(shell, { script, folder, line }),
      cwd: folder,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", HOME: folder, LC_ALL: "C.UTF-8", TERM: "dumb" },
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0 || stderr.length > 0) {
      throw new Error(`${shell} failed, exit ${code}: ${decoder.decode(stderr)}`);
    }
    const words = decoder.decode(stdout).split("\n").filter((word) => word !== "");
    // fish puts the meaning behind a tab.
    return words.map((word) => word.split("\t")[0] ?? "");
  };
}

/** Calls the function that the script registers, as readline does. */
const ASK_BASH = `source "$1"; shift
[[ $(complete -p orilla) == "complete -F _orilla orilla" ]] || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_orilla orilla "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"`;

function argumentsFor(
  shell: Shell,
  { script, folder, line }: {
    readonly script: string;
    readonly folder: string;
    readonly line: string;
  },
): string[] {
  switch (shell) {
    case "bash":
      return ["--norc", "-c", ASK_BASH, "bash", script, ...readlineWords(line)];
    case "zsh":
      return ["-f", `${here}zsh_completed.zsh`, folder, line];
    case "fish":
      return ["--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', script, line];
    default:
      return shell satisfies never;
  }
}

/** A line as readline breaks it: at spaces, and around equals signs; an empty word where it ends with a space. */
function readlineWords(line: string): string[] {
  const words = line.match(/[^ =]+|=/g) ?? [];
  return line.endsWith(" ") ? [...words, ""] : words;
}
