import type { Decoded } from "./decode.ts";
import { type Event, parseEvent } from "./event.ts";
import { isHeldBy, mayLoseDigits, parseKeepingDigits } from "./number_text.ts";
import { isReason, type Reason, type Rejected } from "./outcome.ts";
import { type Moment, parseIso8601 } from "./timestamp.ts";

/** An event that satisfies the schema, with its time read. */
export interface Valid {
  readonly kind: "valid";
  readonly event: Event;
  readonly moment: Moment;
}

/**
 * Holds a decoded record against the schema. The first failing field decides the reason; then come the form
 * of ts, and numbers whose digits a 64-bit float would change.
 */
export function validate({ fields, text }: Decoded): Valid | Rejected {
  const event = parseEvent(fields);
  if (!("event_id" in event)) return reject(reasonOf(event.message), event.path, fields);
  const moment = parseIso8601(event.ts);
  if (moment === null) return reject("ts_not_iso8601", "ts", fields);
  if (mayLoseDigits(text)) {
    const changed = changedNumber(event, text);
    if (changed !== null) return reject(changed.reason, changed.path, fields);
  }
  return { kind: "valid", event, moment };
}

const NUMBER_REASONS = { usuario_id: "usuario_id_not_integer", monto: "monto_not_exact" } as const;
const TOO_DEEP = { reason: "nested_too_deep", path: null } as const;

/** The first number of an event that is not what its text says. */
function changedNumber(
  event: Event,
  text: string,
): { readonly reason: Reason; readonly path: string | null } | null {
  let written: Readonly<Record<string, unknown>>;
  try {
    written = parseKeepingDigits(text);
  } catch (error) {
    if (error instanceof RangeError) return TOO_DEEP;
    throw error;
  }
  for (const path of ["usuario_id", "monto"] as const) {
    const value = event[path];
    if (typeof value !== "number" || isHeldBy(JSON.stringify(written[path]), value)) continue;
    return { reason: NUMBER_REASONS[path], path };
  }
  return null;
}

function reject(reason: Reason, path: string | null, fields: Record<string, unknown>): Rejected {
  return { kind: "rejected", reason, path, eventId: readableEventId(fields) };
}

function reasonOf(message: string): Reason {
  if (isReason(message)) return message;
  throw new Error("Assertion failed: an issue of the event schema carries no reason code");
}

/** The event_id of a rejected record, for its trace; null where there is none worth the name. */
function readableEventId(fields: Record<string, unknown>): string | null {
  const id = fields["event_id"];
  return typeof id === "string" && id !== "" && id.isWellFormed() ? id : null;
}
