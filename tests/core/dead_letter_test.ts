import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type DeadLetter,
  type DeadLetterFilter,
  isMeant,
  isSamePosition,
  parsePosition,
  positionText,
} from "../../src/core/dead_letter.ts";
import { checkProperty } from "../property_seed.ts";

const topics = fc.constantFrom("a", "b", "dlq replay");
const reasons = fc.constantFrom("ts_missing", "not_json", "monto_negative");
const ids = fc.constantFrom("e1", "e2", "any");
const times = fc.integer({ min: 0, max: 5 });
const partitions = fc.integer({ min: 0, max: 2 });

const letters = fc.record({
  position: fc.record({ topic: topics, partition: partitions, offset: fc.bigInt(0n, 3n) }),
  reason: reasons,
  eventId: fc.option(ids),
  rejectedAtMs: times,
}).map((parts): DeadLetter => ({
  timestampMs: 0,
  key: null,
  value: null,
  headers: [],
  path: null,
  stage: "decode",
  attempts: 1,
  ...parts,
}));

const filters: fc.Arbitrary<DeadLetterFilter> = fc.record({
  reason: fc.option(reasons),
  sinceMs: fc.option(times),
  eventId: fc.option(ids),
  partition: fc.option(fc.record({ topic: fc.option(topics), partition: partitions })),
});

const NOTHING = { reason: null, sinceMs: null, eventId: null, partition: null };

Deno.test("a filter means the letters that each of its parts means alone", () => {
  checkProperty(fc.property(letters, filters, (letter, filter) => {
    const parts: DeadLetterFilter[] = [
      { ...NOTHING, reason: filter.reason },
      { ...NOTHING, sinceMs: filter.sinceMs },
      { ...NOTHING, eventId: filter.eventId },
      { ...NOTHING, partition: filter.partition },
    ];
    assert.equal(isMeant(letter, filter), parts.every((part) => isMeant(letter, part)));
  }));
});

Deno.test("an empty filter means every letter, and each part what it says", () => {
  checkProperty(fc.property(letters, filters, (letter, { reason, sinceMs, eventId, partition }) => {
    assert.ok(isMeant(letter, NOTHING));
    const { position } = letter;
    assert.equal(isMeant(letter, { ...NOTHING, reason }), [null, letter.reason].includes(reason));
    assert.equal(isMeant(letter, { ...NOTHING, sinceMs }), !(letter.rejectedAtMs < (sinceMs ?? 0)));
    assert.equal(
      isMeant(letter, { ...NOTHING, eventId }),
      eventId === null || letter.eventId === eventId,
    );
    const isIn = partition === null ||
      `${partition.topic ?? position.topic}/${partition.partition}` ===
        `${position.topic}/${position.partition}`;
    assert.equal(isMeant(letter, { ...NOTHING, partition }), isIn);
  }));
});

Deno.test("a position is read back from its text, and other texts are none", () => {
  checkProperty(fc.property(letters, ({ position }) => {
    const found = parsePosition(positionText(position));
    assert.ok(found !== undefined && isSamePosition(found, position));
  }));
  const largest = { topic: "t", partition: 2 ** 31 - 1, offset: 2n ** 63n - 1n };
  assert.deepEqual(parsePosition(positionText(largest)), largest);
  for (const text of ["", "t/0", "t/0/", "t/x/1", "/0/1", "t/0/1/2", "t/-1/0", "t/0/1.5"]) {
    assert.equal(parsePosition(text), undefined, text);
  }
});

Deno.test("positions are the same only in all three parts", () => {
  const position = { topic: "t", partition: 1, offset: 2n };
  assert.ok(isSamePosition(position, { ...position }));
  assert.ok(!isSamePosition(position, { ...position, topic: "u" }));
  assert.ok(!isSamePosition(position, { ...position, partition: 2 }));
  assert.ok(!isSamePosition(position, { ...position, offset: 3n }));
});
