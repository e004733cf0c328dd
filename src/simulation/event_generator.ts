import { ACCIONES } from "../core/event.ts";
import { type Random, seededRandom } from "./random.ts";

/** What is generated. Ratios are of all records, 0 to 1. */
export interface GeneratorOptions {
  /** Records in all, duplicates and invalid ones among them. */
  readonly count: number;
  /** 0 to 2^32-1. */
  readonly seed: number;
  /** The number of the first event_id. */
  readonly firstId: number;
  /** `sequence`: e0, e1, …; `uuid`: random-looking ones, the same for the same seed and number. */
  readonly eventIdForm: "sequence" | "uuid";
  /** Milliseconds since 1970-01-01 UTC; null: the clock's time when each event is made. */
  readonly startMs: number | null;
  /** Dates that ts runs over; the last one is that of the start. */
  readonly days: number;
  readonly duplicateRatio: number;
  readonly invalidRatio: number;
  readonly unknownFieldRatio: number;
}

/** A generated record: its key is the event_id. */
export interface GeneratedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A duplicate repeats one of this many latest valid events. */
const REPEATABLE_COUNT = 10_000;
const MS_A_DAY = 86_400_000;

/**
 * Generates events as DESIGN section 1 has them: the same ones for the same seed and start.
 *
 * @param nowMs the clock, asked where the start is null
 */
export function* generateEvents(
  options: GeneratorOptions,
  nowMs: () => number,
): Generator<GeneratedRecord> {
  const { count, duplicateRatio, invalidRatio, unknownFieldRatio } = options;
  const random = seededRandom(options.seed);
  const repeatable: GeneratedRecord[] = [];
  let nextId = options.firstId, invalidCount = 0, validCount = 0;
  for (let i = 0; i < count; i++) {
    const kind = random();
    const repeated = kind < duplicateRatio
      ? repeatable[Math.floor(random() * repeatable.length)]
      : undefined;
    if (repeated !== undefined) {
      yield repeated;
      continue;
    }
    const event = makeEvent(options, { i, id: nextId++, random, nowMs });
    const isInvalid = kind >= duplicateRatio && kind < duplicateRatio + invalidRatio;
    if (isInvalid) {
      const spoil = SPOILERS[invalidCount++ % SPOILERS.length] ?? encode;
      yield { key: encode(event.event_id), value: spoil(event) };
      continue;
    }
    const isUnknown = kind >= 1 - unknownFieldRatio;
    const fields = isUnknown ? { ...event, origen: `app-${event.usuario_id % 7}` } : event;
    const record = { key: encode(event.event_id), value: encode(fields) };
    repeatable[validCount++ % REPEATABLE_COUNT] = record;
    yield record;
  }
}

interface GeneratedEvent {
  readonly event_id: string;
  readonly ts: string;
  readonly usuario_id: number;
  readonly accion: string;
  readonly monto: number | null;
}

function makeEvent(
  options: GeneratorOptions,
  { i, id, random, nowMs }: {
    readonly i: number;
    readonly id: number;
    readonly random: Random;
    readonly nowMs: () => number;
  },
): GeneratedEvent {
  return {
    event_id: options.eventIdForm === "uuid" ? uuid(options.seed, id) : `e${id}`,
    ts: new Date(timeOf(options, i, nowMs)).toISOString(),
    usuario_id: 1 + Math.floor(random() * 1000),
    accion: ACCIONES[Math.floor(random() * ACCIONES.length)] ?? ACCIONES[0],
    monto: random() < 0.2 ? Math.round((1 + random() * 499) * 100) / 100 : null,
  };
}

/**
 * With a fixed start, ts counts up by a millisecond an event and ends at the start, without leaving its
 * date; with more days the same times lie on each of them in turn, the earliest date first.
 */
function timeOf(options: GeneratorOptions, i: number, nowMs: () => number): number {
  const { count, days, startMs } = options;
  const end = startMs ?? nowMs();
  const midnight = Math.floor(end / MS_A_DAY) * MS_A_DAY;
  const time = startMs === null ? end : Math.max(midnight, end - (count - 1 - i));
  const daysBack = days - 1 - Math.floor(i * days / count);
  return time - daysBack * MS_A_DAY;
}

/** A version 4 UUID that depends on the seed and the number alone (RFC 9562, 5.4). */
function uuid(seed: number, id: number): string {
  const random = seededRandom(seed, [id | 0, Math.floor(id / 2 ** 32) + 1]);
  const hex = Array.from(
    { length: 4 },
    () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0"),
  )
    .join("");
  const variant = "89ab"[parseInt(hex[16] ?? "0", 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${
    hex.slice(17, 20)
  }-${hex.slice(20)}`;
}

const encoder = new TextEncoder();

function encode(value: string | object): Uint8Array {
  return encoder.encode(typeof value === "string" ? value : JSON.stringify(value));
}

function without(event: GeneratedEvent, name: keyof GeneratedEvent): object {
  return Object.fromEntries(Object.entries(event).filter(([key]) => key !== name));
}

/** One way to spoil an event for each kind of mistake that producers make. */
const SPOILERS: readonly ((event: GeneratedEvent) => Uint8Array)[] = [
  (event) => encode(JSON.stringify(event).slice(0, -10)),
  (event) => encode(without(event, "event_id")),
  (event) => encode({ ...event, usuario_id: String(event.usuario_id) }),
  (event) => encode({ ...event, monto: -1 - (event.usuario_id % 400) }),
  (event) => encode({ ...event, accion: "hover" }),
  (event) => encode({ ...event, ts: "yesterday" }),
  (event) => encode([event]),
  (event) => {
    const bytes = encode(event);
    bytes[2] = 0xff;
    return bytes;
  },
];
