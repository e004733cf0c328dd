import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { ACCIONES } from "../../src/core/event_fields.ts";
import { isoDate } from "../../src/core/timestamp.ts";
import {
  type GeneratedRecord,
  generateEvents,
  type GeneratorOptions,
} from "../../src/simulation/event_generator.ts";
import { HERE, ingestRecord, recordOf } from "../core/samples.ts";
import { checkProperty } from "../property_seed.ts";

const START_MS = Date.parse("2026-11-24T10:15:00.000Z");

const PLAIN: GeneratorOptions = {
  count: 100,
  seed: 1,
  firstId: 0,
  eventIdForm: "sequence",
  startMs: START_MS,
  days: 1,
  duplicateRatio: 0,
  invalidRatio: 0,
  unknownFieldRatio: 0,
};

function noClock(): number {
  throw new Error("The clock was read, though there is a start");
}

function generate(options: Partial<GeneratorOptions>, nowMs = noClock): GeneratedRecord[] {
  return [...generateEvents({ ...PLAIN, ...options }, nowMs)];
}

const decoder = new TextDecoder();

function textOf({ key, value }: GeneratedRecord): string {
  return `${decoder.decode(key)} ${decoder.decode(value)}`;
}

/** What the production code makes of generated records. */
function ingestAll(records: readonly GeneratedRecord[]): Batch {
  const batch = new Batch();
  records.forEach(({ key, value }, i) =>
    ingestRecord(batch, HERE, recordOf(value, { key, offset: BigInt(i) }))
  );
  return batch;
}

/** How many of `count` things of a probability there may be: five standard deviations about the mean. */
function assertNear(actual: number, count: number, probability: number, what: string): void {
  const deviation = Math.sqrt(count * probability * (1 - probability));
  const off = Math.abs(actual - count * probability);
  assert.ok(off <= 5 * deviation, `${what}: ${actual} of ${count}, expected ${probability}`);
}

const anyOptions: fc.Arbitrary<Partial<GeneratorOptions>> = fc.record({
  count: fc.integer({ min: 1, max: 60 }),
  seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  firstId: fc.nat(),
  eventIdForm: fc.constantFrom("sequence", "uuid"),
  days: fc.integer({ min: 1, max: 10 }),
  duplicateRatio: fc.double({ min: 0, max: 0.3, noNaN: true }),
  invalidRatio: fc.double({ min: 0, max: 0.3, noNaN: true }),
  unknownFieldRatio: fc.double({ min: 0, max: 0.3, noNaN: true }),
});

Deno.test("generateEvents() gives the same bytes for the same seed and start", () => {
  checkProperty(
    fc.property(anyOptions, (options) => {
      const records = generate(options).map(textOf);
      assert.deepEqual(generate(options).map(textOf), records);
      assert.equal(records.length, options.count);
    }),
  );
});

Deno.test("generateEvents() makes what it always made for a seed", () => {
  const made = (["sequence", "uuid"] as const).flatMap((eventIdForm) =>
    generate({ count: 2, firstId: 5, eventIdForm }).map(({ value }) => decoder.decode(value))
  );
  const rest = [
    `"ts":"2026-11-24T10:14:59.999Z","usuario_id":635,"accion":"purchase","monto":null}`,
    `"ts":"2026-11-24T10:15:00.000Z","usuario_id":91,"accion":"click","monto":465.15}`,
  ];
  assert.deepEqual(made, [
    `{"event_id":"e5",${rest[0]}`,
    `{"event_id":"e6",${rest[1]}`,
    `{"event_id":"97e262ee-c3e4-40ee-9664-74f90d56dc49",${rest[0]}`,
    `{"event_id":"2530d81b-cee9-42bd-9f74-b5c9807ca36f",${rest[1]}`,
  ]);
});

Deno.test("generateEvents() gives other events for another seed or start", () => {
  const texts = generate({}).map(textOf).join();
  assert.notEqual(generate({ seed: 2 }).map(textOf).join(), texts);
  assert.notEqual(generate({ startMs: START_MS + 1 }).map(textOf).join(), texts);
});

Deno.test("generateEvents() makes events of the original system's form", () => {
  const count = 20_000;
  const events = generate({ count }).map(({ value }) => JSON.parse(decoder.decode(value)));
  events.forEach((event, i) => {
    assert.deepEqual(Object.keys(event), ["event_id", "ts", "usuario_id", "accion", "monto"]);
    assert.equal(event.event_id, `e${i}`);
    assert.match(event.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Number.isInteger(event.usuario_id) && event.usuario_id >= 1);
    assert.ok(event.usuario_id <= 1000 && ACCIONES.includes(event.accion));
    if (event.monto !== null) assert.ok(event.monto >= 1 && event.monto <= 500);
    assert.equal(Math.round(event.monto * 100) / 100, event.monto ?? 0);
  });
  const amounts = events.filter(({ monto }) => monto !== null).length;
  assertNear(amounts, count, 0.2, "events with an amount");
  for (const accion of ACCIONES) {
    assertNear(events.filter((event) => event.accion === accion).length, count, 1 / 3, accion);
  }
  const lower = events.filter(({ usuario_id }) => usuario_id <= 500).length;
  assertNear(lower, count, 0.5, "users up to 500");
  assert.equal(new Set(events.map(({ usuario_id }) => usuario_id)).size, 1000);
});

Deno.test("generateEvents() makes the key of each record its event_id", () => {
  const records = generate({ duplicateRatio: 0.2, eventIdForm: "uuid" });
  for (const { key, value } of records) {
    assert.equal(decoder.decode(key), JSON.parse(decoder.decode(value)).event_id);
  }
});

Deno.test("generateEvents() keeps to its ratios", () => {
  const count = 20_000;
  for (const seed of [1, 2, 3]) {
    const ratios = { duplicateRatio: 0.1, invalidRatio: 0.05, unknownFieldRatio: 0.2 };
    const records = generate({ count, seed, ...ratios });
    const batch = ingestAll(records);
    assertNear(batch.rejected.length, count, 0.05, "invalid records");
    const duplicates = batch.length - new Set(batch.eventIds).size;
    assertNear(duplicates, count, 0.1, "duplicates");
    const first = new Set<string>();
    const unknown = [...batch.eventIds].filter((id, row) => {
      const isFirst = !first.has(id);
      first.add(id);
      return isFirst && batch.extras.has(row);
    });
    assertNear(unknown.length, count, 0.2, "records with an unknown field");
  }
});

Deno.test("generateEvents() with a ratio of 1 makes nothing else", () => {
  const invalid = ingestAll(generate({ invalidRatio: 1 }));
  assert.deepEqual([invalid.length, invalid.rejected.length], [0, 100]);
  const unknown = ingestAll(generate({ unknownFieldRatio: 1 }));
  assert.equal(unknown.extras.size, 100);
  const duplicates = ingestAll(generate({ duplicateRatio: 1 }));
  assert.deepEqual([duplicates.length, new Set(duplicates.eventIds).size], [100, 1]);
});

Deno.test("generateEvents() makes invalid records of eight kinds, and each is rejected for its mistake", () => {
  const { rejected } = ingestAll(generate({ count: 16, invalidRatio: 1 }));
  const reasons = Array.from(rejected, ({ rejected: { reason } }) => reason);
  const kinds = [
    "not_json",
    "event_id_missing",
    "usuario_id_not_integer",
    "monto_negative",
    "accion_not_allowed",
    "ts_not_iso8601",
    "not_object",
    "not_utf8",
  ];
  assert.deepEqual(reasons, [...kinds, ...kinds]);
});

Deno.test("generateEvents() spoils the invalid records, and leaves the others as they were", () => {
  checkProperty(
    fc.property(anyOptions, (options) => {
      const clean = generate({ ...options, duplicateRatio: 0, invalidRatio: 0 });
      assert.equal(ingestAll(clean).length, options.count);
      generate({ ...options, duplicateRatio: 0 }).forEach((record, i) => {
        const original = clean[i];
        assert.ok(original !== undefined);
        const isSpoiled = textOf(record) !== textOf(original);
        assert.equal(ingestAll([record]).rejected.length, isSpoiled ? 1 : 0, textOf(record));
      });
    }),
  );
});

Deno.test("generateEvents() repeats earlier records byte by byte, only valid ones", () => {
  const options = { count: 5_000, duplicateRatio: 0.3, invalidRatio: 0.2 };
  const records = generate(options);
  const known = new Map<string, string>();
  let repeatedCount = 0;
  for (const record of records) {
    const key = decoder.decode(record.key);
    const before = known.get(key);
    if (before !== undefined) {
      repeatedCount++;
      assert.equal(textOf(record), before);
      assert.equal(ingestAll([record]).rejected.length, 0);
    }
    known.set(key, textOf(record));
  }
  assert.ok(repeatedCount > 1_000);
});

Deno.test("generateEvents() numbers fresh events from the first id on, without a hole", () => {
  const records = generate({ count: 1_000, firstId: 500, duplicateRatio: 0.3, invalidRatio: 0.1 });
  const ids = [...new Set(records.map(({ key }) => decoder.decode(key)))];
  assert.deepEqual(ids, ids.map((_, i) => `e${500 + i}`));
  assert.ok(ids.length < 1_000);
});

Deno.test("generateEvents() makes version 4 UUIDs that are unique and in random order", () => {
  const ids = generate({ count: 20_000, eventIdForm: "uuid" }).map(({ key }) =>
    decoder.decode(key)
  );
  for (const id of ids) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  assert.equal(new Set(ids).size, ids.length);
  const rising = ids.filter((id, i) => id > (ids[i - 1] ?? "")).length;
  assertNear(rising, ids.length, 0.5, "ids above the one before");
  const more = generate({ count: 10, firstId: 19_995, eventIdForm: "uuid" });
  assert.deepEqual(more.slice(0, 5).map(({ key }) => decoder.decode(key)), ids.slice(-5));
});

/** The dates of records with how many have each, in the order of their first one. */
function datesOf(records: readonly GeneratedRecord[]): [date: string, count: number][] {
  const batch = ingestAll(records);
  const dates = [...batch.days.subarray(0, batch.length)].map(isoDate);
  return [...Map.groupBy(dates, (date) => date)].map(([date, { length }]) => [date, length]);
}

Deno.test("generateEvents() covers exactly the days that end with the start", () => {
  assert.deepEqual(datesOf(generate({ days: 1 })), [["2026-11-24", 100]]);
  assert.deepEqual(datesOf(generate({ days: 4 })), [
    ["2026-11-21", 25],
    ["2026-11-22", 25],
    ["2026-11-23", 25],
    ["2026-11-24", 25],
  ]);
  const overYear = generate({
    days: 3,
    startMs: Date.parse("2027-01-01T23:59:59.999Z"),
    count: 10,
  });
  assert.deepEqual(datesOf(overYear).map(([date]) => date), [
    "2026-12-30",
    "2026-12-31",
    "2027-01-01",
  ]);
});

Deno.test("generateEvents() ends at the start, and does not leave a date for another", () => {
  for (
    const start of [
      "2026-11-24T00:00:00.000Z",
      "2026-11-24T00:00:00.010Z",
      "2026-11-24T23:59:59.999Z",
    ]
  ) {
    const records = generate({ days: 2, startMs: Date.parse(start), count: 200 });
    const times = records.map(({ value }) => JSON.parse(decoder.decode(value)).ts);
    assert.equal(times.at(-1), start);
    assert.deepEqual(datesOf(records), [["2026-11-23", 100], ["2026-11-24", 100]]);
    assert.ok(times.every((time) => time <= start));
  }
});

Deno.test("generateEvents() asks the clock for each event where the start is now", () => {
  let nowMs = START_MS;
  const records = generate({ count: 3, startMs: null, days: 3 }, () => nowMs += 60_000);
  const times = records.map(({ value }) => JSON.parse(decoder.decode(value)).ts);
  assert.deepEqual(times, [
    "2026-11-22T10:16:00.000Z",
    "2026-11-23T10:17:00.000Z",
    "2026-11-24T10:18:00.000Z",
  ]);
});
