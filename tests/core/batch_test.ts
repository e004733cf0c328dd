import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { ACCIONES } from "../../src/core/event_fields.ts";
import { ingest } from "../../src/core/ingest.ts";
import { RecordList } from "../../src/core/record_list.ts";
import type { RawRecord } from "../../src/core/record.ts";
import { checkProperty } from "../property_seed.ts";
import {
  batchOfEvents,
  bytesOf,
  eventRecord,
  eventText,
  HERE,
  ingestRecord,
  recordOf,
} from "./samples.ts";

/** More rows than a new batch has room for, so that its columns grow twice. */
const MANY = 10_000;

Deno.test("Batch starts empty", () => {
  const batch = new Batch();
  assert.ok(batch.isEmpty);
  assert.deepEqual([batch.length, batch.bytes, batch.receivedCount], [0, 0, 0]);
  assert.deepEqual(batch.partitions, []);
});

Deno.test("Batch.addEvent() keeps every column when the columns grow", () => {
  const batch = new Batch();
  for (let i = 0; i < MANY; i++) {
    const fields = {
      event_id: `e${i}`,
      ts: new Date(i * 86_400_000 + i).toISOString(),
      usuario_id: i - 5_000,
      accion: ACCIONES[i % 4],
      monto: i / 4,
      ...(i % 10 === 0 ? { n: i } : {}),
    };
    const at = { topic: "events", partition: i % 3 };
    ingestRecord(batch, at, eventRecord(fields, { offset: BigInt(i) * 10n, timestampMs: i + 0.5 }));
  }
  assert.equal(batch.length, MANY);
  assert.equal(batch.eventIds.length, MANY);
  for (let i = 0; i < MANY; i++) {
    const row = [
      batch.eventIds.at(i),
      batch.days[i],
      batch.microseconds[i],
      batch.usuarioIds[i],
      batch.acciones[i],
      batch.montos[i],
      batch.extras.get(i),
      batch.partitionIndexes[i],
      batch.offsetOf(i),
      batch.timestampsMs[i],
    ];
    const code = i % 4 === 3 ? 0 : i % 4 + 1;
    const extra = i % 10 === 0 ? `{"n":${i}}` : undefined;
    const values = [i - 5_000, code, i / 4, extra, i % 3, BigInt(i) * 10n, i + 0.5];
    assert.deepEqual(row, [`e${i}`, i, i * 1000, ...values]);
  }
});

Deno.test("Batch.addEvent() makes the amount of an event that has none zero", () => {
  const batch = batchOfEvents([{ monto: null }, { monto: undefined }, { monto: 0 }, { monto: 1 }]);
  assert.deepEqual([...batch.montos.subarray(0, 4)], [0, 0, 0, 1]);
  const negativeZero = recordOf(bytesOf(eventText({ monto: "?" }).replace('"?"', "-0")));
  const other = new Batch();
  ingestRecord(other, HERE, negativeZero);
  assert.ok(Object.is(other.montos[0], 0));
});

Deno.test("Batch counts received and rejected records and next offsets by partition", () => {
  const batch = new Batch();
  const take = (topic: string, partition: number, offset: bigint, isValid = true) =>
    ingestRecord(
      batch,
      { topic, partition },
      isValid ? eventRecord({}, { offset }) : recordOf(null, { offset }),
    );
  take("a", 1, 100n);
  take("b", 1, 5n, false);
  take("a", 1, 101n, false);
  take("a", 0, 2n ** 62n);
  take("a", 1, 107n);
  take("b", 1, 6n, false);
  assert.deepEqual(batch.partitions, [
    {
      topic: "a",
      partition: 1,
      index: 0,
      firstOffset: 100n,
      nextOffset: 108n,
      receivedCount: 3,
      rejectedCount: 1,
    },
    {
      topic: "b",
      partition: 1,
      index: 1,
      firstOffset: 5n,
      nextOffset: 7n,
      receivedCount: 2,
      rejectedCount: 2,
    },
    {
      topic: "a",
      partition: 0,
      index: 2,
      firstOffset: 2n ** 62n,
      nextOffset: 2n ** 62n + 1n,
      receivedCount: 1,
      rejectedCount: 0,
    },
  ]);
  assert.equal(batch.receivedCount, 6);
  assert.deepEqual([...batch.partitionIndexes.subarray(0, batch.length)], [0, 2, 0]);
});

Deno.test("Batch counts the bytes of keys, values and headers, of rejected records too", () => {
  const batch = new Batch();
  const valid = bytesOf(eventText());
  ingestRecord(batch, HERE, recordOf(valid, { offset: 0n, key: bytesOf("abc") }));
  ingestRecord(batch, HERE, recordOf(bytesOf("{"), { offset: 1n, key: bytesOf("de") }));
  ingestRecord(batch, HERE, recordOf(null, { offset: 2n }));
  assert.equal(batch.bytes, valid.length + 3 + 1 + 2);
  const headers = [{ name: "four", value: bytesOf("12345") }, { name: "a", value: bytesOf("") }];
  ingestRecord(batch, HERE, recordOf(null, { offset: 3n, headers }));
  assert.equal(batch.bytes, valid.length + 3 + 1 + 2 + (4 + 5) + 1);
});

Deno.test("Batch.addRejected() keeps the whole record and where it lay", () => {
  const batch = new Batch();
  const headers = [{ name: "h", value: Uint8Array.of(1) }, { name: "h", value: Uint8Array.of(2) }];
  const record = recordOf(bytesOf("[]"), { offset: 4n, headers, key: bytesOf("k") });
  ingestRecord(batch, { topic: "t", partition: 2 }, record);
  const [letter] = batch.rejected;
  assert.ok(letter !== undefined);
  assert.deepEqual(letter.record, record);
  assert.deepEqual([letter.topicPartition.topic, letter.topicPartition.partition], ["t", 2]);
  assert.equal(letter.rejected.reason, "not_object");
});

Deno.test("Batch refuses a record below the next offset of its partition", () => {
  const batch = batchOfEvents([{}, {}]);
  const again = eventRecord({}, { offset: 1n });
  assert.throws(
    () => ingestRecord(batch, HERE, again),
    /Assertion failed: offsets of a partition rise/,
  );
  ingestRecord(batch, HERE, eventRecord({}, { offset: 2n }));
  assert.equal(batch.length, 3);
});

Deno.test("Batch.clear() forgets all records and keeps the columns' memory", () => {
  const batch = batchOfEvents([{ event_id: "a", origen: 1 }, { event_id: "b" }]);
  ingestRecord(batch, HERE, recordOf(null, { offset: 7n }));
  const { days } = batch;
  batch.clear();
  assert.ok(batch.isEmpty);
  assert.equal(batch.days, days);
  assert.deepEqual([batch.length, batch.bytes, batch.receivedCount], [0, 0, 0]);
  assert.deepEqual([batch.eventIds.length, batch.rejected.length, batch.partitions], [0, 0, []]);
  assert.equal(batch.extras.size, 0);
  ingestRecord(
    batch,
    { topic: "other", partition: 9 },
    eventRecord({ event_id: "c" }, { offset: 3n }),
  );
  assert.deepEqual([batch.eventIds.length, batch.eventIds.at(0)], [1, "c"]);
  assert.equal(batch.extras.has(0), false);
  assert.deepEqual(batch.partitions.map(({ topic, index }) => [topic, index]), [["other", 0]]);
});

/** Everything that the rows of a batch say. */
function rowsOf(batch: Batch) {
  return Array.from({ length: batch.length }, (_, row) => [
    batch.eventIds.at(row),
    batch.days[row],
    batch.microseconds[row],
    batch.usuarioIds[row],
    batch.acciones[row],
    batch.montos[row],
    batch.extras.get(row),
    batch.positionOf(row),
    batch.timestampsMs[row],
  ]);
}

Deno.test("Batch.recordsOf() finds a row's record in whichever run it came", () => {
  const batch = new Batch();
  const take = (partition: number, first: number) => {
    const records = Array.from(
      { length: 5 },
      (_, i) =>
        i === 2
          ? recordOf(null, { offset: BigInt(first + i) })
          : eventRecord({ event_id: `p${partition}o${first + i}` }, { offset: BigInt(first + i) }),
    );
    const cursor = new RecordList(records);
    while (cursor.next()) ingest(batch, { topic: "events", partition }, cursor);
  };
  take(0, 10);
  take(1, 10);
  take(0, 20);
  const rows = [...Array(batch.length).keys()].filter((row) => row % 3 !== 1);
  const records = batch.recordsOf(rows);
  assert.deepEqual([...records.keys()].sort((a, b) => a - b), rows);
  for (const [row, record] of records) {
    const { partition, offset } = batch.positionOf(row);
    assert.deepEqual(record, eventRecord({ event_id: `p${partition}o${offset}` }, { offset }));
  }
});

Deno.test("Batch.rejectRows() takes rows out, leaves the others as they were, and counts them by partition", () => {
  checkProperty(
    fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (isRejected) => {
      const batch = new Batch();
      const records: RawRecord[] = [];
      isRejected.forEach((_, i) => {
        const fields = {
          event_id: `e${i}`,
          ts: new Date(i * 86_400_000 + i).toISOString(),
          usuario_id: i,
          accion: ACCIONES[i % 4],
          monto: i / 4,
          ...(i % 3 === 0 ? { n: i } : {}),
        };
        const at = { topic: "events", partition: i % 3 };
        const origin = i % 4 === 1 ? { origin: { ...at, offset: 77n, attempts: i } } : {};
        const record = eventRecord(fields, { offset: BigInt(i), timestampMs: i, ...origin });
        records.push(record);
        ingestRecord(batch, at, record);
      });
      const before = rowsOf(batch);
      const rejected = {
        kind: "rejected",
        reason: "not_encodable",
        path: null,
        eventId: "e",
      } as const;
      const rows = isRejected.flatMap((is, row) => is ? [row] : []);
      batch.rejectRows(new Map(rows.map((row) => [row, rejected])));
      assert.deepEqual(rowsOf(batch), before.filter((_, row) => !isRejected[row]));
      assert.deepEqual(
        [...batch.rejected].map((letter) => [
          letter.topicPartition.partition,
          letter.record,
          letter.attempts,
        ]),
        rows.map((row) => [row % 3, records[row], (records[row]?.origin?.attempts ?? 0) + 1]),
      );
      assert.equal(batch.receivedCount, isRejected.length);
      for (const { partition, rejectedCount } of batch.partitions) {
        assert.equal(rejectedCount, rows.filter((row) => row % 3 === partition).length);
      }
    }),
  );
});
