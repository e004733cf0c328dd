import { bashCompletions } from "./bash_completions.ts";
import { fishCompletions } from "./fish_completions.ts";
import type { Shell } from "./subjects.ts";
import { zshCompletions } from "./zsh_completions.ts";

/** The script that makes a shell complete orilla's command lines. */
export function completions(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bashCompletions();
    case "zsh":
      return zshCompletions();
    case "fish":
      return fishCompletions();
    default:
      return shell satisfies never;
  }
}
