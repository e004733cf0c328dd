import {
  COLON,
  COMMA,
  endOfText,
  isAt,
  LEFT_BRACE,
  NOT_USUAL,
  QUOTE,
  RIGHT_BRACE,
  UsualNumber,
  wordBytes,
  ZERO,
} from "./usual_json.ts";

const LITERALS = ["true", "false", "null"].map(wordBytes);
/** More unknown fields, or more bytes of them, are not usual. */
const MAX_FIELDS = 16;
const MAX_BYTES = 16_384;
/** JavaScript writes smaller numbers with an exponent (ECMA-262, Number::toString). */
const LEAST_PLAIN_NUMBER = 1e-6;

/**
 * The unknown fields of one record as the text of a JSON object, byte for byte what `extraOf` makes of
 * them: fields in their order, without white space. It takes texts, literals, and numbers that are written as
 * JavaScript would write them; no nested values.
 */
export class UsualExtra {
  /** The text, in use up to `byteLength`. */
  readonly bytes = new Uint8Array(MAX_BYTES);
  byteLength = 0;
  #fieldCount = 0;
  /** Where the name of each field lies in `bytes`: start and end in turn. */
  readonly #names = new Int32Array(2 * MAX_FIELDS);
  readonly #number = new UsualNumber();

  get isEmpty(): boolean {
    return this.#fieldCount === 0;
  }

  clear(): void {
    this.#fieldCount = this.byteLength = 0;
  }

  /**
   * Takes a field in.
   *
   * @param name where its name lies, with its quotes
   * @param at where its value begins
   * @returns the position after its value
   */
  read(from: Uint8Array, name: { readonly start: number; readonly end: number }, at: number) {
    const end = this.#endOfValue(from, at);
    if (end === NOT_USUAL || this.#fieldCount === MAX_FIELDS) return NOT_USUAL;
    // JavaScript moves fields with the names of array indexes to the front.
    const first = (from[name.start + 1] ?? 0) - ZERO;
    if (first >= 0 && first <= 9) return NOT_USUAL;
    const nameLength = name.end - name.start;
    if (this.byteLength + nameLength + (end - at) + 3 > MAX_BYTES) return NOT_USUAL;
    if (this.#has(from, name.start, nameLength)) return NOT_USUAL;
    this.bytes[this.byteLength++] = this.isEmpty ? LEFT_BRACE : COMMA;
    this.#names[2 * this.#fieldCount] = this.byteLength;
    this.#copy(from, name.start, name.end);
    this.#names[2 * this.#fieldCount + 1] = this.byteLength;
    this.#fieldCount++;
    this.bytes[this.byteLength++] = COLON;
    this.#copy(from, at, end);
    return end;
  }

  /** Ends the text; nothing is taken in after that. */
  close(): void {
    this.bytes[this.byteLength++] = RIGHT_BRACE;
  }

  #endOfValue(from: Uint8Array, at: number): number {
    if (from[at] === QUOTE) {
      const quote = endOfText(from, at + 1);
      return quote === NOT_USUAL ? NOT_USUAL : quote + 1;
    }
    for (const literal of LITERALS) if (isAt(from, at, literal)) return at + literal.length;
    const end = this.#number.read(from, at);
    if (end === NOT_USUAL || this.#number.fractionDigits === 0) return end;
    const isShortest = from[end - 1] !== ZERO;
    return isShortest && Math.abs(this.#number.value) >= LEAST_PLAIN_NUMBER ? end : NOT_USUAL;
  }

  #has(from: Uint8Array, start: number, length: number): boolean {
    for (let field = 0; field < this.#fieldCount; field++) {
      const known = this.#names[2 * field] ?? 0;
      if ((this.#names[2 * field + 1] ?? 0) - known !== length) continue;
      let i = 0;
      while (i < length && this.bytes[known + i] === from[start + i]) i++;
      if (i === length) return true;
    }
    return false;
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    let to = this.byteLength;
    for (let i = start; i < end; i++) this.bytes[to++] = from[i] ?? 0;
    this.byteLength = to;
  }
}
