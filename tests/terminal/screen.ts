/** A logical line: what was written between two line ends, however many rows it takes. */
type Line = string[];

/**
 * A terminal as far as orilla uses one: text, carriage return, line feed, clearing, going up, colours. Where its width
 * changes it breaks lines anew, as today's terminals do. Any other escape sequence is an error.
 */
export class TerminalScreen {
  #columns: number;
  readonly #lines: Line[] = [[]];
  /** The cursor: a line, a row of that line, and a column; the last one is `columns` after a character at the edge. */
  #line = 0;
  #row = 0;
  #column = 0;
  colourCount = 0;

  /** @param columns 0 stands for a terminal that does not say its width, and is 80 wide */
  constructor(columns: number) {
    this.#columns = columns || 80;
  }

  resize(columns: number): void {
    const at = this.#row * this.#columns + this.#column;
    this.#columns = columns;
    this.#row = Math.floor(Math.max(0, at - 1) / columns);
    this.#column = at - this.#row * columns;
  }

  write(text: string): void {
    // deno-lint-ignore no-control-regex
    const tokens = text.matchAll(/\x1b\[(\d*(?:;\d+)*)([A-Za-z])|\r|\n|[^\x00-\x1f]|[^]/gu);
    for (const [token, parameter = "", letter] of tokens) {
      if (letter !== undefined) this.#control(letter, Number(parameter || 1), token);
      else if (token === "\r") this.#column = 0;
      else if (token === "\n") this.#lineFeed();
      else if (token >= " ") this.#put(token);
      else throw new Error(`It does not know what ${JSON.stringify(token)} is for`);
    }
  }

  /** All lines, whole; without the spaces at their ends. */
  get text(): string {
    return this.#lines.map((line) => line.join("").trimEnd()).join("\n");
  }

  get #current(): Line {
    return this.#lines[this.#line] ?? [];
  }

  #rowsOf(line: Line): number {
    return Math.max(1, Math.ceil(line.length / this.#columns));
  }

  #control(letter: string, count: number, token: string): void {
    const line = this.#current, at = this.#row * this.#columns + this.#column;
    switch (letter) {
      case "m":
        this.colourCount++;
        return;
      case "K": {
        // To the end of the row; rows below stay.
        const rowEnd = (this.#row + 1) * this.#columns;
        if (line.length <= rowEnd) line.length = Math.min(line.length, at);
        else line.fill(" ", at, rowEnd);
        return;
      }
      case "J":
        line.length = Math.min(line.length, at);
        this.#lines.length = this.#line + 1;
        return;
      case "A":
        for (let i = 0; i < count; i++) this.#up();
        return;
      default:
        throw new Error(`It does not know ${JSON.stringify(token)}`);
    }
  }

  #put(character: string): void {
    if (this.#column === this.#columns) {
      this.#row++;
      this.#column = 0;
    }
    const line = this.#current, at = this.#row * this.#columns + this.#column;
    while (line.length < at) line.push(" ");
    line[at] = character;
    this.#column++;
  }

  #lineFeed(): void {
    const line = this.#current;
    // What lies below the cursor in this line is no longer part of it.
    const below = line.splice((this.#row + 1) * this.#columns);
    if (below.some((character) => character !== " ")) throw new Error("It left rows of a line");
    this.#line++;
    this.#row = 0;
    if (this.#line === this.#lines.length) this.#lines.push([]);
  }

  #up(): void {
    if (this.#row > 0) {
      this.#row--;
      return;
    }
    if (this.#line === 0) return;
    this.#line--;
    this.#row = this.#rowsOf(this.#current) - 1;
  }
}
