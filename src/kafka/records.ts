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

function rawHeaders(headers: IHeaders): readonly RecordHeader[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => {
      if (value === undefined) return [];
      return [{ name, value: typeof value === "string" ? encoder.encode(value) : value }];
    })
  );
}
