import { type Data, Field, List, makeData, Struct } from "apache-arrow";
import { LetterContents } from "../core/letter_contents.ts";
import { stageOf } from "../core/outcome.ts";
import type { RejectedRecords } from "../core/rejected_records.ts";
import {
  binaryColumn,
  int32Column,
  int64Column,
  nullableTextColumn,
  timestampColumn,
  utf8Column,
} from "./arrow_columns.ts";
import type { DeadLetterCipher } from "./dead_letter_cipher.ts";
import type { Column } from "./parquet_table.ts";

/**
 * The columns of a dead-letter file: where the record lay, its original bytes, and why it was rejected. A
 * replay that was rejected again lies where the record lay at first.
 *
 * @param rejectedAtMicroseconds when their batch was staged, microseconds since 1970-01-01 UTC
 * @param cipher what key, value and headers are encrypted with; null leaves them in clear
 */
export function deadLetterColumns(
  letters: RejectedRecords,
  rejectedAtMicroseconds: bigint,
  cipher: DeadLetterCipher | null,
): readonly Column[] {
  const { length } = letters;
  const rows = <T>(of: (row: number) => T): T[] => Array.from({ length }, (_, row) => of(row));
  const { contents, keyIds } = storedContents(letters, cipher);
  const positions = rows((row) => letters.positionAt(row));
  const reasons = rows((row) => letters.reasonAt(row));
  const attempts = Int32Array.from(rows((row) => letters.attemptsAt(row)));
  const timestamps = rows((row) => BigInt(Math.trunc(letters.timestampsMs[row] ?? 0)) * 1000n);
  const rejectedAt = new BigInt64Array(length).fill(rejectedAtMicroseconds);
  return [
    required("topic", utf8Column(positions.map(({ topic }) => topic))),
    required("partition", int32Column(Int32Array.from(positions, ({ partition }) => partition))),
    required("offset", int64Column(BigInt64Array.from(positions, ({ offset }) => offset))),
    required("record_timestamp", timestampColumn(BigInt64Array.from(timestamps))),
    optional("key", binaryColumn(contents.keys)),
    required("headers", headersColumn(contents)),
    optional("value", binaryColumn(contents.values)),
    required("reason", utf8Column(reasons)),
    optional("path", utf8Column(rows((row) => letters.pathAt(row)))),
    optional("event_id", nullableTextColumn(letters.eventIds)),
    required("rejected_at", timestampColumn(rejectedAt)),
    required("stage", utf8Column(reasons.map(stageOf))),
    required("attempts", int32Column(attempts)),
    optional("key_id", utf8Column(keyIds)),
  ];
}

/** The contents as they stand in the file, each with the id of the key that it is encrypted with. */
function storedContents(letters: RejectedRecords, cipher: DeadLetterCipher | null): {
  readonly contents: LetterContents;
  readonly keyIds: readonly (string | null)[];
} {
  const keyIds: (string | null)[] = new Array(letters.length).fill(null);
  if (cipher === null) return { contents: letters.contents, keyIds };
  const seal = cipher.forFile(), contents = new LetterContents();
  for (let row = 0; row < letters.length; row++) {
    const { record, topicPartition } = letters.at(row);
    const sealed = seal({ ...topicPartition, offset: record.offset }, record);
    contents.push(sealed);
    keyIds[row] = sealed.keyId;
  }
  return { contents, keyIds };
}

function required(name: string, data: Data): Column {
  return { name, data, isNullable: false };
}

function optional(name: string, data: Data): Column {
  return { name, data, isNullable: true };
}

/** list<struct<name: string, value: binary or null>>, in the order of the record's headers. */
function headersColumn({ length, headerEnds, headerNames, headerValues }: LetterContents): Data {
  const names = nullableTextColumn(headerNames), values = binaryColumn(headerValues);
  const fields = [new Field("name", names.type, false), new Field("value", values.type, true)];
  const struct = new Struct<{ name: typeof names.type; value: typeof values.type }>(fields);
  const children = [names, values];
  const child = makeData({ type: struct, length: headerNames.length, nullCount: 0, children });
  const type = new List(new Field("item", struct, false));
  const valueOffsets = headerEnds.subarray(0, length + 1);
  return makeData({ type, length, nullCount: 0, valueOffsets, child });
}
