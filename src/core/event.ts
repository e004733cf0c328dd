import { z } from "zod";
import { ACCIONES, type EventField } from "./event_fields.ts";
import type { Reason } from "./outcome.ts";

/** An error option for zod: the reason code where the field is there but wrong, or is missing. */
function reasons(missing: Reason, wrong: Reason) {
  return { error: (issue: { input?: unknown }) => issue.input === undefined ? missing : wrong };
}

function reason(code: Reason) {
  return { error: code };
}

/**
 * The event schema, written once: the messages of its issues are reason codes, so that validation, dead
 * letters and metrics share one list. Unknown fields are allowed, and kept (see `extra` below).
 */
export const eventSchema = z.object(
  {
    event_id: z.string(reasons("event_id_missing", "event_id_not_string"))
      .min(1, reason("event_id_empty"))
      .refine((id) => id.isWellFormed(), reason("event_id_not_unicode")),
    ts: z.string(reasons("ts_missing", "ts_not_string")),
    usuario_id: z.int(reasons("usuario_id_missing", "usuario_id_not_integer")),
    accion: z.enum(ACCIONES, reason("accion_not_allowed")).optional(),
    monto: z.number({
      error: (issue) => typeof issue.input === "number" ? "monto_not_finite" : "monto_not_number",
    }).min(0, reason("monto_negative")).nullish(),
  } satisfies Record<EventField, z.ZodType>,
);

/** A decoded record that satisfies the schema. */
export type Event = z.infer<typeof eventSchema>;

/** Why a decoded record does not satisfy the schema. */
export interface SchemaIssue {
  /** A reason code. */
  readonly message: string;
  /** The failing field. */
  readonly path: string;
}

const SYNC = { async: false } as const;

/**
 * Holds a decoded record against the schema: the event, or the first issue. As zod's own `safeParse`, but for the
 * error with a stack and all issues that it makes, which takes longer than the rest.
 */
export function parseEvent(fields: Record<string, unknown>): Event | SchemaIssue {
  const result = eventSchema._zod.run({ value: fields, issues: [] }, SYNC);
  if (result instanceof Promise) {
    throw new Error("Assertion failed: the event schema is synchronous");
  }
  const [issue] = result.issues;
  if (issue === undefined) return result.value as Event;
  const { message, path } = z.core.util.finalizeIssue(issue, SYNC, z.core.config());
  return { message, path: path.join(".") };
}
