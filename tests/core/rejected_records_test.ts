import assert from "node:assert/strict";
import fc from "fast-check";
import { REASON_CODES } from "../../src/core/outcome.ts";
import { RejectedRecords } from "../../src/core/rejected_records.ts";
import { checkProperty } from "../property_seed.ts";

const plain = { noNullPrototype: true } as const;
const bytes = fc.option(fc.uint8Array({ maxLength: 40 }));
const topicPartition = fc.record({
  topic: fc.constantFrom("a", "b"),
  partition: fc.integer({ min: 0, max: 3 }),
}, plain);
const origin = fc.record({
  topic: fc.constantFrom("a", "c"),
  partition: fc.nat(5),
  offset: fc.bigInt(0n, 2n ** 63n - 1n),
  attempts: fc.integer({ min: 1, max: 9 }),
}, plain);
const rejection = fc.record({
  at: topicPartition,
  record: fc.record({
    offset: fc.bigInt(0n, 2n ** 63n - 1n),
    timestampMs: fc.integer({ min: -1, max: 2 ** 52 }),
    key: bytes,
    value: bytes,
    headers: fc.array(fc.record({ name: fc.string({ unit: "binary" }), value: bytes }, plain), {
      maxLength: 3,
    }),
    origin,
  }, { ...plain, requiredKeys: ["offset", "timestampMs", "key", "value", "headers"] }),
  rejected: fc.record({
    kind: fc.constant("rejected" as const),
    reason: fc.constantFrom(...REASON_CODES),
    path: fc.option(fc.constantFrom("ts", "monto")),
    eventId: fc.option(fc.string({ unit: "binary" })),
  }, plain),
}, plain);

Deno.test("RejectedRecords gives back what it was given, before and after it was cleared, and as a copy elsewhere", () => {
  const records = new RejectedRecords();
  checkProperty(fc.property(fc.array(rejection, { maxLength: 150 }), (rejections) => {
    records.clear();
    for (const { at, record, rejected } of rejections) records.push(at, record, rejected);
    const expected = rejections.map(({ at, record, rejected }) => {
      const attempts = (record.origin?.attempts ?? 0) + 1;
      return { record, topicPartition: at, rejected, attempts };
    });
    assert.deepEqual([...records], expected);
    const copy = RejectedRecords.from(structuredClone(records.content()));
    records.clear();
    assert.deepEqual([...copy], expected);
    assert.deepEqual([...records], []);
  }));
});

Deno.test("RejectedRecords counts its reasons, and says where a replay lay at first", () => {
  const records = new RejectedRecords();
  const origin = { topic: "first", partition: 7, offset: 9n, attempts: 3 };
  const record = { offset: 5n, timestampMs: 0, key: null, value: null, headers: [] };
  const rejected = { kind: "rejected", reason: "no_value", path: null, eventId: null } as const;
  const at = { topic: "t", partition: 1 };
  records.push(at, record, rejected);
  records.push(at, { ...record, origin }, rejected);
  records.push(at, record, { ...rejected, reason: "not_json" });
  assert.deepEqual([...records.reasonCounts()], [["no_value", 2], ["not_json", 1]]);
  assert.deepEqual(records.positionAt(0), { ...at, offset: 5n });
  assert.deepEqual(records.positionAt(1), { topic: "first", partition: 7, offset: 9n });
  assert.equal(records.attemptsAt(1), 4);
});
