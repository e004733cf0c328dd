import type { Reason } from "../../src/core/outcome.ts";

/** The five kinds of invalid records, made in turn, by the reason they must be rejected for. */
export const INVALID_KINDS = [
  "not_json",
  "event_id_missing",
  "usuario_id_not_integer",
  "monto_negative",
  "accion_not_allowed",
] as const satisfies readonly Reason[];

export type InvalidKind = typeof INVALID_KINDS[number];

/** An event as it must stand in the lake. */
export interface TrueEvent {
  /** The number in its event_id: 17 of `e17`. */
  readonly id: number;
  /** Microseconds since 1970-01-01 UTC. */
  readonly tsMicroseconds: bigint;
  readonly date: string;
  readonly usuarioId: number;
  readonly accion: string;
  /** The amount in hundredths; 0 where it was null. */
  readonly montoCents: number;
  /** JSON of its unknown fields, null where it has none. */
  readonly extra: string | null;
}

/** What must become of a record. */
export type RecordTruth =
  | { readonly kind: "valid"; readonly event: TrueEvent }
  | { readonly kind: "duplicate"; readonly event: TrueEvent }
  | { readonly kind: "invalid"; readonly reason: InvalidKind };

/** A record for Kafka, and what must become of it. */
export interface TruthRecord {
  /** The event's id, also where the value has none. */
  readonly key: string;
  readonly value: string;
  readonly truth: RecordTruth;
}

/** What records are made; ratios are shares of all records. */
export interface GeneratorOptions {
  readonly count: number;
  /** The same seed and options always give the same records. */
  readonly seed?: number;
  /** The number of the first event_id; default 0. */
  readonly firstId?: number;
  /** The first of the three dates; default 2026-11-23. */
  readonly firstDate?: string;
  readonly duplicateRatio?: number;
  readonly invalidRatio?: number;
  readonly unknownFieldRatio?: number;
}

const DATE_COUNT = 3;
const MILLISECONDS_A_DAY = 86_400_000;
/** A duplicate follows its original within that many records. */
const DUPLICATE_SPAN = 9_999;
const ACCIONES = ["click", "view", "purchase"] as const;

/** Makes records in the order in which they are to be produced. */
export function* generateRecords(options: GeneratorOptions): Generator<TruthRecord> {
  const { count, duplicateRatio = 0.01, invalidRatio = 0.005 } = options;
  const random = seededRandom(options.seed ?? 20_261_124);
  const makeRecord = recordMaker(options, random);
  const repeatChance = duplicateRatio / ((1 - duplicateRatio) * (1 - invalidRatio));
  const repeats = new Map<number, TruthRecord>();
  for (let position = 0; position < count; position++) {
    const repeated = repeats.get(position);
    if (repeated !== undefined) {
      repeats.delete(position);
      yield repeated;
      continue;
    }
    const record = makeRecord(position);
    yield record;
    if (record.truth.kind !== "valid" || random() >= repeatChance) continue;
    const { event } = record.truth;
    const slot = freeSlot(repeats, { after: position, end: count, random });
    if (slot !== null) repeats.set(slot, { ...record, truth: { kind: "duplicate", event } });
  }
}

/** A later position that no duplicate has yet, null where there is none in reach. */
function freeSlot(
  taken: ReadonlyMap<number, TruthRecord>,
  { after, end, random }: {
    readonly after: number;
    readonly end: number;
    readonly random: () => number;
  },
): number | null {
  const span = Math.min(DUPLICATE_SPAN, end - 1 - after);
  const start = Math.floor(random() * span);
  for (let step = 0; step < span; step++) {
    const slot = after + 1 + (start + step) % span;
    if (!taken.has(slot)) return slot;
  }
  return null;
}

function recordMaker(
  options: GeneratorOptions,
  random: () => number,
): (position: number) => TruthRecord {
  const { firstId = 0, firstDate = "2026-11-23", invalidRatio = 0.005 } = options;
  const { unknownFieldRatio = 0.005 } = options;
  const startMs = Date.parse(`${firstDate}T00:00:00Z`);
  const below = (limit: number) => Math.floor(random() * limit);
  let invalidCount = 0;
  return (position) => {
    const id = firstId + position, key = `e${id}`;
    const ms = startMs + below(DATE_COUNT * MILLISECONDS_A_DAY), micros = below(1_000);
    const iso = new Date(ms).toISOString();
    const montoCents = random() < 0.2 ? 100 + below(49_901) : null;
    const usuarioId = 1 + below(1_000), accion = ACCIONES[below(ACCIONES.length)] ?? "view";
    const fields = {
      event_id: `"${key}"`,
      ts: `"${iso.slice(0, -1)}${String(micros).padStart(3, "0")}Z"`,
      usuario_id: String(usuarioId),
      accion: `"${accion}"`,
      monto: montoCents === null ? "null" : (montoCents / 100).toFixed(2),
    };
    const share = random();
    if (share < invalidRatio) {
      const reason = INVALID_KINDS[invalidCount++ % INVALID_KINDS.length] ?? "not_json";
      return { key, value: invalidValue(fields, reason), truth: { kind: "invalid", reason } };
    }
    const origen = share < invalidRatio + unknownFieldRatio ? `"app-${usuarioId % 7}"` : null;
    const event: TrueEvent = {
      id,
      tsMicroseconds: BigInt(ms) * 1_000n + BigInt(micros),
      date: iso.slice(0, 10),
      usuarioId,
      accion,
      montoCents: montoCents ?? 0,
      extra: origen === null ? null : `{"origen":${origen}}`,
    };
    const value = jsonObject(origen === null ? fields : { ...fields, origen });
    return { key, value, truth: { kind: "valid", event } };
  };
}

interface Fields {
  readonly event_id: string;
  readonly ts: string;
  readonly usuario_id: string;
  readonly accion: string;
  readonly monto: string;
}

function invalidValue(fields: Fields, kind: InvalidKind): string {
  switch (kind) {
    case "not_json":
      return jsonObject(fields).slice(0, -20);
    case "event_id_missing": {
      const { event_id: _, ...others } = fields;
      return jsonObject(others);
    }
    case "usuario_id_not_integer":
      return jsonObject({ ...fields, usuario_id: `"${fields.usuario_id}"` });
    case "monto_negative":
      return jsonObject({ ...fields, monto: `-${fields.usuario_id}.50` });
    case "accion_not_allowed":
      return jsonObject({ ...fields, accion: `"hover"` });
    default:
      return kind satisfies never;
  }
}

/** A JSON object of fields whose values are JSON already. */
function jsonObject(fields: object): string {
  return `{${Object.entries(fields).map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}

/** Numbers from 0 to below 1, by mulberry32: small, and good enough for test data. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6D2B79F5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
