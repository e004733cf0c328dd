import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { RecordReader } from "../src/core/record_block.ts";
import type { RawRecord } from "../src/core/record.ts";
import { type BlockMessage, decodeFetchResponse } from "../src/kafka/fetch_response.ts";

/** Bytes of integers, big-endian, as the protocol has them. */
export function int(bits: 16 | 32 | 64, value: number | bigint): number[] {
  const unsigned = BigInt.asUintN(bits, BigInt(value));
  return Array.from(
    { length: bits / 8 },
    (_, i) => Number(unsigned >> BigInt(bits - 8 - 8 * i) & 0xffn),
  );
}

/** An answer to a fetch request of version 11 about one partition that holds these bytes. */
export function fetchResponse(
  records: Iterable<number>,
  aborted: readonly (readonly [bigint, bigint])[] = [],
): Buffer {
  const bytes = [...records];
  return Buffer.from([
    ...int(32, 0),
    ...int(16, 0),
    ...int(32, 7),
    ...int(32, 1),
    ...int(16, 1),
    ..."t".split("").map((letter) => letter.charCodeAt(0)),
    ...int(32, 1),
    ...int(32, 3),
    ...int(16, 0),
    ...int(64, 100),
    ...int(64, 90),
    ...int(64, 5),
    ...int(32, aborted.length),
    ...aborted.flatMap((
      [producerId, firstOffset],
    ) => [...int(64, producerId), ...int(64, firstOffset)]),
    ...int(32, -1),
    ...int(32, bytes.length),
    ...bytes,
  ]);
}

interface Decoded {
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly highWatermark: string;
      readonly messages: readonly BlockMessage[];
    }[];
  }[];
}

export function isDecoded(value: object): value is Decoded {
  return "responses" in value;
}

/** What stands for its record batches. */
export async function messagesOf(buffer: Buffer): Promise<readonly BlockMessage[]> {
  const decoded = await decodeFetchResponse(buffer);
  assert.ok(isDecoded(decoded));
  return decoded.responses[0]?.partitions[0]?.messages ?? [];
}

/** The records of one record batch. */
export async function recordsOf(batch: Uint8Array): Promise<RawRecord[]> {
  const [message, ...more] = await messagesOf(fetchResponse(batch));
  assert.ok(message?.block && more.length === 0);
  const reader = new RecordReader(message.block);
  const records: RawRecord[] = [];
  while (reader.next()) records.push(reader.record());
  return records;
}
