/** How far long work is. */
export interface Progress {
  /** Records handled so far. */
  readonly done: number;
  /** Records in all; null where there is no end. */
  readonly total: number | null;
  /** Records a second, lately. */
  readonly ratePerSecond: number;
  /** What else the line says, for example `lag 1,200`. */
  readonly note: string;
}

/** Where a command's results and progress go. */
export interface Reporter {
  /** A result, for stdout. */
  print(text: string): void;
  progress(progress: Progress): void;
}

/** Measures the rate of work and passes progress on, ten times a second at most. */
export class ProgressMeter {
  readonly #reporter: Reporter;
  readonly #nowMs: () => number;
  #lastMs = -Infinity;
  #lastDone = 0;
  #rate = 0;

  constructor(reporter: Reporter, nowMs: () => number) {
    this.#reporter = reporter;
    this.#nowMs = nowMs;
  }

  update(done: number, total: number | null, note = ""): void {
    const now = this.#nowMs();
    const elapsedMs = now - this.#lastMs;
    if (elapsedMs < 100) return;
    if (Number.isFinite(elapsedMs)) {
      const latest = (done - this.#lastDone) * 1000 / elapsedMs;
      this.#rate = this.#rate === 0 ? latest : this.#rate * 0.8 + latest * 0.2;
    }
    this.#lastMs = now;
    this.#lastDone = done;
    this.#reporter.progress({ done, total, ratePerSecond: this.#rate, note });
  }
}
