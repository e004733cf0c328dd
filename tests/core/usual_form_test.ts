import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { ingest, ingestAny } from "../../src/core/ingest.ts";
import { UsualForm } from "../../src/core/usual_form.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { HOSTILE_CORPUS } from "../hostile/corpus.ts";
import { hostileRecords } from "../hostile/fuzz_round.ts";
import { checkProperty } from "../property_seed.ts";
import { nearUsualBytes } from "./near_usual.ts";
import { bytesOf, eventText, HERE, ingestRecord, recordOf } from "./samples.ts";

/** As many as a test may take; more by hand. */
const RUNS = Number(Deno.env.get("ORILLA_TEST_RUNS") ?? 3_000);

/** All that a batch knows of its records. */
function contentsOf(batch: Batch) {
  return {
    rows: Array.from({ length: batch.length }, (_, row) => [
      batch.eventIds.at(row),
      batch.days[row],
      batch.microseconds[row],
      batch.usuarioIds[row],
      batch.acciones[row],
      batch.montos[row],
      batch.extras.get(row),
      batch.partitionIndexes[row],
      batch.offsetOf(row),
      batch.timestampsMs[row],
    ]),
    extraCount: batch.extras.size,
    dateCount: batch.dateCount,
    rejected: [...batch.rejected].map(({ rejected }) => rejected),
    partitions: batch.partitions,
    bytes: batch.bytes,
  };
}

/** Takes values in by both paths, and asserts that nothing tells the batches apart. */
function assertSame(values: readonly Uint8Array[]): void {
  const some = new Batch(), any = new Batch();
  values.forEach((value, i) => {
    const record = recordOf(value, { offset: BigInt(i) });
    ingestRecord(some, HERE, record);
    ingestRecord(any, HERE, record, ingestAny);
  });
  assert.deepEqual(contentsOf(some), contentsOf(any), values.map(String).join("\n"));
}

Deno.test("ingest() and ingestAny() agree on hostile records, and on the hostile corpus", () => {
  assertSame(HOSTILE_CORPUS.flatMap(({ value }) => value ?? []));
  checkProperty(
    fc.property(fc.nat(), (seed) => {
      const records = hostileRecords(seededRandom(seed), 4);
      assertSame(records.flatMap(({ value }) => value ?? []));
    }),
    { runs: RUNS },
  );
});

Deno.test("a record with more bytes than it may have is not read, whatever its form", () => {
  const usual = bytesOf(eventText()), other = bytesOf(eventText({ event_id: "ñ" }));
  const headers = [{ name: "n", value: bytesOf("v") }, { name: "m", value: null }];
  for (const value of [usual, other]) {
    const record = recordOf(value, { key: bytesOf("k"), headers });
    const bytes = value.length + "k".length + "nvm".length;
    for (const [maxRecordBytes, count] of [[bytes, 1], [bytes - 1, 0]] as const) {
      const batch = new Batch();
      ingestRecord(batch, HERE, record, (batch, at, cursor) => {
        ingest(batch, at, cursor, { maxRecordBytes });
      });
      const reasons = [...batch.rejected].map(({ rejected }) => rejected.reason);
      assert.deepEqual([batch.length, reasons], [count, count === 1 ? [] : ["too_large"]]);
      assert.equal(batch.bytes, bytes);
    }
  }
});

function isUsual(text: string): boolean {
  return new UsualForm().read(bytesOf(text));
}

Deno.test("ingest() and ingestAny() agree on records in or near the usual form", () => {
  let usualCount = 0, count = 0;
  const form = new UsualForm();
  checkProperty(
    fc.property(fc.array(nearUsualBytes, { minLength: 1, maxLength: 4 }), (values) => {
      assertSame(values);
      count += values.length;
      usualCount += values.filter((value) => form.read(value)).length;
    }),
    { runs: RUNS },
  );
  const share = usualCount / count;
  assert.ok(share > 0.1 && share < 0.9, `${usualCount} of ${count} records have the usual form`);
});

Deno.test("ingest() and ingestAny() agree on a usual record with any one byte changed, added or gone", () => {
  const usual = bytesOf(eventText({ origen: "a", n: 1 }));
  const values: Uint8Array[] = [];
  for (let at = 0; at <= usual.length; at++) {
    const before = usual.subarray(0, at);
    values.push(Uint8Array.from(before));
    values.push(Uint8Array.from([...before, ...usual.subarray(at + 1)]));
    for (const byte of [...bytesOf('{}[]",:\\-+.eE059 \t\n\r\0~\u007f'), 0x80, 0xc3, 0xff]) {
      values.push(Uint8Array.from([...before, byte, ...usual.subarray(at)]));
      values.push(Uint8Array.from([...before, byte, ...usual.subarray(at + 1)]));
    }
  }
  assertSame(values);
});

Deno.test("UsualForm reads numbers of up to 15 digits as JSON.parse does", () => {
  const digits = fc.nat({ max: 999_999_999_999_999 });
  checkProperty(
    fc.property(digits, fc.nat({ max: 15 }), (number, fractionDigits) => {
      const text = String(number).padStart(fractionDigits + 1, "0");
      const whole = text.slice(0, text.length - fractionDigits);
      const monto = fractionDigits === 0 ? whole : `${whole}.${text.slice(-fractionDigits)}`;
      const form = new UsualForm();
      const isRead = form.read(
        bytesOf(eventText({ monto: 0 }).replace('"monto":0', `"monto":${monto}`)),
      );
      assert.equal(isRead, text.length <= 15);
      if (isRead) assert.ok(Object.is(form.monto, Number(monto)), monto);
    }),
    { runs: RUNS },
  );
});

Deno.test("UsualForm reads every form that producers write by default", () => {
  assert.ok(isUsual(eventText()));
  assert.ok(isUsual(JSON.stringify(JSON.parse(eventText()), null, 2)));
  assert.ok(
    isUsual('{"event_id": "e1", "ts": "2026-11-24T10:15:00.123456+00:00", "usuario_id": 5}'),
  );
  assert.ok(isUsual(eventText({ ts: "2026-11-24T10:15:00Z", monto: null, accion: undefined })));
  assert.ok(isUsual(eventText({ origen: "app-1", n: -1.5, es: true, no: null })));
});

Deno.test("UsualForm leaves what is in doubt to the general path", () => {
  const doubtful = [
    eventText({ event_id: "ñ" }),
    eventText({ event_id: 'a"b' }),
    eventText({ event_id: "" }),
    eventText({ usuario_id: -0 }).replace('"usuario_id":0', '"usuario_id":-0'),
    eventText({ usuario_id: 1.5 }),
    eventText({ monto: -1 }),
    eventText({ monto: 1e21 }),
    eventText({ accion: null }),
    eventText({ accion: "hover" }),
    eventText({ ts: "2026-02-29T00:00:00Z" }),
    eventText({ ts: undefined }),
    eventText({ otro: [] }),
    eventText({ 1: 1 }),
    eventText({ long: "x".repeat(20_000) }),
    `${eventText().slice(0, -1)},"ts":"2026-11-24"}`,
    `${eventText().slice(0, -1)},"a":1,"a":1}`,
    `${eventText().slice(0, -1)},"a":1.50}`,
    `\ufeff${eventText()}`,
    `${eventText()}x`,
    "{}",
    "",
  ];
  for (const text of doubtful) assert.equal(isUsual(text), false, text);
  assertSame(doubtful.map(bytesOf));
});
