import { Batch } from "../../src/core/batch.ts";
import { ingest } from "../../src/core/ingest.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { RawRecord, TopicPartition } from "../../src/core/record.ts";

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Where the records of most tests lie. */
export const HERE: TopicPartition = { topic: "events", partition: 0 };

/** The fields of an event that satisfies the schema. */
export const VALID_FIELDS = {
  event_id: "e1",
  ts: "2026-11-24T10:15:00.123456Z",
  usuario_id: 7,
  accion: "click",
  monto: 12.5,
} as const;

/** The JSON text of a valid event; given fields replace its own, undefined takes one away. */
export function eventText(fields: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...VALID_FIELDS, ...fields });
}

/** A record with a value; what is not given is plain. */
export function recordOf(value: Uint8Array | null, parts: Partial<RawRecord> = {}): RawRecord {
  return { offset: 0n, timestampMs: 1_000, key: null, headers: [], ...parts, value };
}

/** A record that holds a valid event, with the given fields replaced. */
export function eventRecord(
  fields: Readonly<Record<string, unknown>> = {},
  parts: Partial<RawRecord> = {},
): RawRecord {
  return recordOf(bytesOf(eventText(fields)), parts);
}

/** Takes one record into a batch. */
export function ingestRecord(
  batch: Batch,
  at: TopicPartition,
  record: RawRecord,
  take = ingest,
): void {
  const cursor = new RecordList([record]);
  cursor.next();
  take(batch, at, cursor);
}

/** A batch of one partition that took in these values at offsets 0, 1, … */
export function batchOf(values: readonly (Uint8Array | null)[]): Batch {
  const batch = new Batch();
  values.forEach((value, i) => ingestRecord(batch, HERE, recordOf(value, { offset: BigInt(i) })));
  return batch;
}

/** A batch of valid events, each with some fields replaced. */
export function batchOfEvents(events: readonly Readonly<Record<string, unknown>>[]): Batch {
  return batchOf(events.map((fields) => bytesOf(eventText(fields))));
}
