import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { SeenIds } from "../../src/checkpoint/seen_ids.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, hashesOf, openCheckpoint } from "./commits.ts";
import { idsFrom } from "./seen_id_sets.ts";

/** Runs of two groups of chunks, and small ones. */
const SIZES = [40_000, 1_000, 40_000, 1_000, 1_000];
const SMALL_BYTES = 20_000;

function addAll(seen: SeenIds): void {
  SIZES.forEach((count, i) => {
    const { hashes } = hashesOf(idsFrom(100_000 * i, count));
    seen.add(hashes, 5).apply();
  });
}

/** How many of the ids of `addAll`, and of as many others, are seen. */
function foundIn(seen: SeenIds): readonly [known: number, unknown: number] {
  const found = [0, 50_000].map((from) =>
    SIZES.reduce((sum, count, i) => {
      const { hashes } = hashesOf(idsFrom(100_000 * i + from, count));
      return sum + seen.seenAmong(hashes, 5).reduce((a, b) => a + b, 0);
    }, 0)
  );
  return [found[0] ?? NaN, found[1] ?? NaN];
}

Deno.test("filters take the memory that they may, small runs' first; the others are read", () => {
  using database = new DatabaseSync(":memory:");
  const all = SIZES.reduce((a, b) => a + b, 0);
  const unbounded = new SeenIds(database, { ttlMs: 0 });
  addAll(unbounded);
  const allBytes = unbounded.filterBytes;
  assert.ok(allBytes > 200_000);
  for (const memoryBytes of [Infinity, allBytes - 1, SMALL_BYTES, 0]) {
    const opened = new SeenIds(database, { ttlMs: 0, memoryBytes });
    assert.ok(opened.filterBytes <= memoryBytes);
    assert.deepEqual(foundIn(opened), [all, 0], `${memoryBytes} bytes`);
    using fresh = new DatabaseSync(":memory:");
    const filled = new SeenIds(fresh, { ttlMs: 0, memoryBytes });
    addAll(filled);
    assert.equal(filled.filterBytes, opened.filterBytes, `${memoryBytes} bytes`);
    assert.deepEqual(foundIn(filled), [all, 0], `${memoryBytes} bytes`);
    if (memoryBytes === SMALL_BYTES) assert.ok(opened.filterBytes > 0);
    if (memoryBytes === allBytes - 1) assert.ok(opened.filterBytes > allBytes / 2);
  }
});

Deno.test("a filter that lacks a part is refused, in memory or not", async () => {
  for (const seenMemoryBytes of [Infinity, 0]) {
    await using folder = await temporaryFolder();
    {
      using checkpoint = openCheckpoint(folder.path);
      checkpoint.commit(commitOf(1, { freshIds: idsFrom(0, 40_000) }));
    }
    {
      using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`);
      database.exec("DELETE FROM seen_filters WHERE place = (SELECT min(place) FROM seen_filters)");
    }
    assert.throws(
      () => openCheckpoint(folder.path, { seenMemoryBytes }),
      (error) => error instanceof OrillaError && error.exitCode === 3,
    );
  }
});
