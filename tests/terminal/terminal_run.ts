import { orillaCommand } from "../orilla_process.ts";
import { runProgram } from "../programs.ts";
import { TerminalScreen } from "./screen.ts";

/** What happens once the terminal has shown some text: its width changes, or something is typed. */
export type Step =
  | { readonly after: string; readonly columns: number }
  | { readonly after: string; readonly type: string };

export interface TerminalOptions {
  readonly cwd: string;
  /** 0 is a terminal that does not say its width. */
  readonly columns: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly isStdoutPiped?: boolean;
  readonly steps?: readonly Step[];
}

/** What a run in a terminal left. */
export interface TerminalRun {
  readonly code: number;
  /** All that was written to the terminal. */
  readonly written: string;
  /** What went to stdout where that was piped. */
  readonly printed: string;
  /** The terminal at the end. */
  readonly screen: TerminalScreen;
  /** What it showed at one time or another: each piece from one carriage return or line end to the next. */
  readonly pieces: readonly string[];
}

interface Answer {
  readonly code: number;
  readonly printed: string;
  readonly stepsLeft: number;
  readonly events: readonly { readonly shown?: string; readonly columns?: number }[];
}

const runner = new URL("run_in_terminal.py", import.meta.url).pathname;

/** What `deno run` itself clears a terminal with while it loads modules; an executable does not. */
// deno-lint-ignore no-control-regex
const withoutDeno = (text: string) => text.replaceAll(/\x1b\[0G\x1b\[2K\x1b\[J/g, "");

// deno-lint-ignore no-control-regex
const withoutColours = (text: string) => text.replaceAll(/\x1b\[[\d;]*m/g, "");

/** Runs orilla in a pseudo-terminal. */
export async function runInTerminal(
  args: readonly string[],
  { cwd, columns, env = {}, isStdoutPiped = false, steps = [] }: TerminalOptions,
): Promise<TerminalRun> {
  const command = orillaCommand(args, { env: { TERM: "xterm-256color", ...env } });
  const environment: Record<string, string> = { ...command.env };
  // Tests run without colours; a terminal has them unless somebody says no.
  if (env["NO_COLOR"] === undefined) delete environment["NO_COLOR"];
  const request = {
    args: [command.path, ...command.args],
    env: environment,
    cwd,
    columns,
    isStdoutPiped,
    steps,
  };
  const { code, output } = await runProgram("python3", [runner, JSON.stringify(request)]);
  if (code !== 0) throw new Error(output);
  const answer: Answer = JSON.parse(output);
  if (answer.stepsLeft > 0) {
    throw new Error(`${answer.stepsLeft} steps were not reached:\n${output}`);
  }
  const screen = new TerminalScreen(columns);
  for (const { shown, columns: resized } of answer.events) {
    if (shown !== undefined) screen.write(withoutDeno(shown));
    else if (resized !== undefined) screen.resize(resized);
  }
  const written = answer.events.map(({ shown = "" }) => withoutDeno(shown)).join("");
  // deno-lint-ignore no-control-regex
  const moves = /[\r\n]|\x1b\[\d*[AJK]/;
  const pieces = withoutColours(written).split(moves).filter((piece) => piece !== "");
  return { code: answer.code, written, printed: answer.printed, screen, pieces };
}
