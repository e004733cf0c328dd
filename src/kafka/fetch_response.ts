import { Buffer } from "node:buffer";
import response from "kafkajs/src/protocol/requests/fetch/v11/response.js";
import { type RecordBlock, RecordReader } from "../core/record_block.ts";
import type { RawRecord } from "../core/record.ts";
import { AnswerFields } from "./answer_fields.ts";
import { decompress } from "./codecs.ts";
import { HEADER_BYTES, LENGTH_COUNTS_FROM, MAGIC_AT, RECORD_BATCH_MAGIC } from "./record_batch.ts";

/**
 * What stands where kafkajs has its message objects: one Kafka record batch as a whole, whose records are
 * read straight from its bytes. kafkajs goes by the offset alone.
 */
export interface BlockMessage {
  /** The last offset of the record batch: fetching goes on after it. */
  readonly offset: string;
  /** Whether kafkajs keeps it from its handlers: a transaction's end, or records of an aborted one. */
  readonly isControlRecord: boolean;
  /** null where there is nothing to read. */
  readonly block: RecordBlock | null;
}

const CODEC_MASK = 0x07, LOG_APPEND_TIME = 0x08, TRANSACTIONAL = 0x10, CONTROL = 0x20;
const ABORT_MARKER = 0;

/** The fields of a fixed version (kafka.apache.org/protocol, "Fetch API", version 11). */
class FixedFields extends AnswerFields {
  string(): string {
    const length = this.int16();
    this.at += length;
    return this.bytes.toString("utf8", this.at - length, this.at);
  }

  /** Bytes behind their length; fewer where the response ends before. */
  sized(): Buffer {
    const length = Math.max(0, this.int32());
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }
}

interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** A Kafka record batch (kafka.apache.org/documentation, "Record Batch"). */
interface RecordBatch {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly producerId: bigint;
  /** From its first byte to its last. */
  readonly bytes: Buffer;
}

/**
 * Makes kafkajs deliver record batches as `BlockMessage`s: an object a record would cost more than everything
 * that is done with it. Only the answer's decoding is replaced, for the version that brokers since 2.3 are
 * asked with; what older ones send is decoded by kafkajs.
 */
export function deliverRecordBlocks(): void {
  response.decode = decodeFetchResponse;
}

const decodeMessages = response.decode;

/** Decodes the answer to a fetch request of version 11. */
export async function decodeFetchResponse(buffer: Buffer): Promise<object> {
  const fields = new FixedFields(buffer);
  const clientSideThrottleTime = fields.int32();
  const errorCode = fields.int16();
  const sessionId = fields.int32();
  const responses = fields.array(() => ({
    topicName: fields.string(),
    partitions: fields.array(() => decodePartition(fields)),
  }));
  const isOld = responses.some(({ partitions }) =>
    partitions.some(({ messages }) => messages === null)
  );
  if (isOld) return await decodeMessages(buffer);
  // The broker has not held the request back, it asks the client to wait.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

function decodePartition(fields: FixedFields) {
  const partition = fields.int32();
  const errorCode = fields.int16();
  const highWatermark = String(fields.int64());
  const lastStableOffset = String(fields.int64());
  const lastStartOffset = String(fields.int64());
  const aborted = fields.array((): AbortedTransaction => ({
    producerId: fields.int64(),
    firstOffset: fields.int64(),
  }));
  const preferredReadReplica = fields.int32();
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    lastStartOffset,
    // They are left out below already.
    abortedTransactions: [],
    preferredReadReplica,
    messages: blockMessages(fields.sized(), aborted),
  };
}

/** The record batches of a partition; null where they have a format from before Kafka 0.11. */
function blockMessages(
  records: Buffer,
  abortedTransactions: readonly AbortedTransaction[],
): BlockMessage[] | null {
  const messages: BlockMessage[] = [];
  const aborted = new AbortedRecords(abortedTransactions);
  for (let at = 0; at + HEADER_BYTES <= records.length;) {
    if (records[at + MAGIC_AT] !== RECORD_BATCH_MAGIC) return null;
    const end = at + LENGTH_COUNTS_FROM + records.readInt32BE(at + 8);
    // The broker cuts its answer at a size, and so the last record batch in the middle.
    if (end > records.length) break;
    const batch = recordBatch(records.subarray(at, end));
    const isHidden = aborted.hide(batch);
    const block = isHidden ? null : recordBlock(batch);
    messages.push({ offset: String(batch.lastOffset), isControlRecord: isHidden, block });
    at = end;
  }
  return messages;
}

function recordBatch(bytes: Buffer): RecordBatch {
  const firstOffset = bytes.readBigInt64BE(0);
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(bytes.readInt32BE(23)),
    attributes: bytes.readInt16BE(21),
    producerId: bytes.readBigInt64BE(43),
    bytes,
  };
}

/** The records of one whole record batch, read in place. */
export function recordBlockIn(batch: Uint8Array<ArrayBuffer>): RecordBlock {
  const { buffer, byteOffset, byteLength } = batch;
  return recordBlock(recordBatch(Buffer.from(buffer, byteOffset, byteLength)));
}

/** The records of one whole record batch, as copies. */
export function recordsIn(batch: Uint8Array<ArrayBuffer>): RawRecord[] {
  const reader = new RecordReader(recordBlockIn(batch));
  const records: RawRecord[] = [];
  while (reader.next()) records.push(reader.record());
  return records;
}

function recordBlock({ firstOffset, attributes, bytes }: RecordBatch): RecordBlock {
  const maxTimestampMs = Number(bytes.readBigInt64BE(35));
  return {
    firstOffset,
    firstTimestampMs: Number(bytes.readBigInt64BE(27)),
    appendTimestampMs: (attributes & LOG_APPEND_TIME) === 0 ? null : maxTimestampMs,
    recordCount: bytes.readInt32BE(57),
    bytes: decompress(attributes & CODEC_MASK, bytes.subarray(HEADER_BYTES)),
  };
}

/** Tells the records of aborted transactions, and the markers that end transactions, from all others. */
class AbortedRecords {
  readonly #transactions: AbortedTransaction[];
  readonly #producerIds = new Set<bigint>();

  constructor(transactions: readonly AbortedTransaction[]) {
    this.#transactions = transactions.toSorted((a, b) => a.firstOffset < b.firstOffset ? -1 : 1);
  }

  /** Whether a record batch is hidden from readers; record batches come in the order of their offsets. */
  hide({ lastOffset, attributes, producerId, bytes }: RecordBatch): boolean {
    for (let [next] = this.#transactions; next !== undefined; [next] = this.#transactions) {
      if (next.firstOffset > lastOffset) break;
      this.#producerIds.add(next.producerId);
      this.#transactions.shift();
    }
    if ((attributes & CONTROL) !== 0) {
      if (markerType(bytes.subarray(HEADER_BYTES)) === ABORT_MARKER) {
        this.#producerIds.delete(producerId);
      }
      return true;
    }
    return (attributes & TRANSACTIONAL) !== 0 && this.#producerIds.has(producerId);
  }
}

/** The type in the key of a control record: 0 ends a transaction by aborting it. */
function markerType(records: Buffer): number {
  const reader = new RecordReader({
    firstOffset: 0n,
    firstTimestampMs: 0,
    appendTimestampMs: null,
    recordCount: 1,
    bytes: records,
  });
  const key = reader.next() ? reader.record().key : null;
  return key === null || key.length < 4 ? -1 : (key[2] ?? 0) << 8 | (key[3] ?? 0);
}
