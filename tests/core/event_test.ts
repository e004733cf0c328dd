import assert from "node:assert/strict";
import { enrichMonto } from "../../src/core/enrich.ts";
import { ACCIONES, EVENT_COLUMNS, EVENT_FIELDS } from "../../src/core/event_fields.ts";
import { noHeaders, partitionName } from "../../src/core/record.ts";

Deno.test("EVENT_FIELDS are the fields of the schema", () => {
  assert.deepEqual([...EVENT_FIELDS], ["event_id", "ts", "usuario_id", "accion", "monto"]);
});

Deno.test("EVENT_COLUMNS has a column for each field of the schema", () => {
  const names: readonly string[] = EVENT_COLUMNS.map(([name]) => name);
  for (const field of EVENT_FIELDS) assert.ok(names.includes(field), field);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("ACCIONES are the three of the original system", () => {
  assert.deepEqual([...ACCIONES], ["click", "view", "purchase"]);
});

Deno.test("enrichMonto() makes null and absent zero, and minus zero plain", () => {
  assert.ok(Object.is(enrichMonto(null), 0));
  assert.ok(Object.is(enrichMonto(undefined), 0));
  assert.ok(Object.is(enrichMonto(-0), 0));
  assert.equal(enrichMonto(12.34), 12.34);
});

Deno.test("partitionName() tells topic-partitions apart", () => {
  assert.equal(partitionName({ topic: "a", partition: 3 }), "a/3");
  assert.notEqual(
    partitionName({ topic: "a1", partition: 1 }),
    partitionName({ topic: "a", partition: 11 }),
  );
});

Deno.test("noHeaders() is an empty list", () => {
  assert.deepEqual(noHeaders(), []);
});
