import assert from "node:assert/strict";
import fc from "fast-check";
import { idFilterOf, idFilterOfAll, IdHash, mayHold } from "../../src/core/id_filter.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { checkProperty, replayHint, testSeed } from "../property_seed.ts";

function columnOf(ids: readonly string[]): TextColumn {
  const column = new TextColumn();
  for (const id of ids) column.push(id);
  return column;
}

const anyId = fc.string({ unit: "binary", minLength: 1 });

Deno.test("a filter never says no to an id that it was made of, whatever the ids are", () => {
  checkProperty(
    fc.property(fc.array(anyId, { minLength: 1, size: "medium" }), (ids) => {
      const filter = idFilterOfAll(columnOf(ids));
      for (const id of ids) assert.ok(mayHold(filter, IdHash.of(id)), JSON.stringify(id));
    }),
    { runs: 300 },
  );
});

Deno.test("a filter of some rows holds these alone", () => {
  const ids = Array.from({ length: 400 }, (_, i) => `e${i}`);
  const rows = Int32Array.from({ length: 40 }, (_, i) => i * 10);
  const filter = idFilterOf(columnOf(ids), rows);
  const held = ids.filter((id) => mayHold(filter, IdHash.of(id)));
  for (const row of rows) assert.ok(held.includes(ids[row] ?? ""));
  assert.ok(held.length < 45, `${held.length} of 400 said to be among 40`);
});

Deno.test("an id's hash is that of its bytes, wherever in a column they lie", () => {
  checkProperty(
    fc.property(fc.array(anyId, { minLength: 1 }), (ids) => {
      const column = columnOf(ids), hash = new IdHash();
      ids.forEach((id, row) => {
        hash.take(column, row);
        assert.deepEqual(hash, IdHash.of(id));
      });
    }),
  );
});

Deno.test("a filter of no ids holds none", () => {
  const filter = idFilterOfAll(new TextColumn());
  assert.equal(filter.length, 0);
  assert.ok(!mayHold(filter, IdHash.of("e1")));
});

for (const count of [300, 50_000]) {
  Deno.test(`a filter of ${count} ids says wrongly yes to about one in 1,700`, () => {
    const seed = testSeed();
    const random = seededRandom(seed);
    const uuid = () => Array.from({ length: 8 }, () => Math.floor(random() * 65_536)).join("-");
    const forms = { random: uuid, running: (i: number) => `e${i}` };
    for (const [name, idOf] of Object.entries(forms)) {
      const filter = idFilterOfAll(columnOf(Array.from({ length: count }, (_, i) => idOf(i))));
      assert.equal(filter.length, count * 2, "2 bytes an id");
      const others = columnOf(Array.from({ length: 200_000 }, (_, i) => idOf(count + i)));
      const hash = new IdHash();
      let wrong = 0;
      for (let row = 0; row < others.length; row++) {
        hash.take(others, row);
        if (mayHold(filter, hash)) wrong++;
      }
      // 117 are expected; six standard deviations, and the spread of small filters, are let pass.
      assert.ok(wrong > 30 && wrong < 240, `${wrong} of 200,000 ${name}; ${replayHint(seed)}`);
    }
  });
}
