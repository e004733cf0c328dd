import { CompressionTypes, Partitioners } from "kafkajs";
import { type DeadLetterRow, type LakeRow, readDeadLetters, readLake } from "../lake_reader.ts";
import { type InvalidKind, type TrueEvent, type TruthRecord } from "./generated_records.ts";
import { testClient } from "./topics.ts";

export { generateRecords, INVALID_KINDS, type TruthRecord } from "./generated_records.ts";

/** Sums over the rows of one date. */
export interface DateSums {
  rows: number;
  ids: number;
  usuarioIds: number;
  montoCents: number;
  /** A checksum of all columns of all rows, whatever their order. */
  fingerprint: number;
}

/** What must be in a lake once all records that were counted are in it. */
export class GroundTruth {
  recordCount = 0;
  duplicateCount = 0;
  unknownFieldCount = 0;
  /** The numbers of all valid event ids. */
  readonly ids = new Set<number>();
  readonly dates = new Map<string, DateSums>();
  readonly invalidCounts = new Map<InvalidKind, number>();
  /** The invalid records, by key. */
  readonly invalid = new Map<string, TruthRecord>();

  /** The truth of records that are all there is. */
  static of(records: Iterable<TruthRecord>): GroundTruth {
    const truth = new GroundTruth();
    for (const record of records) truth.count(record);
    return truth;
  }

  /** Takes in a record that was produced. */
  count(record: TruthRecord): void {
    const { truth } = record;
    this.recordCount++;
    switch (truth.kind) {
      case "duplicate":
        this.duplicateCount++;
        return;
      case "invalid":
        this.invalid.set(record.key, record);
        this.invalidCounts.set(truth.reason, (this.invalidCounts.get(truth.reason) ?? 0) + 1);
        return;
      case "valid":
        if (truth.event.extra !== null) this.unknownFieldCount++;
        this.ids.add(truth.event.id);
        addTo(this.dates, truth.event);
        return;
      default:
        truth satisfies never;
    }
  }
}

/**
 * Compares what is in a lake with what must be: no id twice, none missing, every row in the folder of its
 * date and with its values, every invalid record one dead letter with its reason and its bytes.
 *
 * @param outDirs one lake, or several whose union is compared
 * @returns what differs, in words; empty where all is exact
 */
export async function compareWithTruth(
  outDirs: string | readonly string[],
  truth: GroundTruth,
): Promise<string[]> {
  const dates = new Map<string, DateSums>();
  const ids = new Set<number>();
  const twice: string[] = [], misplaced: string[] = [], unexpected: string[] = [];
  const deadLetters: DeadLetterRow[] = [];
  for (const outDir of [outDirs].flat()) {
    for (const row of await readLake(outDir)) {
      const event = eventOf(row);
      addTo(dates, event);
      if (ids.has(event.id)) twice.push(row.event_id);
      if (!truth.ids.has(event.id)) unexpected.push(row.event_id);
      if (dateOf(row.ts) !== row.date) misplaced.push(`${row.event_id} (${row.file})`);
      ids.add(event.id);
    }
    deadLetters.push(...await readDeadLetters(outDir));
  }
  const missing = [...truth.ids.difference(ids)].map((id) => `e${id}`);
  return [
    ...listed("event ids stand more than once", twice),
    ...listed("event ids are missing", missing),
    ...listed("rows were never produced, or are invalid", unexpected),
    ...listed("rows lie in the folder of another date", misplaced),
    ...compareDates(dates, truth.dates),
    ...compareDeadLetters(deadLetters, truth),
  ];
}

/** Where records are produced to. */
export interface ProduceTarget {
  readonly bootstrap: string;
  readonly topic: string;
  /** Records a request; default 5,000. */
  readonly chunk?: number;
  readonly compression?: CompressionTypes;
}

/**
 * Produces records in order, partitioned by key, each chunk acknowledged by all replicas before the next.
 *
 * @returns the truth of what was produced
 */
export async function produce(
  records: Iterable<TruthRecord>,
  { bootstrap, topic, chunk = 5_000, compression = CompressionTypes.None }: ProduceTarget,
): Promise<GroundTruth> {
  const truth = new GroundTruth();
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = testClient(bootstrap).producer({
    createPartitioner,
    allowAutoTopicCreation: false,
    // One partition of a fresh topic may refuse what others took; what is sent again then is not written twice.
    idempotent: true,
  });
  try {
    await producer.connect();
    for (const messages of chunks(records, chunk)) {
      await producer.send({ topic, messages, acks: -1, compression });
      for (const record of messages) truth.count(record);
    }
  } finally {
    await producer.disconnect();
  }
  return truth;
}

function* chunks(records: Iterable<TruthRecord>, size: number): Generator<TruthRecord[]> {
  let chunk: TruthRecord[] = [];
  for (const record of records) {
    if (chunk.push(record) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function eventOf(row: LakeRow): TrueEvent {
  return {
    id: /^e\d+$/.test(row.event_id) ? Number(row.event_id.slice(1)) : -1,
    tsMicroseconds: row.ts,
    date: row.date,
    usuarioId: Number(row.usuario_id),
    accion: row.accion ?? "null",
    montoCents: Math.round(row.monto * 100),
    extra: row.extra ?? null,
  };
}

function addTo(dates: Map<string, DateSums>, event: TrueEvent): void {
  let sums = dates.get(event.date);
  if (sums === undefined) {
    sums = { rows: 0, ids: 0, usuarioIds: 0, montoCents: 0, fingerprint: 0 };
    dates.set(event.date, sums);
  }
  sums.rows++;
  sums.ids += event.id;
  sums.usuarioIds += event.usuarioId;
  sums.montoCents += event.montoCents;
  sums.fingerprint = (sums.fingerprint + fingerprint(event)) >>> 0;
}

/** FNV-1a of the row's columns as text. */
function fingerprint(event: TrueEvent): number {
  const { id, tsMicroseconds, usuarioId, accion, montoCents, extra } = event;
  const text = `${id}|${tsMicroseconds}|${usuarioId}|${accion}|${montoCents}|${extra ?? ""}`;
  let hash = 0x811C9DC5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function dateOf(microseconds: bigint): string {
  return new Date(Number(microseconds / 1_000n)).toISOString().slice(0, 10);
}

function compareDates(
  actual: ReadonlyMap<string, DateSums>,
  expected: ReadonlyMap<string, DateSums>,
): string[] {
  const found: string[] = [];
  for (const date of [...new Set([...actual.keys(), ...expected.keys()])].sort()) {
    const is = JSON.stringify(actual.get(date)), must = JSON.stringify(expected.get(date));
    if (is !== must) found.push(`${date}: ${is} instead of ${must}`);
  }
  return found;
}

function compareDeadLetters(letters: readonly DeadLetterRow[], truth: GroundTruth): string[] {
  const seen = new Set<string>();
  const twice: string[] = [], unexpected: string[] = [], changed: string[] = [];
  const text = (bytes: Uint8Array | null) => bytes === null ? "null" : decoder.decode(bytes);
  for (const letter of letters) {
    const key = text(letter.key);
    const record = truth.invalid.get(key);
    if (seen.has(key)) twice.push(key);
    seen.add(key);
    if (record === undefined) unexpected.push(`${key} (${letter.reason})`);
    else if (text(letter.value) !== record.value) changed.push(`${key} (its bytes)`);
    else if (record.truth.kind === "invalid" && record.truth.reason !== letter.reason) {
      changed.push(`${key} (${letter.reason} instead of ${record.truth.reason})`);
    }
  }
  const missing = [...truth.invalid.keys()].filter((key) => !seen.has(key));
  return [
    ...listed("dead letters stand more than once", twice),
    ...listed("dead letters are missing", missing),
    ...listed("dead letters are of valid records", unexpected),
    ...listed("dead letters differ from what was produced", changed),
  ];
}

const decoder = new TextDecoder();

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [
    `${names.length} ${what}: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`,
  ];
}
