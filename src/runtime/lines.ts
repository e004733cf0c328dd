/** Longest line that is taken, in characters: more than the largest record that Kafka takes, as base64. */
const MAX_LINE_LENGTH = 1 << 28;

/**
 * The lines of a text that comes in pieces of UTF-8, without their ends.
 *
 * @param read the next piece, null at the end
 * @throws RangeError where the text is not UTF-8, or a line has no end
 */
export async function* linesOf(read: () => Promise<Uint8Array | null>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for (let bytes = await read(); bytes !== null; bytes = await read()) {
    const pieces = decode(decoder, bytes).split("\n");
    pieces[0] = rest + (pieces[0] ?? "");
    rest = pieces.pop() ?? "";
    if (rest.length > MAX_LINE_LENGTH) throw new RangeError("expected lines of text");
    yield* pieces;
  }
  rest += decode(decoder);
  if (rest !== "") yield rest;
}

function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch (error) {
    if (error instanceof TypeError) throw new RangeError("expected UTF-8", { cause: error });
    throw error;
  }
}
