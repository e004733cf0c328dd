import type { Progress } from "./runtime/reporting.ts";

/** Where text goes, and whether a person reads it there. */
export interface Screen {
  readonly isTerminal: boolean;
  /** Columns; 80 where it is not a terminal. */
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

const CLEAR_LINE = "\r\x1b[K";

/**
 * Writes log lines and one line of progress below them to a terminal; where there is no terminal, log lines
 * alone.
 */
export class StatusLine {
  readonly #screen: Screen;
  #line = "";

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  log(line: string): void {
    const { isTerminal, write } = this.#screen;
    write(isTerminal && this.#line !== "" ? `${CLEAR_LINE}${line}\n${this.#line}` : `${line}\n`);
  }

  progress(progress: Progress): void {
    if (!this.#screen.isTerminal) return;
    const line = progressLine(progress, this.#screen.columns() - 1);
    if (line === this.#line) return;
    this.#line = line;
    this.#screen.write(CLEAR_LINE + line);
  }

  /** Takes the progress away, so that what follows starts on a clean line. */
  clear(): void {
    if (this.#line !== "") this.#screen.write(CLEAR_LINE);
    this.#line = "";
  }
}

/** A line that says how far the work is, at most `columns` wide. */
export function progressLine(
  { done, total, ratePerSecond, note }: Progress,
  columns: number,
): string {
  const rate = `${group(Math.round(ratePerSecond))}/s`;
  if (total === null || total === 0) {
    return [group(done), "events", rate, note].join("  ").trimEnd().slice(0, columns);
  }
  const share = Math.min(1, done / total);
  const left = ratePerSecond > 0
    ? `${Math.ceil(Math.max(0, total - done) / ratePerSecond)} s left`
    : "";
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  const text = [percent, `${group(done)} of ${group(total)}`, rate, left].join("  ").trimEnd();
  const width = Math.min(30, columns - text.length - 3);
  if (width < 5) return text.slice(0, columns);
  const filled = Math.round(share * width);
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${text}`;
}

function group(count: number): string {
  return count.toLocaleString("en-US");
}
