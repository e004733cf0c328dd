import {
  type GeneratedRecord,
  generateEvents,
  type GeneratorOptions,
} from "../../src/simulation/event_generator.ts";

/** What the records of a job are like; ratios are of all records, 0 to 1. */
export interface JobShape {
  readonly count: number;
  readonly seed: number;
  readonly dates: number;
  readonly duplicateRatio: number;
  readonly invalidRatio: number;
  readonly unknownFieldRatio: number;
}

/** The usual job: what the reference pipelines' own generator makes, too. */
export const USUAL_JOB = {
  dates: 3,
  duplicateRatio: 0.01,
  invalidRatio: 0.005,
  unknownFieldRatio: 0.005,
} as const;

const MS_A_DAY = 86_400_000;
const LAST_MS = Date.parse("2026-11-24T23:59:59.999Z");

/** Makes records whose dates take turns, so that every batch has all of them. */
export function* jobRecords(shape: JobShape): Generator<GeneratedRecord> {
  const { count, dates, seed } = shape;
  const perDate = Math.ceil(count / dates);
  let open = Array.from({ length: dates }, (_, date) =>
    generateEvents({
      ...generatorOptions(shape),
      days: 1,
      seed: seed + date,
      firstId: date * perDate,
      count: Math.max(0, Math.min(perDate, count - date * perDate)),
      startMs: LAST_MS - date * MS_A_DAY,
    }, Date.now));
  while (open.length > 0) {
    const left: typeof open = [];
    for (const records of open) {
      const { done, value } = records.next();
      if (done) continue;
      yield value;
      left.push(records);
    }
    open = left;
  }
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
