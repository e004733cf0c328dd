import type { RecordBlock } from "../../src/core/record_block.ts";
import type { RawRecord } from "../../src/core/record.ts";

/** Kafka's record format, written as its documentation has it ("Record"): a twin of what reads it. */

/** A zigzag-encoded integer in groups of seven bits, the lowest first. */
export function varint(value: bigint): number[] {
  let rest = BigInt.asUintN(64, value << 1n ^ value >> 63n);
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function withLength(bytes: Uint8Array | null): number[] {
  return bytes === null ? varint(-1n) : [...varint(BigInt(bytes.length)), ...bytes];
}

function recordBytes(
  { offset, timestampMs, key, value, headers }: RawRecord,
  base: { readonly firstOffset: bigint; readonly firstTimestampMs: number },
): number[] {
  const body = [
    0,
    ...varint(BigInt(timestampMs - base.firstTimestampMs)),
    ...varint(offset - base.firstOffset),
    ...withLength(key),
    ...withLength(value),
    ...varint(BigInt(headers.length)),
    ...headers.flatMap((header) => [
      ...withLength(new TextEncoder().encode(header.name)),
      ...withLength(header.value),
    ]),
  ];
  return [...varint(BigInt(body.length)), ...body];
}

/** The block that holds these records; its offsets and times count from `base`. */
export function blockOf(
  records: readonly RawRecord[],
  base: { readonly firstOffset: bigint; readonly firstTimestampMs: number },
): RecordBlock {
  return {
    ...base,
    appendTimestampMs: null,
    recordCount: records.length,
    bytes: Uint8Array.from(records.flatMap((record) => recordBytes(record, base))),
  };
}
