import type { IHeaders, KafkaMessage } from "kafkajs";
import { RecordReader } from "../core/record_block.ts";
import { RecordList } from "../core/record_list.ts";
import { noHeaders, type RawRecord, type RecordCursor, type RecordHeader } from "../core/record.ts";
import type { BlockMessage } from "./fetch_response.ts";

const encoder = new TextEncoder();

/**
 * The records of a batch that kafkajs delivers: blocks of them, or from an old broker messages of its own.
 *
 * @param fromOffset records below it are passed over
 */
export function* cursors(
  messages: readonly (KafkaMessage | BlockMessage)[],
  fromOffset: bigint,
): Generator<RecordCursor> {
  for (const message of messages) {
    if ("block" in message) {
      if (message.block !== null) yield new RecordReader(message.block, fromOffset);
    } else if (BigInt(message.offset) >= fromOffset) {
      yield new RecordList([rawRecord(message)]);
    }
  }
}

function rawRecord({ offset, timestamp, key, value, headers }: KafkaMessage): RawRecord {
  return {
    offset: BigInt(offset),
    timestampMs: Number(timestamp),
    key,
    value,
    headers: hasHeaders(headers) ? headersOf(headers) : noHeaders(),
  };
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
