const QUOTE = 0x22, BACKSLASH = 0x5c, OPEN_BRACE = 0x7b, OPEN_BRACKET = 0x5b;

/**
 * Reads the text of a JSON object that JSON.parse accepts, where JSON.parse itself does not do: V8 takes a
 * name with an escape for another one of the same length with a backslash that it read before
 * (nodejs/node#63785), and it changes numbers that a 64-bit float does not hold. The last of a name counts.
 *
 * @param numberOf the value of a number's text
 * @throws RangeError where it is nested too deep (some thousand levels)
 */
export function readObject(
  text: string,
  numberOf: (source: string) => unknown = Number,
): Record<string, unknown> {
  const reader = new JsonReader(text, numberOf);
  return reader.readObject();
}

/** Whether a name in a JSON text is written with an escape. */
export function hasEscapedName(text: string): boolean {
  let backslash = text.indexOf("\\");
  if (backslash < 0) return false;
  for (let start = text.indexOf('"'); start >= 0;) {
    const end = endOfString(text, start);
    if (backslash < start) backslash = text.indexOf("\\", start);
    if (backslash < 0) return false;
    if (backslash < end && text.charCodeAt(afterSpace(text, end)) === 0x3a) return true;
    start = text.indexOf('"', end);
  }
  return false;
}

/** Where the string that starts at a quote ends: behind its other quote. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === BACKSLASH) before--;
  return (at - before) % 2 === 0;
}

/** The first place from `at` on that is not white space. */
function afterSpace(text: string, at: number): number {
  while (text.charCodeAt(at) <= 0x20) at++;
  return at;
}

class JsonReader {
  readonly #text: string;
  readonly #numberOf: (source: string) => unknown;
  #at = 0;

  constructor(text: string, numberOf: (source: string) => unknown) {
    this.#text = text;
    this.#numberOf = numberOf;
  }

  readObject(): Record<string, unknown> {
    const members: [string, unknown][] = [];
    this.#take();
    while (this.#peek() === QUOTE) {
      const name = this.#string();
      this.#take(); // The colon.
      members.push([name, this.#value()]);
      if (this.#peek() === 0x2c) this.#take();
    }
    this.#take();
    // It defines its members, so that one named __proto__ stays a member.
    return Object.fromEntries(members);
  }

  #array(): unknown[] {
    const elements: unknown[] = [];
    this.#take();
    while (this.#peek() !== 0x5d) {
      elements.push(this.#value());
      if (this.#peek() === 0x2c) this.#take();
    }
    this.#take();
    return elements;
  }

  #value(): unknown {
    switch (this.#peek()) {
      case OPEN_BRACE:
        return this.readObject();
      case OPEN_BRACKET:
        return this.#array();
      case QUOTE:
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #string(): string {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  /** A number, true, false or null. */
  #scalar(): unknown {
    const start = this.#at;
    while (isScalarUnit(this.#text.charCodeAt(this.#at))) this.#at++;
    const source = this.#text.slice(start, this.#at);
    return source === "null" || source === "true" || source === "false"
      ? JSON.parse(source)
      : this.#numberOf(source);
  }

  /** The unit that comes next, after white space. */
  #peek(): number {
    this.#at = afterSpace(this.#text, this.#at);
    return this.#text.charCodeAt(this.#at);
  }

  #take(): void {
    this.#at = afterSpace(this.#text, this.#at) + 1;
  }
}

/** Digits, letters, signs and the point. */
function isScalarUnit(unit: number): boolean {
  return unit > 0x20 && unit !== 0x2c && unit !== 0x5d && unit !== 0x7d;
}
