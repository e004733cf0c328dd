/** A text, number, true, false, null, or a list of these. */
export type FlatValue = FlatScalar | readonly FlatScalar[];
type FlatScalar = string | number | boolean | null;

/** A member of the object, and where it stands. */
export interface FlatMember {
  readonly name: string;
  readonly value: FlatValue;
  /** The value as it is written. */
  readonly source: string;
  /** Where its name begins in the text, in UTF-16 units. */
  readonly at: number;
}

/** A text is not what was expected; its message says what was, and never repeats the text. */
export class FlatJsonError extends Error {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;

  constructor(expected: string, text: string, at: number) {
    super(`expected ${expected}`);
    this.name = "FlatJsonError";
    this.line = lineAt(text, at);
    this.column = at - text.lastIndexOf("\n", at - 1);
  }
}

/**
 * The members of a JSON object (RFC 8259) that holds no other objects, in their order; a name may be there twice.
 * JSON.parse would keep the last of them, and repeat a part of the text in its errors.
 *
 * @throws FlatJsonError where the text is something else
 */
export function flatMembers(text: string): FlatMember[] {
  const reader = new Reader(text);
  const members: FlatMember[] = [];
  reader.expect("{", "{");
  if (!reader.skip("}")) {
    do members.push(reader.member()); while (reader.skip(","));
    reader.expect("}", "a comma or }");
  }
  reader.expectEnd();
  return members;
}

const ITEM = "a text in double quotes, a number, true or false";
const VALUE = `${ITEM}, or a list of these`;

const SPACE = /[ \t\n\r]*/y;
/** All but quotes, backslashes and what lies below the space stands for itself. */
const STRING = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[ !#-[\]-\uffff]*)*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  member(): FlatMember {
    const at = this.#nextAt();
    const name: string = JSON.parse(this.#take(STRING, "a name in double quotes"));
    this.expect(":", "a colon");
    const start = this.#nextAt();
    const value = this.skip("[") ? this.#list() : this.#scalar(VALUE);
    const source = this.#text.slice(start, this.#at);
    return { name, value, source, at };
  }

  skip(unit: string): boolean {
    if (this.#text[this.#nextAt()] !== unit) return false;
    this.#at++;
    return true;
  }

  expect(unit: string, expected: string): void {
    if (!this.skip(unit)) throw this.#fault(expected);
  }

  expectEnd(): void {
    if (this.#nextAt() < this.#text.length) throw this.#fault("nothing after the last }");
  }

  #list(): FlatScalar[] {
    const items: FlatScalar[] = [];
    if (this.skip("]")) return items;
    do items.push(this.#scalar(ITEM)); while (this.skip(","));
    this.expect("]", "a comma or ]");
    return items;
  }

  #scalar(expected: string): FlatScalar {
    const isString = this.#text[this.#nextAt()] === '"';
    return JSON.parse(this.#take(isString ? STRING : SCALAR, expected));
  }

  #take(pattern: RegExp, expected: string): string {
    pattern.lastIndex = this.#nextAt();
    const [token] = pattern.exec(this.#text) ?? [];
    if (token === undefined) throw this.#fault(expected);
    this.#at += token.length;
    return token;
  }

  /** Where the next token begins, after white space. */
  #nextAt(): number {
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)?.[0].length ?? 0;
    return this.#at;
  }

  #fault(expected: string): FlatJsonError {
    const found = this.#text.slice(this.#at, this.#at + 2);
    const isAfterComma = /,\s*$/.test(this.#text.slice(0, this.#at));
    const hint = /^(\/[/*]|#)/.test(found)
      ? "; JSON has no comments"
      : /^[}\]]/.test(found) && isAfterComma
      ? "; JSON has no comma after the last one"
      : "";
    return new FlatJsonError(expected + hint, this.#text, this.#at);
  }
}

/** The line of a place in a text, from 1. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split("\n").length;
}
