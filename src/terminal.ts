import { fittedProgress, type ProgressLook } from "./progress_line.ts";
import type { Progress } from "./runtime/reporting.ts";

/** Where text goes, and what can be done there. */
export interface Screen extends ProgressLook {
  /** Whether a person reads it, on something that knows how to clear a line. */
  readonly isTerminal: boolean;
  /** Whether lines that are too wide after a resize are broken anew; else they are cut off. */
  readonly breaksLinesAnew: boolean;
  readonly isColoured: boolean;
  /** Columns; 0 where that is not known. */
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

/** What the environment says of a terminal. */
export function terminalTraits(
  environment: (name: string) => string | undefined,
): Pick<Screen, "isColoured" | "isUnicode" | "breaksLinesAnew"> & { readonly isDumb: boolean } {
  const term = environment("TERM") ?? "";
  const locale = environment("LC_ALL") || environment("LC_CTYPE") || environment("LANG") || "";
  // xterm itself, the Linux console, rxvt and screen cut lines off; tmux, which may call itself screen, does not.
  const cuts = environment("XTERM_VERSION") !== undefined ||
    /^(linux|rxvt|screen)/.test(term) && environment("TMUX") === undefined;
  return {
    isDumb: term === "dumb",
    // https://no-color.org: whatever it says, unless that is nothing.
    isColoured: (environment("NO_COLOR") ?? "") === "",
    isUnicode: /utf-?8/i.test(locale),
    breaksLinesAnew: !cuts,
  };
}

const CLEAR_REST_OF_ROW = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const COLOURS = {
  bar: "\x1b[36m",
  empty: "\x1b[2m",
  warning: "\x1b[33m",
  error: "\x1b[31m",
} as const;
const RESET = "\x1b[0m";

/** Columns where a terminal does not say how many it has. */
const USUAL_COLUMNS = 80;

/**
 * Writes log lines and one line of progress below them to a terminal; where there is no terminal, log lines
 * alone. A line is written over the one before and the rest then cleared, in one write, so that nothing flickers.
 */
export class StatusLine {
  readonly #screen: Screen;
  #progress: Progress | null = null;
  /** What is shown, without colours; "" where nothing is. */
  #shown = "";

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  log(line: string): void {
    const { isTerminal, isColoured, write } = this.#screen;
    if (!isTerminal) return write(`${line}\n`);
    const text = isColoured ? colouredLog(line) : line;
    if (this.#shown === "") return write(`${text}\n`);
    const start = this.#toStart();
    write(`${start}${text}${CLEAR_REST_OF_ROW}\n${this.#render()}`);
  }

  progress(progress: Progress): void {
    if (!this.#screen.isTerminal) return;
    this.#progress = progress;
    const before = this.#shown, start = this.#toStart(), text = this.#render();
    if (this.#shown === before && start === "\r") return;
    this.#screen.write(`${start}${text}${CLEAR_REST_OF_ROW}`);
  }

  /** Takes the progress away, so that what follows starts on a clean line. */
  clear(): void {
    if (this.#shown !== "") this.#screen.write(`${this.#toStart()}${CLEAR_REST_OF_ROW}`);
    this.#shown = "";
    this.#progress = null;
  }

  get #columns(): number {
    return this.#screen.columns() || USUAL_COLUMNS;
  }

  /** To where the shown line begins; it takes several rows where the terminal became narrower. */
  #toStart(): string {
    const { breaksLinesAnew } = this.#screen;
    const rows = breaksLinesAnew ? Math.ceil([...this.#shown].length / this.#columns) : 1;
    return rows > 1 ? `\r\x1b[${rows - 1}A${CLEAR_BELOW}` : "\r";
  }

  /** The progress as it fits now, which counts as shown from then on. */
  #render(): string {
    if (this.#progress === null) return "";
    // The last column stays free: a character there makes some terminals begin a new line.
    const { bar, text } = fittedProgress(this.#progress, this.#columns - 1, this.#screen);
    this.#shown = bar === null ? text : `[${bar.filled}${bar.empty}] ${text}`;
    if (bar === null || !this.#screen.isColoured) return this.#shown;
    const filled = `${COLOURS.bar}${bar.filled}${RESET}`;
    return `[${filled}${COLOURS.empty}${bar.empty}${RESET}] ${text}`;
  }
}

/** A log line of the text format with its level in colour; others as they are. */
function colouredLog(line: string): string {
  return line.replace(/^([\d:.]+ )(WARNING|ERROR)/, (_all, time: string, level: string) => {
    const colour = level === "ERROR" ? COLOURS.error : COLOURS.warning;
    return `${time}${colour}${level}${RESET}`;
  });
}
