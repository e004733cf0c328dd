import { damagedError } from "../../core/errors.ts";
import type { Reply } from "./connection.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** A reply as text; numbers are written out. */
export function textOf(reply: Reply | undefined): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "number") return String(reply);
  if (reply instanceof Uint8Array) return decoder.decode(reply);
  throw unexpected();
}

/** A reply as a number. */
export function numberOf(reply: Reply | undefined): number {
  const number = Number(textOf(reply));
  if (Number.isNaN(number)) throw unexpected();
  return number;
}

/** A reply as a list. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (reply === null || typeof reply !== "object" || reply instanceof Uint8Array) {
    throw unexpected();
  }
  return reply;
}

/** Fields and values that follow each other in a list. */
export function fieldsOf(reply: Reply | undefined): ReadonlyMap<string, string> {
  const texts = listOf(reply).map(textOf);
  const fields = new Map<string, string>();
  for (let i = 0; i < texts.length; i += 2) fields.set(texts[i] ?? "", texts[i + 1] ?? "");
  return fields;
}

function unexpected(): Error {
  return damagedError(
    "The keys of the lake in Redis are not as orilla made them. Restore them from a copy",
  );
}
