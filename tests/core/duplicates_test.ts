import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { type Duplicates, duplicatesOf, positionsOf } from "../../src/core/duplicates.ts";
import { IdHash, mayHold } from "../../src/core/id_filter.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { Position } from "../../src/core/record.ts";
import { checkProperty } from "../property_seed.ts";
import { eventRecord } from "./samples.ts";

interface Planned {
  readonly id: string;
  readonly position: Position;
}

const moment = { day: 0, microseconds: 0 };

/** A batch of events with these ids at these positions. */
function batchOf(planned: readonly Planned[]): Batch {
  const batch = new Batch();
  for (const { id, position } of planned) {
    const record = new RecordList([eventRecord({}, { offset: position.offset })]);
    record.next();
    const event = { event_id: id, ts: "1970-01-01", usuario_id: 1 };
    batch.addEvent(position, record, event, moment, null);
  }
  return batch;
}

/** Ids of which some are beginnings of others, at rising offsets of several partitions. */
const plans = fc.array(
  fc.record({
    id: fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom("a", "a\0", "aa", "\uFEFFa", "ñ", "e1"),
    ),
    topic: fc.constantFrom("t", "ü/0"),
    partition: fc.integer({ min: 0, max: 3 }),
    step: fc.bigInt({ min: 0n, max: 2n ** 47n }),
    isDuplicate: fc.boolean(),
  }),
  { maxLength: 40 },
).map((entries) => {
  const next = new Map<string, bigint>();
  return entries.map(({ id, topic, partition, step, isDuplicate }) => {
    const offset = (next.get(`${topic}/${partition}`) ?? 2n ** 62n) + step;
    next.set(`${topic}/${partition}`, offset + 1n);
    return { id, position: { topic, partition, offset }, isDuplicate };
  });
});

Deno.test("duplicatesOf() keeps each id with its positions, whatever the ids and offsets are", () => {
  checkProperty(
    fc.property(plans, (planned) => {
      const rows = planned.flatMap(({ isDuplicate }, row) => isDuplicate ? [row] : []);
      const kept = duplicatesOf(batchOf(planned), Int32Array.from(rows));
      if (kept === null) return assert.deepEqual(rows, []);
      assert.equal(kept.count, rows.length);
      for (const { id } of planned) {
        const expected = planned.filter((other) => other.isDuplicate && other.id === id);
        assert.deepEqual(positionsOf(kept, id), expected.map(({ position }) => position));
        if (expected.length > 0) assert.ok(mayHold(kept.filter, IdHash.of(id)));
      }
    }),
    { runs: 300 },
  );
});

Deno.test("duplicatesOf() keeps nothing where there are none", () => {
  const batch = batchOf([{ id: "a", position: { topic: "t", partition: 0, offset: 1n } }]);
  assert.equal(duplicatesOf(batch, new Int32Array()), null);
});

Deno.test("positionsOf() reads records that do not begin at a multiple of 8 bytes", () => {
  const position = { topic: "t", partition: 0, offset: 7n };
  const kept = duplicatesOf(batchOf([{ id: "a", position }]), Int32Array.of(0));
  assert.ok(kept !== null);
  const larger = new Uint8Array(kept.records.length + 3);
  larger.set(kept.records, 3);
  const moved: Duplicates = { ...kept, records: larger.subarray(3) };
  assert.deepEqual(positionsOf(moved, "a"), [position]);
  assert.deepEqual(positionsOf(moved, "b"), []);
});
