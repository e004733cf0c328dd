import assert from "node:assert/strict";
import fc from "fast-check";
import { ExtraColumn } from "../../src/core/extra_column.ts";
import { checkProperty } from "../property_seed.ts";
import { bytesOf } from "./samples.ts";

Deno.test("ExtraColumn gives the text of each row that has one, and none of the others, over clear()", () => {
  const column = new ExtraColumn();
  const some = fc.uniqueArray(fc.nat({ max: 400 }), { maxLength: 200 });
  checkProperty(
    fc.property(some, fc.string({ unit: "binary" }), (unsorted, text) => {
      column.clear();
      const rows = unsorted.toSorted((a, b) => a - b);
      rows.forEach((row, i) => {
        const bytes = bytesOf(`${row}${text}!`);
        if (i % 2 === 0) column.push(row, `${row}${text}`);
        else column.pushBytes(row, { bytes, byteLength: bytes.length - 1 });
      });
      assert.equal(column.size, rows.length);
      for (let row = -1; row <= 401; row++) {
        assert.equal(column.has(row), rows.includes(row));
        const expected = rows.includes(row) ? `${row}${text}`.toWellFormed() : undefined;
        assert.equal(column.get(row), expected);
      }
    }),
  );
});
