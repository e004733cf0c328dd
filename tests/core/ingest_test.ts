import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { EVENT_FIELDS } from "../../src/core/event_fields.ts";
import { isReason } from "../../src/core/outcome.ts";
import { checkProperty } from "../property_seed.ts";
import {
  bytesOf,
  eventRecord,
  eventText,
  HERE,
  ingestRecord,
  recordOf,
  VALID_FIELDS,
} from "./samples.ts";

/** Takes one value in, and asserts that it got exactly one outcome, with a reason where it was rejected. */
function outcomeOf(value: Uint8Array | null): "valid" | "rejected" {
  const batch = new Batch();
  ingestRecord(batch, HERE, recordOf(value, { offset: 41n }));
  assert.equal(batch.receivedCount, 1);
  assert.equal(batch.length + batch.rejected.length, 1);
  const [partition] = batch.partitions;
  assert.equal(partition?.nextOffset, 42n);
  assert.equal(partition.receivedCount, 1);
  assert.equal(partition.rejectedCount, batch.rejected.length);
  const [letter] = batch.rejected;
  if (letter === undefined) return "valid";
  const { reason, path, eventId } = letter.rejected;
  assert.ok(isReason(reason));
  assert.ok(path === null || EVENT_FIELDS.has(path), `path ${path}`);
  assert.ok(eventId === null || (eventId !== "" && eventId.isWellFormed()));
  assert.deepEqual(letter.record.value, value);
  return "rejected";
}

Deno.test("ingest() gives any bytes exactly one outcome and never throws", () => {
  checkProperty(
    fc.property(fc.option(fc.uint8Array({ maxLength: 200 })), (value) => {
      assert.equal(outcomeOf(value), "rejected");
    }),
    { runs: 1000 },
  );
});

Deno.test("ingest() gives any JSON exactly one outcome and never throws", () => {
  checkProperty(
    fc.property(fc.json(), (text) => {
      outcomeOf(bytesOf(text));
    }),
    { runs: 1000 },
  );
});

Deno.test("ingest() gives an event with one byte changed exactly one outcome", () => {
  const bytes = bytesOf(eventText({ otro: [1e20, "ñ"] }));
  const anyPlace = fc.integer({ min: 0, max: bytes.length - 1 });
  checkProperty(
    fc.property(anyPlace, fc.integer({ min: 0, max: 255 }), (place, byte) => {
      const changed = bytes.slice();
      changed[place] = byte;
      outcomeOf(changed);
    }),
    { runs: 1000 },
  );
});

Deno.test("ingest() gives events with strange fields exactly one outcome", () => {
  const strange = <T>(usual: T) => fc.oneof(fc.constant(usual), fc.jsonValue());
  const anyEvent = fc.record({
    event_id: strange(VALID_FIELDS.event_id),
    ts: fc.oneof(fc.constant(VALID_FIELDS.ts), fc.date({ noInvalidDate: true }), fc.jsonValue()),
    usuario_id: strange(VALID_FIELDS.usuario_id),
    accion: strange(VALID_FIELDS.accion),
    monto: strange(VALID_FIELDS.monto),
    __proto__: fc.jsonValue(),
    otro: fc.jsonValue(),
  }, { requiredKeys: [] });
  const outcomes = { valid: 0, rejected: 0 };
  checkProperty(
    fc.property(anyEvent, (event) => {
      outcomes[outcomeOf(bytesOf(JSON.stringify(event)))]++;
    }),
    { runs: 2000 },
  );
  assert.ok(outcomes.valid > 20 && outcomes.rejected > 20, JSON.stringify(outcomes));
});

Deno.test("ingest() takes an event in with its time, its extra and where it lay", () => {
  const batch = new Batch();
  const parts = { offset: 9n, timestampMs: 1_764_000_000_000, key: bytesOf("e1") };
  ingestRecord(batch, { topic: "events", partition: 3 }, eventRecord({ origen: "app" }, parts));
  assert.equal(batch.eventIds.at(0), "e1");
  assert.equal(batch.extras.get(0), '{"origen":"app"}');
  assert.equal(batch.microseconds[0], 36_900_123_456);
  assert.equal(batch.offsetOf(0), 9n);
  assert.equal(batch.timestampsMs[0], 1_764_000_000_000);
  assert.equal(batch.partitions[0]?.partition, 3);
});

Deno.test("ingest() takes an event in that is nested deeply", () => {
  const nested = `${"[".repeat(2_000)}${"]".repeat(2_000)}`;
  assert.equal(outcomeOf(bytesOf(eventText({ otro: "?" }).replace('"?"', nested))), "valid");
});

Deno.test(
  "ingest() gives an outcome to an event that is nested deeply and holds a long number",
  () => {
    const nested = `${"[".repeat(20_000)}12345678901234567890${"]".repeat(20_000)}`;
    outcomeOf(bytesOf(eventText({ otro: "?" }).replace('"?"', nested)));
  },
);
