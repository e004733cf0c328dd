import { assert } from "./errors.ts";
import type { Origin, RawRecord, RecordCursor } from "./record.ts";

const NO_BYTES = new Uint8Array();

const encoder = new TextEncoder();

/** Goes through records that are there as objects. */
export class RecordList implements RecordCursor {
  readonly #records: readonly RawRecord[];
  #next = 0;
  readonly baseOffset: bigint;
  offsetDelta = 0;
  timestampMs = 0;
  byteLength = 0;
  bytes: Uint8Array = NO_BYTES;
  valueStart = -1;
  valueEnd = 0;
  origin: Origin | undefined = undefined;

  constructor(records: readonly RawRecord[]) {
    this.#records = records;
    this.baseOffset = records[0]?.offset ?? 0n;
  }

  next(): boolean {
    const record = this.#records[this.#next];
    if (record === undefined) return false;
    this.#next++;
    const { value } = record;
    this.offsetDelta = Number(record.offset - this.baseOffset);
    this.timestampMs = record.timestampMs;
    this.origin = record.origin;
    this.byteLength = byteLengthOf(record);
    this.bytes = value ?? NO_BYTES;
    this.valueStart = value === null ? -1 : 0;
    this.valueEnd = this.bytes.length;
    return true;
  }

  record(): RawRecord {
    const record = this.#records[this.#next - 1];
    assert(record !== undefined, "next() went to a record");
    return record;
  }

  again(): RecordList {
    return new RecordList(this.#records);
  }
}

/** Bytes of a record: its key, its value, and its headers' names and values. */
function byteLengthOf({ key, value, headers }: RawRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) {
    bytes += encoder.encode(header.name).length + (header.value?.length ?? 0);
  }
  return bytes;
}
