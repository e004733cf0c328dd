import assert from "node:assert/strict";
import fc from "fast-check";
import { TextColumn } from "../../src/core/text_column.ts";
import { checkProperty } from "../property_seed.ts";

Deno.test("TextColumn gives back what was pushed, as text or as bytes, over clear() and growth", () => {
  const column = new TextColumn();
  const texts = fc.array(fc.string({ unit: "binary", maxLength: 50 }), { maxLength: 50 });
  checkProperty(
    fc.property(texts, (pushed) => {
      column.clear();
      pushed.forEach((text, i) => {
        const bytes = new TextEncoder().encode(`<${text}>`);
        if (i % 2 === 0) column.push(text);
        else column.pushBytes(bytes, { start: 1, end: bytes.length - 1 });
      });
      assert.deepEqual([...column], pushed.map((text) => text.toWellFormed()));
      assert.equal(
        column.byteLength,
        new TextEncoder().encode(pushed.map((text) => text.toWellFormed()).join("")).length,
      );
    }),
  );
});

Deno.test("TextColumn grows by rows and by bytes", () => {
  const column = new TextColumn();
  const long = "é".repeat(100_000);
  for (let i = 0; i < 10_000; i++) column.push(`e${i}`);
  column.push(long);
  assert.equal(column.length, 10_001);
  assert.deepEqual([column.at(0), column.at(9_999), column.at(10_000)], ["e0", "e9999", long]);
});
