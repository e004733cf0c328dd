import {
  type GeneratedRecord,
  generateEvents,
  type GeneratorOptions,
} from "../../src/simulation/event_generator.ts";
import { type Random, seededRandom } from "../../src/simulation/random.ts";

/** What the records of a job are like; ratios are of all records, 0 to 1. */
export interface JobShape {
  readonly count: number;
  readonly seed: number;
  readonly dates: number;
  readonly duplicateRatio: number;
  readonly invalidRatio: number;
  readonly unknownFieldRatio: number;
}

/** The usual job: the shares of the generator that the other pipelines come with. */
export const USUAL_JOB = {
  dates: 3,
  duplicateRatio: 0.01,
  invalidRatio: 0.005,
  unknownFieldRatio: 0.005,
} as const;

const MS_A_DAY = 86_400_000;
const LAST_MS = Date.parse("2026-11-24T23:59:59.999Z");
/** A duplicate repeats one of this many latest valid events. */
const REPEATABLE_COUNT = 10_000;

/** Makes records whose ts is uniform over all dates, so that every batch has all of them, in no order. */
export function* jobRecords(shape: JobShape): Generator<GeneratedRecord> {
  const { count, seed, duplicateRatio, invalidRatio, unknownFieldRatio } = shape;
  const random = seededRandom(seed);
  const repeatable: GeneratedRecord[] = [];
  let validCount = 0, invalidCount = 0;
  for (let id = 0; id < count; id++) {
    const share = random();
    const repeated = share < duplicateRatio
      ? repeatable[below(random, repeatable.length)]
      : undefined;
    if (repeated !== undefined) {
      yield repeated;
      continue;
    }
    const fields = eventFields(id, shape.dates, random), key = encoder.encode(`e${id}`);
    if (share >= duplicateRatio && share < duplicateRatio + invalidRatio) {
      const spoil = SPOILERS[invalidCount++ % SPOILERS.length] ?? jsonOf;
      yield { key, value: encoder.encode(spoil(fields)) };
      continue;
    }
    const isUnknown = share >= 1 - unknownFieldRatio;
    const all = isUnknown ? { ...fields, origen: `"app-${id % 7}"` } : fields;
    const record = { key, value: encoder.encode(jsonOf(all)) };
    repeatable[validCount++ % REPEATABLE_COUNT] = record;
    yield record;
  }
}

/** An event's fields, each as JSON. */
type Fields = Readonly<Record<string, string>>;

function eventFields(id: number, dates: number, random: Random): Fields {
  const ms = LAST_MS - below(random, dates * MS_A_DAY);
  return {
    event_id: `"e${id}"`,
    ts: `"${new Date(ms).toISOString()}"`,
    usuario_id: String(1 + below(random, 1_000)),
    accion: ['"click"', '"view"', '"purchase"'][below(random, 3)] ?? "",
    monto: random() < 0.2 ? ((100 + below(random, 49_901)) / 100).toFixed(2) : "null",
  };
}

const SPOILERS: readonly ((fields: Fields) => string)[] = [
  (fields) => jsonOf(fields).slice(0, -20),
  ({ event_id: _, ...others }) => jsonOf(others),
  (fields) => jsonOf({ ...fields, usuario_id: `"${fields.usuario_id}"` }),
  (fields) => jsonOf({ ...fields, monto: `-${fields.usuario_id}.50` }),
  (fields) => jsonOf({ ...fields, accion: '"hover"' }),
];

const encoder = new TextEncoder();

function jsonOf(fields: Fields): string {
  return `{${Object.entries(fields).map(([name, json]) => `"${name}":${json}`).join(",")}}`;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** The records that `simulate` makes with `simulateFlags`: its dates come one after the other. */
export function simulatedRecords(shape: JobShape): Generator<GeneratedRecord> {
  return generateEvents(generatorOptions(shape), Date.now);
}

/** The flags with which `simulate` makes such records. */
export function simulateFlags(shape: JobShape): string[] {
  return [
    ...["--count", String(shape.count), "--seed", String(shape.seed)],
    ...["--days", String(shape.dates), "--start", new Date(LAST_MS).toISOString()],
    ...["--duplicate-ratio", String(shape.duplicateRatio)],
    ...["--invalid-ratio", String(shape.invalidRatio)],
    ...["--unknown-field-ratio", String(shape.unknownFieldRatio)],
  ];
}

function generatorOptions(shape: JobShape): GeneratorOptions {
  const { dates: days, ...others } = shape;
  return { ...others, days, firstId: 0, eventIdForm: "sequence", startMs: LAST_MS };
}
