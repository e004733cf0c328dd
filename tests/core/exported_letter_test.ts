import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeadLetter } from "../../src/core/dead_letter.ts";
import { exportedFields, readRepaired } from "../../src/core/exported_letter.ts";
import { checkProperty } from "../property_seed.ts";
import { bytesOf } from "./samples.ts";

const LETTER: DeadLetter = {
  position: { topic: "pi2_events", partition: 3, offset: 1234n },
  timestampMs: 1_764_000_000_123,
  key: bytesOf("k"),
  value: Uint8Array.of(0x7b, 0xff),
  headers: [{ name: "trace", value: bytesOf("ñ") }, { name: "trace", value: Uint8Array.of(255) }],
  reason: "not_utf8",
  path: null,
  stage: "decode",
  attempts: 2,
  eventId: null,
  rejectedAtMs: 1_764_000_001_000,
};

Deno.test("an exported dead letter says everything of it, bytes as text with their encoding", () => {
  assert.deepEqual(exportedFields(LETTER), {
    position: "pi2_events/3/1234",
    timestamp: "2025-11-24T16:00:00.123Z",
    reason: "not_utf8",
    path: null,
    stage: "decode",
    attempts: 2,
    rejected_at: "2025-11-24T16:00:01.000Z",
    event_id: null,
    key: "k",
    key_encoding: "utf8",
    value: "e/8=",
    value_encoding: "base64",
    headers: [
      { name: "trace", value: "ñ", value_encoding: "utf8" },
      { name: "trace", value: "/w==", value_encoding: "base64" },
    ],
  });
});

const PLAIN = { noNullPrototype: true };

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: "binary" }).map(bytesOf),
  fc.constant(bytesOf("\ufeff{}")),
);

Deno.test("what was exported is read back byte for byte", () => {
  const letters = fc.record({
    key: fc.option(anyBytes),
    value: fc.option(anyBytes),
    headers: fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), value: anyBytes }, PLAIN)),
    position: fc.record({
      topic: fc.constantFrom("a", "dlq replay"),
      partition: fc.nat(9),
      offset: fc.bigInt(0n, 2n ** 63n - 1n),
    }, PLAIN),
  }, PLAIN);
  checkProperty(fc.property(letters, (parts) => {
    const line = JSON.stringify(exportedFields({ ...LETTER, ...parts }));
    assert.deepEqual(readRepaired(line), { ...parts, attempts: LETTER.attempts });
  }));
});

Deno.test("large bytes that are not UTF-8 are exported whole", () => {
  const value = new Uint8Array(100_000).fill(0xff);
  const line = JSON.stringify(exportedFields({ ...LETTER, value }));
  assert.deepEqual(readRepaired(line).value, value);
});

const POSITION = `"position":"t/0/1"`;

Deno.test("a repaired line needs its position, and text is UTF-8 where nothing is said", () => {
  assert.deepEqual(readRepaired(`{${POSITION},"value":"ñ"}`), {
    position: { topic: "t", partition: 0, offset: 1n },
    attempts: null,
    key: null,
    value: bytesOf("ñ"),
    headers: [],
  });
});

for (
  const [line, message] of [
    ["{", "expected JSON"],
    ["[]", "expected the line to be a JSON object"],
    ["null", "expected the line to be a JSON object"],
    [`{"value":"x"}`, `expected topic/partition/offset in "position"`],
    [`{"position":"t/0"}`, `expected topic/partition/offset in "position"`],
    [`{${POSITION},"value":{}}`, `expected a text or null in "value"`],
    [
      `{${POSITION},"value":"x","value_encoding":"hex"}`,
      `expected utf8 or base64 in "value_encoding"`,
    ],
    [`{${POSITION},"key":"?","key_encoding":"base64"}`, `expected base64 in "key"`],
    [`{${POSITION},"attempts":0}`, `expected an integer of 1 or more in "attempts"`],
    [`{${POSITION},"headers":{}}`, `expected a list in "headers"`],
    [`{${POSITION},"headers":[1]}`, "expected each header to be a JSON object"],
    [`{${POSITION},"headers":[{"value":"x"}]}`, `expected a text in a header's "name"`],
  ] as const
) {
  Deno.test(`a repaired line is refused: ${line}`, () => {
    assert.throws(() => readRepaired(line), { name: "RangeError", message });
  });
}
