import type { IHeaders, KafkaMessage } from "kafkajs";
import { noHeaders, type RawRecord, type RecordHeader } from "../core/record.ts";

const encoder = new TextEncoder();

/** A record as kafkajs delivers it, in orilla's terms. */
export function rawRecord(message: KafkaMessage): RawRecord {
  return {
    offset: BigInt(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: message.headers === undefined ? noHeaders() : rawHeaders(message.headers),
  };
}

/**
 * kafkajs makes an object of the headers, a list where a name repeats. For names that every object has
 * (`constructor`, `__proto__`) such a list begins with what the object had, which is no header's value. A
 * value that is null stays null, though kafkajs's types do not say so.
 */
function rawHeaders(headers: IHeaders): readonly RecordHeader[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).flatMap((value: unknown) => {
      if (value instanceof Uint8Array || value === null) return [{ name, value }];
      return typeof value === "string" ? [{ name, value: encoder.encode(value) }] : [];
    })
  );
}
