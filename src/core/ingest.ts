import type { Batch } from "./batch.ts";
import { decode } from "./decode.ts";
import { extraOf } from "./extra.ts";
import type { RecordCursor, TopicPartition } from "./record.ts";
import { UsualForm } from "./usual_form.ts";
import { validate } from "./validate.ts";

/** What a record may be before it is read. */
export interface RecordLimits {
  /** Bytes of key, value and headers. */
  readonly maxRecordBytes: number;
}

const NO_LIMITS: RecordLimits = { maxRecordBytes: Infinity };

/** Holds what was last read; nothing of it outlives a record. */
const usualForm = new UsualForm();

/**
 * Decodes and validates the record that a cursor is at and appends it to the batch, as an event or as a
 * rejected record.
 */
export function ingest(
  batch: Batch,
  at: TopicPartition,
  cursor: RecordCursor,
  { maxRecordBytes }: RecordLimits = NO_LIMITS,
): void {
  const { bytes, valueStart, valueEnd } = cursor;
  if (cursor.byteLength > maxRecordBytes) {
    batch.addRejected(at, cursor, {
      kind: "rejected",
      reason: "too_large",
      path: null,
      eventId: null,
    });
  } else if (valueStart >= 0 && usualForm.read(bytes, valueStart, valueEnd)) {
    batch.addUsual(at, cursor, usualForm);
  } else ingestAny(batch, at, cursor);
}

/** The general path of `ingest`, for the value of any record. */
export function ingestAny(batch: Batch, at: TopicPartition, cursor: RecordCursor): void {
  const { bytes, valueStart, valueEnd } = cursor;
  const decoded = decode(valueStart < 0 ? null : bytes.subarray(valueStart, valueEnd));
  if (decoded.kind === "undecodable") {
    const { reason } = decoded;
    batch.addRejected(at, cursor, { kind: "rejected", reason, path: null, eventId: null });
    return;
  }
  const valid = validate(decoded);
  if (valid.kind === "rejected") {
    batch.addRejected(at, cursor, valid);
    return;
  }
  const extra = extraOf(decoded.fields, decoded.text);
  if (extra === undefined) {
    const { event_id: eventId } = valid.event;
    batch.addRejected(at, cursor, {
      kind: "rejected",
      reason: "nested_too_deep",
      path: null,
      eventId,
    });
    return;
  }
  batch.addEvent(at, cursor, valid.event, valid.moment, extra);
}
