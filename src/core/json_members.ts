/** A member of a JSON object, as it is written. */
export interface JsonMember {
  readonly name: string;
  /** The text of its value, digits and all. */
  readonly value: string;
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c;
const isOpening = (code: number) => code === 0x7b || code === 0x5b;
const isClosing = (code: number) => code === 0x7d || code === 0x5d;

/**
 * The members of a JSON object that JSON.stringify wrote (no white space between tokens), in their order.
 * It does not recurse, so the depth of the values does not matter, and their text stays as it is.
 */
export function jsonMembers(text: string): JsonMember[] {
  const members: JsonMember[] = [];
  for (let at = 1; at < text.length - 1;) {
    const nameEnd = stringEnd(text, at);
    const end = valueEnd(text, nameEnd + 1);
    const name: string = JSON.parse(text.slice(at, nameEnd));
    members.push({ name, value: text.slice(nameEnd + 1, end) });
    at = end + 1;
  }
  return members;
}

/** Where the value that begins there ends: at a comma, or at the brace that ends the object. */
function valueEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = stringEnd(text, at) - 1;
    else if (isOpening(code)) depth++;
    else if (depth === 0 && (code === COMMA || isClosing(code))) return at;
    else if (isClosing(code)) depth--;
  }
  return text.length;
}

/** Where the string whose quote is there ends, after its last quote. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) at++;
    else if (code === QUOTE) return at + 1;
  }
  return text.length;
}
