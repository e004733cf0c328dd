import { ACCIONES } from "../core/event_fields.ts";
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
    const record = recordOf(event, isUnknown ? `,"origen":"app-${event.usuario_id % 7}"` : "");
    // Kept for nothing, they would double what the collection of garbage costs.
    if (duplicateRatio > 0) repeatable[validCount++ % REPEATABLE_COUNT] = record;
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
    ts: isoText(timeOf(options, i, nowMs)),
    usuario_id: 1 + Math.floor(random() * 1000),
    accion: ACCIONES[Math.floor(random() * ACCIONES.length)] ?? ACCIONES[0],
    monto: random() < 0.2 ? Math.round((1 + random() * 499) * 100) / 100 : null,
  };
}

let lastMs = 0, lastIso = new Date(0).toISOString();

/** The ISO text of a time; events made in the same millisecond share it. */
function isoText(ms: number): string {
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastIso;
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
  const word = () => Math.floor(random() * 2 ** 32);
  const first = word(), second = word() & 0xffff0fff | 0x4000, third = word() & 0x3fffffff;
  const rest = hex(word());
  const middle = hex(second), variant = hex(third | 0x80000000);
  return `${hex(first)}-${middle.slice(0, 4)}-${middle.slice(4)}-${variant.slice(0, 4)}-${
    variant.slice(4)
  }${rest}`;
}

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The eight digits of a word of 32 bits. */
function hex(word: number): string {
  return `${HEX_BYTES[word >>> 24]}${HEX_BYTES[word >>> 16 & 0xff]}${HEX_BYTES[word >>> 8 & 0xff]}${
    HEX_BYTES[word & 0xff]
  }`;
}

const encoder = new TextEncoder();
const SLAB_BYTES = 65_536;
/** More than a generated event has. */
const MAX_EVENT_BYTES = 1_024;
const ID_START = '{"event_id":"'.length;

/** Records are made in slabs of memory: one allocation for some hundred of them. */
class Slab {
  #bytes = new Uint8Array(SLAB_BYTES);
  #used = 0;

  encode(text: string): Uint8Array {
    if (this.#used + MAX_EVENT_BYTES > SLAB_BYTES) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += encoder.encodeInto(text, this.#bytes.subarray(start)).written;
    return this.#bytes.subarray(start, this.#used);
  }
}

const slab = new Slab();

/** What JSON.stringify makes of the event, and its event_id in it: no text here needs an escape. */
function recordOf(event: GeneratedEvent, more: string): GeneratedRecord {
  const { event_id, ts, usuario_id, accion, monto } = event;
  const value = slab.encode(
    `{"event_id":"${event_id}","ts":"${ts}","usuario_id":${usuario_id},"accion":"${accion}","monto":${monto}${more}}`,
  );
  return { key: value.subarray(ID_START, ID_START + event_id.length), value };
}

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
