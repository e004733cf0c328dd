import { type DeadLetter, parsePosition, positionText } from "./dead_letter.ts";
import type { Position, RecordHeader } from "./record.ts";

/** Bytes as a text, and how: UTF-8 where they are UTF-8, else base64. */
interface Bytes {
  readonly text: string;
  readonly encoding: "utf8" | "base64";
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of bytes where they are UTF-8, else null. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function textOf(bytes: Uint8Array): Bytes {
  const text = utf8Text(bytes);
  if (text !== null) return { text, encoding: "utf8" };
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return { text: btoa(binary), encoding: "base64" };
}

/** The fields of a dead letter as `dlq export` writes them: bytes as text, with the encoding named. */
export function exportedFields(letter: DeadLetter): Readonly<Record<string, unknown>> {
  const { position, reason, path, stage, attempts, eventId, headers } = letter;
  return {
    position: positionText(position),
    timestamp: new Date(letter.timestampMs).toISOString(),
    reason,
    path,
    stage,
    attempts,
    rejected_at: new Date(letter.rejectedAtMs).toISOString(),
    event_id: eventId,
    ...namedBytes("key", letter.key),
    ...namedBytes("value", letter.value),
    headers: headers.map(({ name, value }) => ({ name, ...namedBytes("value", value) })),
  };
}

function namedBytes(name: string, bytes: Uint8Array | null): Readonly<Record<string, unknown>> {
  if (bytes === null) return { [name]: null };
  const { text, encoding } = textOf(bytes);
  return { [name]: text, [`${name}_encoding`]: encoding };
}

/** A dead letter that somebody repaired: what `dlq export` wrote, with another key, value or headers. */
export interface RepairedLetter {
  readonly position: Position;
  /** Which of the dead letters of that position it was, null for the latest. */
  readonly attempts: number | null;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/**
 * Reads a line that `dlq export` wrote and somebody may have changed; fields that a replay does not need
 * are not looked at.
 *
 * @throws RangeError that says what is wrong with the line
 */
export function readRepaired(line: string): RepairedLetter {
  const fields = objectOf(parseJson(line), "the line");
  const position = typeof fields["position"] === "string"
    ? parsePosition(fields["position"])
    : undefined;
  if (position === undefined) throw new RangeError(`expected topic/partition/offset in "position"`);
  const headers = fields["headers"] ?? [];
  if (!Array.isArray(headers)) throw new RangeError(`expected a list in "headers"`);
  return {
    position,
    attempts: attemptsOf(fields),
    key: bytesOf(fields, "key"),
    value: bytesOf(fields, "value"),
    headers: headers.map(headerOf),
  };
}

function attemptsOf({ attempts }: Record<string, unknown>): number | null {
  if (attempts === undefined) return null;
  if (typeof attempts === "number" && Number.isSafeInteger(attempts) && attempts > 0) {
    return attempts;
  }
  throw new RangeError(`expected an integer of 1 or more in "attempts"`);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RangeError("expected JSON", { cause: error });
    throw error;
  }
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RangeError(`expected ${what} to be a JSON object`);
  }
  return { ...value };
}

function headerOf(header: unknown): RecordHeader {
  const fields = objectOf(header, "each header");
  const { name } = fields;
  if (typeof name !== "string") throw new RangeError(`expected a text in a header's "name"`);
  return { name, value: bytesOf(fields, "value") ?? new Uint8Array() };
}

function bytesOf(fields: Record<string, unknown>, name: string): Uint8Array | null {
  const value = fields[name], encoding = fields[`${name}_encoding`] ?? "utf8";
  if (value === null || value === undefined) return null;
  if (typeof value !== "string") throw new RangeError(`expected a text or null in "${name}"`);
  if (encoding === "utf8") return encoder.encode(value);
  if (encoding !== "base64") {
    throw new RangeError(`expected utf8 or base64 in "${name}_encoding"`);
  }
  return fromBase64(value, name);
}

function fromBase64(text: string, name: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    // What atob throws is not the same in every version.
    throw new RangeError(`expected base64 in "${name}"`, { cause: error });
  }
}
