import fc from "fast-check";
import type { RawRecord } from "../../src/core/record.ts";
import type { DeadLetterRow, LakeRow } from "../lake_reader.ts";

/** A record as the property test makes it up: plain data, from which bytes and expectations are made. */
export type PlainRecord =
  | {
    readonly kind: "event";
    readonly id: string;
    readonly date: string;
    /** Microseconds since midnight. */
    readonly microseconds: number;
    readonly usuarioId: number;
    readonly accion: "click" | "view" | "purchase" | null;
    readonly monto: number | null;
    /** The value of a field that the schema does not know. */
    readonly origen: string | null;
  }
  | { readonly kind: "bad"; readonly value: Uint8Array | null; readonly reason: string };

/** A topic: its partitions, each a list of records whose place is their offset. */
export type PlainTopic = readonly (readonly PlainRecord[])[];

const DATES = ["2026-11-23", "2026-11-24", "1969-12-31"] as const;
const bytes = (text: string) => new TextEncoder().encode(text);

const BAD: readonly Extract<PlainRecord, { kind: "bad" }>[] = [
  { kind: "bad", value: null, reason: "no_value" },
  { kind: "bad", value: new Uint8Array(), reason: "no_value" },
  { kind: "bad", value: Uint8Array.of(0x7b, 0xff, 0x7d), reason: "not_utf8" },
  { kind: "bad", value: bytes(`{"event_id":`), reason: "not_json" },
  { kind: "bad", value: bytes(`[1]`), reason: "not_object" },
  { kind: "bad", value: bytes(`{"ts":"2026-11-24","usuario_id":1}`), reason: "event_id_missing" },
  {
    kind: "bad",
    value: bytes(`{"event_id":"a","ts":"2026-11-31","usuario_id":1}`),
    reason: "ts_not_iso8601",
  },
];

const event = fc.record({
  kind: fc.constant("event" as const),
  // Few ids, so that many records are duplicates: in a batch, in a later one, in another partition.
  id: fc.integer({ min: 0, max: 60 }).map((id) => `e${id}`),
  date: fc.constantFrom(...DATES),
  microseconds: fc.integer({ min: 0, max: 86_399_999_999 }),
  usuarioId: fc.integer({ min: -5, max: 5 }),
  accion: fc.constantFrom("click" as const, "view" as const, "purchase" as const, null),
  monto: fc.constantFrom(null, 0, 2.5),
  origen: fc.constantFrom(null, "app", "ñ"),
});
const record: fc.Arbitrary<PlainRecord> = fc.oneof(
  { arbitrary: event, weight: 4 },
  { arbitrary: fc.constantFrom(...BAD), weight: 1 },
);

/** Topics of one to three partitions. */
export const plainTopics: fc.Arbitrary<PlainTopic> = fc.array(
  fc.array(record, { maxLength: 45, size: "max" }),
  { minLength: 1, maxLength: 3 },
);

/** The records of a partition as Kafka would deliver them. */
export function rawRecords(partition: readonly PlainRecord[]): RawRecord[] {
  return partition.map((plain, i) => ({
    offset: BigInt(i),
    timestampMs: 1_795_000_000_000,
    key: null,
    value: plain.kind === "bad" ? plain.value : bytes(textOf(plain)),
    headers: [],
  }));
}

type PlainEvent = Extract<PlainRecord, { kind: "event" }>;

function textOf({ id, date, microseconds, usuarioId, accion, monto, origen }: PlainEvent): string {
  const two = (number: number) => String(number).padStart(2, "0");
  const seconds = Math.floor(microseconds / 1_000_000);
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two);
  const fraction = String(microseconds % 1_000_000).padStart(6, "0");
  return JSON.stringify({
    event_id: id,
    ts: `${date}T${time.join(":")}.${fraction}Z`,
    usuario_id: usuarioId,
    ...(accion === null ? {} : { accion }),
    monto,
    ...(origen === null ? {} : { origen }),
  });
}

/** What a partition's records became, as the checkpoint has it. */
export interface PartitionCounts {
  readonly nextOffset: number;
  readonly published: number;
  readonly duplicate: number;
  readonly rejected: number;
}

/** What lies in a lake and its checkpoint. */
export interface Outcome {
  readonly rows: readonly LakeRow[];
  readonly letters: readonly DeadLetterRow[];
  readonly partitions: readonly PartitionCounts[];
  /** As the checkpoint has them, `partition/offset event_id`. */
  readonly duplicates: readonly string[];
}

/**
 * Holds a lake against the records it was made of, whatever the order in which partitions were fed: of each
 * event_id one record is a row, and it is the first one of its partition.
 *
 * @returns what is wrong, in words
 */
export function wrongs(topic: PlainTopic, outcome: Outcome): string[] {
  const { rows, letters, partitions } = outcome;
  const wrong: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected) wrong.push(`${what}: ${actual} instead of ${expected}`);
  };
  const allIds = new Set(topic.flat().flatMap((plain) => plain.kind === "event" ? [plain.id] : []));
  expect("distinct ids", new Set(rows.map(({ event_id }) => event_id)).size, allIds.size);
  expect("rows", rows.length, allIds.size);
  for (const row of rows) {
    const where = `${row.kafka_partition}/${row.kafka_offset}`;
    const plain = topic[row.kafka_partition]?.[Number(row.kafka_offset)];
    if (plain?.kind !== "event") wrong.push(`${where} is a row, and not an event`);
    else compareRow(row, plain, (what, a, b) => expect(`${what} of ${where}`, a, b));
    const first = topic[row.kafka_partition]?.findIndex((other) =>
      other.kind === "event" && other.id === row.event_id
    );
    expect(
      `the first ${row.event_id} of partition ${row.kafka_partition}`,
      where,
      `${row.kafka_partition}/${first}`,
    );
  }
  topic.forEach((records, partition) => {
    const bad = records.flatMap((plain, offset) =>
      plain.kind === "bad" ? [`${offset} ${plain.reason} ${plain.value}`] : []
    );
    const found = letters.filter((letter) => letter.partition === partition)
      .map(({ offset, reason, value }) => `${offset} ${reason} ${value}`);
    expect(`dead letters of ${partition}`, found.sort().join(), bad.sort().join());
    const published = rows.filter((row) => row.kafka_partition === partition).length;
    const counts = partitions[partition];
    expect(`next offset of ${partition}`, counts?.nextOffset ?? 0, records.length);
    expect(`published of ${partition}`, counts?.published ?? 0, published);
    expect(`rejected of ${partition}`, counts?.rejected ?? 0, bad.length);
    const duplicate = records.length - published - bad.length;
    expect(`duplicate of ${partition}`, counts?.duplicate ?? 0, duplicate);
  });
  wrong.push(...unsortedFiles(rows));
  expect("recorded duplicates", [...outcome.duplicates].sort().join(), duplicatesIn(topic, rows));
  return wrong;
}

/** The events that are no rows. */
function duplicatesIn(topic: PlainTopic, rows: readonly LakeRow[]): string {
  const published = new Set(rows.map((row) => `${row.kafka_partition}/${row.kafka_offset}`));
  return topic.flatMap((records, partition) =>
    records.flatMap((plain, offset) =>
      plain.kind === "bad" || published.has(`${partition}/${offset}`)
        ? []
        : [`${partition}/${offset} ${plain.id}`]
    )
  ).sort().join();
}

function compareRow(
  row: LakeRow,
  plain: PlainEvent,
  expect: (what: string, actual: unknown, expected: unknown) => void,
): void {
  expect("event_id", row.event_id, plain.id);
  expect("date", row.date, plain.date);
  expect("ts", row.ts, BigInt(Date.parse(plain.date)) * 1000n + BigInt(plain.microseconds));
  expect("usuario_id", row.usuario_id, BigInt(plain.usuarioId));
  expect("accion", row.accion, plain.accion);
  expect("monto", row.monto, plain.monto ?? 0);
  const extra = plain.origen === null ? null : JSON.stringify({ origen: plain.origen });
  expect("extra", row.extra, extra);
}

function unsortedFiles(rows: readonly LakeRow[]): string[] {
  return rows.flatMap((row, i) => {
    const before = rows[i - 1];
    const isUnsorted = before?.file === row.file && before.ts > row.ts;
    return isUnsorted ? [`${row.file} is not sorted by ts at ${row.event_id}`] : [];
  });
}
