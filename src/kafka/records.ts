import type { IHeaders, KafkaMessage } from "kafkajs";
import { noHeaders, type RawRecord, type RecordHeader } from "../core/record.ts";

const encoder = new TextEncoder();

/** Records as kafkajs delivers them, in orilla's terms. */
export function rawRecords(messages: readonly KafkaMessage[]): RawRecord[] {
  // Records that were produced together share their time; reading a number takes longer than comparing.
  let lastTimestamp = "0", lastMs = 0;
  return messages.map(({ offset, timestamp, key, value, headers }) => {
    if (timestamp !== lastTimestamp) {
      lastTimestamp = timestamp;
      lastMs = Number(timestamp);
    }
    const rawHeaders = hasHeaders(headers) ? headersOf(headers) : noHeaders();
    return { offset: BigInt(offset), timestampMs: lastMs, key, value, headers: rawHeaders };
  });
}

function hasHeaders(headers: IHeaders | undefined): headers is IHeaders {
  for (const _name in headers) return true;
  return false;
}

function headersOf(headers: IHeaders): readonly RecordHeader[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => {
      if (value === undefined) return [];
      return [{ name, value: typeof value === "string" ? encoder.encode(value) : value }];
    })
  );
}
