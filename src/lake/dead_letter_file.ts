import { type Data, Field, List, makeData, Struct } from "apache-arrow";
import { positionOfRejected, type RejectedRecord } from "../core/batch.ts";
import { stageOf } from "../core/outcome.ts";
import type { RecordHeader } from "../core/record.ts";
import {
  binaryColumn,
  int32Column,
  int64Column,
  timestampColumn,
  utf8Column,
} from "./arrow_columns.ts";
import type { DeadLetterCipher, LetterContent, StoredContent } from "./dead_letter_cipher.ts";
import type { Column } from "./parquet_table.ts";

/**
 * The columns of a dead-letter file: where the record lay, its original bytes, and why it was rejected. A
 * replay that was rejected again lies where the record lay at first.
 *
 * @param rejectedAtMicroseconds when their batch was staged, microseconds since 1970-01-01 UTC
 * @param cipher what key, value and headers are encrypted with; null leaves them in clear
 */
export function deadLetterColumns(
  letters: readonly RejectedRecord[],
  rejectedAtMicroseconds: bigint,
  cipher: DeadLetterCipher | null,
): readonly Column[] {
  const records = letters.map(({ record }) => record);
  const contents = storedContents(letters, cipher);
  const rejected = letters.map(({ rejected }) => rejected);
  const positions = letters.map(positionOfRejected);
  const timestamps = records.map(({ timestampMs }) => BigInt(Math.trunc(timestampMs)) * 1000n);
  const rejectedAt = new BigInt64Array(letters.length).fill(rejectedAtMicroseconds);
  return [
    required("topic", utf8Column(positions.map(({ topic }) => topic))),
    required("partition", int32Column(Int32Array.from(positions, ({ partition }) => partition))),
    required("offset", int64Column(BigInt64Array.from(positions, ({ offset }) => offset))),
    required("record_timestamp", timestampColumn(BigInt64Array.from(timestamps))),
    optional("key", binaryColumn(contents.map(({ key }) => key))),
    required("headers", headersColumn(contents.map(({ headers }) => headers))),
    optional("value", binaryColumn(contents.map(({ value }) => value))),
    required("reason", utf8Column(rejected.map(({ reason }) => reason))),
    optional("path", utf8Column(rejected.map(({ path }) => path))),
    optional("event_id", utf8Column(rejected.map(({ eventId }) => eventId))),
    required("rejected_at", timestampColumn(rejectedAt)),
    required("stage", utf8Column(rejected.map(({ reason }) => stageOf(reason)))),
    required("attempts", int32Column(Int32Array.from(letters, ({ attempts }) => attempts))),
    optional("key_id", utf8Column(contents.map(({ keyId }) => keyId))),
  ];
}

function storedContents(
  letters: readonly RejectedRecord[],
  cipher: DeadLetterCipher | null,
): readonly StoredContent[] {
  const inClear = (_at: unknown, { key, value, headers }: LetterContent): StoredContent => ({
    key,
    value,
    headers,
    keyId: null,
  });
  const store = cipher?.forFile() ?? inClear;
  return letters.map(({ record, topicPartition: { topic, partition } }) =>
    store({ topic, partition, offset: record.offset }, record)
  );
}

function required(name: string, data: Data): Column {
  return { name, data, isNullable: false };
}

function optional(name: string, data: Data): Column {
  return { name, data, isNullable: true };
}

/** list<struct<name: string, value: binary or null>>, in the order of the record's headers. */
function headersColumn(headers: readonly (readonly RecordHeader[])[]): Data {
  const valueOffsets = new Int32Array(headers.length + 1);
  headers.forEach((list, i) => valueOffsets[i + 1] = (valueOffsets[i] ?? 0) + list.length);
  const flat = headers.flat();
  const names = utf8Column(flat.map(({ name }) => name));
  const values = binaryColumn(flat.map(({ value }) => value));
  const fields = [new Field("name", names.type, false), new Field("value", values.type, true)];
  const struct = new Struct<{ name: typeof names.type; value: typeof values.type }>(fields);
  const children = [names, values];
  const child = makeData({ type: struct, length: flat.length, nullCount: 0, children });
  const type = new List(new Field("item", struct, false));
  return makeData({ type, length: headers.length, nullCount: 0, valueOffsets, child });
}
