import type { Decoded } from "./decode.ts";
import { type Event, eventSchema } from "./event.ts";
import { isReason, type Reason, type Rejected } from "./outcome.ts";
import { type Moment, parseIso8601 } from "./timestamp.ts";

/** An event that satisfies the schema, with its time read. */
export interface Valid {
  readonly kind: "valid";
  readonly event: Event;
  readonly moment: Moment;
}

/** Holds a decoded record against the schema. The first failing field decides the reason; the form of ts comes last. */
export function validate({ fields }: Decoded): Valid | Rejected {
  const result = eventSchema.safeParse(fields);
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = issue?.path.join(".") ?? "";
    return reject(reasonOf(issue?.message), path, fields);
  }
  const moment = parseIso8601(result.data.ts);
  if (moment === null) return reject("ts_not_iso8601", "ts", fields);
  return { kind: "valid", event: result.data, moment };
}

function reject(reason: Reason, path: string, fields: Record<string, unknown>): Rejected {
  return { kind: "rejected", reason, path, eventId: readableEventId(fields) };
}

function reasonOf(message: string | undefined): Reason {
  if (message !== undefined && isReason(message)) return message;
  throw new Error("Assertion failed: an issue of the event schema carries no reason code");
}

/** The event_id of a rejected record, for its trace; null where there is none worth the name. */
function readableEventId(fields: Record<string, unknown>): string | null {
  const id = fields["event_id"];
  return typeof id === "string" && id !== "" && id.isWellFormed() ? id : null;
}
