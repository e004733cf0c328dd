/** How far long work is. */
export interface Progress {
  /** What is counted: `events`, `files`. */
  readonly unit: string;
  /** How many are handled so far. */
  readonly done: number;
  /** How many there are in all; null where there is no end. */
  readonly total: number | null;
  /** How many a second, lately; null until that is known. */
  readonly ratePerSecond: number | null;
  /** What else the line says, for example `lag 1,200`. */
  readonly note: string;
}

/** Where a command's results and progress go. */
export interface Reporter {
  /** A result, for stdout. */
  print(text: string): void;
  progress(progress: Progress): void;
}

/** What lies this far back counts for a third in the rate. */
const MEMORY_MS = 5_000;

/** Measures the rate of work and passes progress on, ten times a second at most. */
export class ProgressMeter {
  readonly #reporter: Reporter;
  readonly #nowMs: () => number;
  readonly #unit: string;
  #lastMs = -Infinity;
  #lastDone = 0;
  /** Work and time, both fading: their quotient is the rate. */
  #fadingDone = 0;
  #fadingMs = 0;

  /** @param unit what is counted */
  constructor(reporter: Reporter, nowMs: () => number, unit = "events") {
    this.#reporter = reporter;
    this.#nowMs = nowMs;
    this.#unit = unit;
  }

  /** @param note made where it is shown alone: updates come more often than lines do */
  update(done: number, total: number | null, note: () => string = () => ""): void {
    const now = this.#nowMs();
    const elapsedMs = now - this.#lastMs;
    if (elapsedMs < 100) return;
    if (Number.isFinite(elapsedMs)) {
      const kept = Math.exp(-elapsedMs / MEMORY_MS);
      this.#fadingDone = this.#fadingDone * kept + Math.max(0, done - this.#lastDone);
      this.#fadingMs = this.#fadingMs * kept + elapsedMs;
    }
    this.#lastMs = now;
    this.#lastDone = done;
    const ratePerSecond = this.#fadingMs === 0 ? null : this.#fadingDone * 1000 / this.#fadingMs;
    this.#reporter.progress({ unit: this.#unit, done, total, ratePerSecond, note: note() });
  }
}
