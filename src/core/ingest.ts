import type { Batch } from "./batch.ts";
import { decode } from "./decode.ts";
import { extraOf } from "./extra.ts";
import { bytesOfRecord, type RawRecord, type TopicPartition } from "./record.ts";
import { validate } from "./validate.ts";

/** What a record may be before it is read. */
export interface RecordLimits {
  /** Bytes of key, value and headers. */
  readonly maxRecordBytes: number;
}

/** Decodes and validates one record and appends it to the batch, as an event or as a rejected record. */
export function ingest(
  batch: Batch,
  at: TopicPartition,
  record: RawRecord,
  { maxRecordBytes }: RecordLimits = { maxRecordBytes: Infinity },
): void {
  if (bytesOfRecord(record) > maxRecordBytes) {
    batch.addRejected(at, record, {
      kind: "rejected",
      reason: "too_large",
      path: null,
      eventId: null,
    });
    return;
  }
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
