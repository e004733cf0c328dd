import type { Batch } from "./batch.ts";
import { decode } from "./decode.ts";
import { extraOf } from "./extra.ts";
import type { RawRecord, TopicPartition } from "./record.ts";
import { UsualForm } from "./usual_form.ts";
import { validate } from "./validate.ts";

/** Holds what was last read; nothing of it outlives a record. */
const usualForm = new UsualForm();

/** Decodes and validates one record and appends it to the batch, as an event or as a rejected record. */
export function ingest(batch: Batch, at: TopicPartition, record: RawRecord): void {
  const { value } = record;
  if (value !== null && usualForm.read(value)) batch.addUsual(at, record, usualForm);
  else ingestAny(batch, at, record);
}

/** The general path of `ingest`, for any bytes. */
export function ingestAny(batch: Batch, at: TopicPartition, record: RawRecord): void {
  const decoded = decode(record.value);
  if (decoded.kind === "undecodable") {
    const { reason } = decoded;
    batch.addRejected(at, record, { kind: "rejected", reason, path: null, eventId: null });
    return;
  }
  const valid = validate(decoded);
  if (valid.kind === "rejected") {
    batch.addRejected(at, record, valid);
    return;
  }
  const extra = extraOf(decoded.fields, decoded.text);
  if (extra === undefined) {
    const { event_id: eventId } = valid.event;
    batch.addRejected(at, record, {
      kind: "rejected",
      reason: "nested_too_deep",
      path: null,
      eventId,
    });
    return;
  }
  batch.addEvent(at, record, valid.event, valid.moment, extra);
}
