import { crc32c } from "../core/crc32c.ts";
import { assert } from "../core/errors.ts";
import type { RecordHeader } from "../core/record.ts";

/** A record to be produced. */
export interface RecordToPublish {
  readonly key: Uint8Array | null;
  /** null is a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers?: readonly RecordHeader[];
}

/** The format of Kafka since 0.11 (kafka.apache.org/documentation, "Record Batch"). */
export const RECORD_BATCH_MAGIC = 2;
/** Where the format of a record batch is said: the same place in all formats. */
export const MAGIC_AT = 16;
/** Bytes from the start of a record batch to its records, and those of them before its length counts. */
export const HEADER_BYTES = 61, LENGTH_COUNTS_FROM = 12;
const CRC_AT = 17, CRC_COUNTS_FROM = 21;
/** What a producer leaves to the broker, or has not got: a leader epoch, a producer id. */
const NONE = -1;

const LEAST_CAPACITY_BYTES = 4_096;

/** Writes records one after the other into a record batch, without an object for any of them. */
export class RecordBatchWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = HEADER_BYTES;
  #recordCount = 0;

  /** @param capacityBytes what it will probably need; it grows where that is too little */
  constructor(capacityBytes = 0) {
    this.#bytes = new Uint8Array(Math.max(capacityBytes, LEAST_CAPACITY_BYTES));
  }

  /** Bytes of the record batch as it is. */
  get byteLength(): number {
    return this.#at;
  }

  /**
   * Adds a record, unless the record batch would become larger than `maxBytes` by it; the first record is
   * added whatever its size.
   *
   * @returns whether it was added
   */
  add({ key, value, headers = [] }: RecordToPublish, maxBytes: number): boolean {
    const named = headers.length === 0 ? NO_HEADERS : headers.map(encodeHeader);
    // A byte of attributes, and a timestamp that is the record batch's own.
    const length = 2 + varintSize(this.#recordCount) + sizeOf(key) + sizeOf(value) +
      headersSize(named);
    const end = this.#at + varintSize(length) + length;
    if (end > maxBytes && this.#recordCount > 0) return false;
    this.#reserve(end);
    this.#varint(length);
    this.#varint(0);
    this.#varint(0);
    this.#varint(this.#recordCount++);
    this.#write(key);
    this.#write(value);
    this.#varint(named.length);
    for (const header of named) {
      this.#write(header.name);
      this.#write(header.value);
    }
    assert(this.#at === end, "a record has the length that was computed for it");
    return true;
  }

  /**
   * The record batch, in the writer's own memory: nothing can be added after it.
   *
   * @param nowMs the timestamp of all its records, milliseconds since 1970-01-01 UTC
   */
  finish(nowMs: number): Uint8Array<ArrayBuffer> {
    assert(this.#recordCount > 0, "a record batch has records");
    const bytes = this.#bytes.subarray(0, this.#at);
    const header = new DataView(bytes.buffer, 0, HEADER_BYTES);
    // The first offset and the leader epoch are the broker's to say, and no codec is in use.
    header.setInt32(8, bytes.length - LENGTH_COUNTS_FROM);
    header.setInt32(12, NONE);
    header.setInt8(MAGIC_AT, RECORD_BATCH_MAGIC);
    header.setInt32(23, this.#recordCount - 1);
    header.setBigInt64(27, BigInt(nowMs));
    header.setBigInt64(35, BigInt(nowMs));
    header.setBigInt64(43, BigInt(NONE));
    header.setInt16(51, NONE);
    header.setInt32(53, NONE);
    header.setInt32(57, this.#recordCount);
    header.setUint32(CRC_AT, crc32c(bytes, CRC_COUNTS_FROM));
    return bytes;
  }

  #reserve(end: number): void {
    if (end <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  /** Bytes behind their length, which is -1 for null. */
  #write(part: Uint8Array | null): void {
    if (part === null) return this.#varint(NONE);
    this.#varint(part.length);
    this.#bytes.set(part, this.#at);
    this.#at += part.length;
  }

  /** An integer of 31 bits, zigzag-encoded. */
  #varint(value: number): void {
    const bytes = this.#bytes;
    let left = (value << 1 ^ value >> 31) >>> 0, at = this.#at;
    for (; left >= 0x80; left >>>= 7) bytes[at++] = left & 0x7f | 0x80;
    bytes[at++] = left;
    this.#at = at;
  }
}

interface EncodedHeader {
  readonly name: Uint8Array;
  readonly value: Uint8Array | null;
}
const NO_HEADERS: readonly EncodedHeader[] = [];
const encoder = new TextEncoder();

function encodeHeader({ name, value }: RecordHeader): EncodedHeader {
  return { name: encoder.encode(name), value };
}

function headersSize(headers: readonly EncodedHeader[]): number {
  let size = varintSize(headers.length);
  for (const { name, value } of headers) size += sizeOf(name) + sizeOf(value);
  return size;
}

function sizeOf(part: Uint8Array | null): number {
  return part === null ? 1 : varintSize(part.length) + part.length;
}

/** Bytes of a zigzag-encoded integer from 0 to 2^31-1. */
function varintSize(value: number): number {
  if (value < 2 ** 6) return 1;
  if (value < 2 ** 13) return 2;
  if (value < 2 ** 20) return 3;
  return value < 2 ** 27 ? 4 : 5;
}
