import { noHeaders, type RawRecord, type RecordCursor, type RecordHeader } from "./record.ts";

/** Records as Kafka stores them (format v2, decompressed): a block with one header for all of them. */
export interface RecordBlock {
  /** Offset that the records' offsets count from. */
  readonly firstOffset: bigint;
  /** Milliseconds since 1970-01-01 UTC that the records' timestamps count from. */
  readonly firstTimestampMs: number;
  /** Where the broker stamps records as it appends them: the stamp of all; else null. */
  readonly appendTimestampMs: number | null;
  readonly recordCount: number;
  /** The records, one after the other. */
  readonly bytes: Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
/** What the headers of a record that has none take: their count. */
const NO_HEADERS_BYTES = 1;

/**
 * Reads the records of a block one after the other, in place: where its parts lie, without an object a record
 * (kafka.apache.org/documentation, "Record").
 */
export class RecordReader implements RecordCursor {
  readonly bytes: Uint8Array;
  readonly baseOffset: bigint;
  offsetDelta = 0;
  timestampMs = 0;
  byteLength = 0;
  valueStart = -1;
  valueEnd = 0;
  readonly origin = undefined;
  readonly #block: RecordBlock;
  readonly #firstTimestampMs: number;
  readonly #appendTimestampMs: number | null;
  #keyStart = -1;
  #keyEnd = 0;
  #headersAt = 0;
  #at = 0;
  #left: number;
  readonly #fromDelta: number;

  /** @param fromOffset records below it are passed over: brokers send the blocks that hold it whole */
  constructor(block: RecordBlock, fromOffset = block.firstOffset) {
    this.#block = block;
    this.#fromDelta = Number(fromOffset - block.firstOffset);
    this.bytes = block.bytes;
    this.baseOffset = block.firstOffset;
    this.#firstTimestampMs = block.firstTimestampMs;
    this.#appendTimestampMs = block.appendTimestampMs;
    this.#left = block.recordCount;
  }

  next(): boolean {
    while (this.#left > 0) {
      this.#read();
      if (this.offsetDelta >= this.#fromDelta) return true;
    }
    return false;
  }

  #read(): void {
    this.#left--;
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.bytes.length) {
      throw new Error("A Kafka record ends after its block");
    }
    // A byte of attributes, none of which is in use.
    this.#at++;
    const timestampDelta = this.#varint();
    this.timestampMs = this.#appendTimestampMs ?? this.#firstTimestampMs + timestampDelta;
    this.offsetDelta = this.#varint();
    const keyLength = this.#varint();
    this.#keyStart = keyLength < 0 ? -1 : this.#at;
    this.#at = this.#keyEnd = this.#at + Math.max(0, keyLength);
    const valueLength = this.#varint();
    this.valueStart = valueLength < 0 ? -1 : this.#at;
    this.#at = this.valueEnd = this.#at + Math.max(0, valueLength);
    this.#headersAt = this.#at;
    if (this.#at + NO_HEADERS_BYTES > end) {
      throw new Error("A Kafka record is longer than its length");
    }
    this.byteLength = Math.max(0, keyLength) + Math.max(0, valueLength);
    if (this.#at + NO_HEADERS_BYTES < end) this.byteLength += this.#headersLength(end);
    this.#at = end;
  }

  /** Its bytes are copies, so that the block need not be kept for it. */
  record(): RawRecord {
    return {
      offset: this.baseOffset + BigInt(this.offsetDelta),
      timestampMs: this.timestampMs,
      key: this.#copy(this.#keyStart, this.#keyEnd),
      value: this.#copy(this.valueStart, this.valueEnd),
      headers: this.#headers(),
    };
  }

  again(): RecordReader {
    return new RecordReader(this.#block, this.baseOffset + BigInt(this.#fromDelta));
  }

  #copy(start: number, end: number): Uint8Array | null {
    return start < 0 ? null : new Uint8Array(this.bytes.subarray(start, end));
  }

  /** Bytes of the headers' names and values, which must end where the record does. */
  #headersLength(end: number): number {
    let length = 0;
    for (let left = this.#varint(); left > 0 && this.#at < end; left--) {
      length += this.#skipBytes() + this.#skipBytes();
    }
    if (this.#at !== end) throw new Error("A Kafka record's headers do not end where it does");
    return length;
  }

  /** Goes past bytes behind their length, and says how many they are. */
  #skipBytes(): number {
    const length = Math.max(0, this.#varint());
    this.#at += length;
    return length;
  }

  #headers(): readonly RecordHeader[] {
    const end = this.#at;
    this.#at = this.#headersAt;
    const count = this.#varint();
    const headers = Array.from({ length: Math.max(0, count) }, () => this.#header());
    this.#at = end;
    return headers.length === 0 ? noHeaders() : headers;
  }

  #header(): RecordHeader {
    const nameEnd = this.#varint() + this.#at;
    const name = utf8.decode(this.bytes.subarray(this.#at, nameEnd));
    this.#at = nameEnd;
    const length = this.#varint();
    const start = this.#at;
    this.#at = start + Math.max(0, length);
    return { name, value: length < 0 ? null : this.#copy(start, this.#at) };
  }

  /** A zigzag-encoded integer of up to 64 bits; exact up to 2^53, which times and sizes do not pass. */
  #varint(): number {
    const bytes = this.bytes;
    let at = this.#at;
    let byte = bytes[at++] ?? 0;
    if (byte < 0x80) {
      this.#at = at;
      return byte >>> 1 ^ -(byte & 1);
    }
    let value = byte & 0x7f, scale = 0x80;
    do {
      byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    this.#at = at;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
