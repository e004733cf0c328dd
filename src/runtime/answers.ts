/** Questions to another thread that are answered in their order. */
export class Answers<T> {
  readonly #ask: () => void;
  readonly #waiting: ((value: T) => void)[] = [];

  /** @param ask sends a question */
  constructor(ask: () => void) {
    this.#ask = ask;
  }

  /** Asks; resolves with the answer. */
  ask(): Promise<T> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#ask();
    });
  }

  /** Answers the oldest question that waits. */
  answer(value: T): void {
    this.#waiting.shift()?.(value);
  }
}
