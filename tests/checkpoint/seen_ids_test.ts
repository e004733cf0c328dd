import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, openCheckpoint, seenAmong } from "./commits.ts";
import { assertCounts, capacities, expireAll, idsFrom, STRANGE_IDS } from "./seen_id_sets.ts";

const TTL_MS = 1_000;

Deno.test("Checkpoint tells ids apart that look alike, NUL and non-ASCII ones too", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  STRANGE_IDS.forEach((id, i) => {
    assert.deepEqual(seenAmong(checkpoint, [id], 0), [], JSON.stringify(id));
    checkpoint.commit(commitOf(i + 1, { freshIds: [id] }));
    assert.deepEqual(seenAmong(checkpoint, [id], 0), [0], JSON.stringify(id));
  });
  const places = STRANGE_IDS.map((_, place) => place);
  assert.deepEqual(seenAmong(checkpoint, STRANGE_IDS, 0), places);
  assert.equal(checkpoint.seenIdCount, STRANGE_IDS.length);
});

Deno.test("Checkpoint knows no ids of an empty list", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  assert.deepEqual(seenAmong(checkpoint, [], 0), []);
});

Deno.test("an id counts as seen until its time to live is over, to the millisecond", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  checkpoint.commit(commitOf(1, { freshIds: ["a"], committedAtMs: 5_000 }));
  assert.deepEqual(seenAmong(checkpoint, ["a"], 5_000), [0]);
  assert.deepEqual(seenAmong(checkpoint, ["a"], 5_999), [0]);
  assert.deepEqual(seenAmong(checkpoint, ["a"], 6_000), []);
});

Deno.test("an id that comes again after its time to live counts from then", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  checkpoint.commit(commitOf(1, { freshIds: ["a", "b"], committedAtMs: 5_000 }));
  checkpoint.commit(commitOf(2, { freshIds: ["a", "c"], committedAtMs: 6_500 }));
  assert.deepEqual(seenAmong(checkpoint, ["a", "b", "c"], 7_000), [0, 2]);
  assert.equal(checkpoint.expireStep(7_000, 10), 2);
  assert.deepEqual(seenAmong(checkpoint, ["a", "b", "c"], 7_499), [0, 2]);
  assert.equal(checkpoint.seenIdCount, 2);
});

Deno.test("a time to live of zero is for ever", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: 0 });
  checkpoint.commit(commitOf(1, { freshIds: ["a"], committedAtMs: 0 }));
  assert.equal(checkpoint.expireStep(Number.MAX_SAFE_INTEGER, 100), 0);
  assert.deepEqual(seenAmong(checkpoint, ["a"], Number.MAX_SAFE_INTEGER), [0]);
});

Deno.test("expireStep() deletes all expired ids and no others, a chunk at a time", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  const old = [...STRANGE_IDS, ...idsFrom(0, 5_000)], young = [...idsFrom(9_000, 400), "zz"];
  checkpoint.commit(commitOf(1, { freshIds: old, committedAtMs: 1_000 }));
  checkpoint.commit(commitOf(2, { freshIds: young, committedAtMs: 2_000 }));
  assert.equal(expireAll(checkpoint, 1_999, 7), 0);
  const deleted = checkpoint.expireStep(2_500, 700);
  assert.ok(deleted > 300 && deleted < 1_000, `${deleted} of a step of 700`);
  assertCounts(checkpoint, folder.path);
  assert.equal(deleted + expireAll(checkpoint, 2_500, 7), old.length);
  assertCounts(checkpoint, folder.path);
  assert.equal(checkpoint.seenIdCount, young.length);
  assert.deepEqual(seenAmong(checkpoint, young, 2_500), young.map((_, i) => i));
});

Deno.test("expireStep() that was not finished goes on after a restart", async () => {
  await using folder = await temporaryFolder();
  const ids = idsFrom(0, 60_000);
  {
    using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
    checkpoint.commit(commitOf(1, { freshIds: ids, committedAtMs: 1_000 }));
    checkpoint.expireStep(2_500, 40_000);
  }
  {
    // The clock was wrong: those that are still there count as seen.
    using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
    assert.equal(seenAmong(checkpoint, ids, 1_500).length, checkpoint.seenIdCount);
  }
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  assert.ok(checkpoint.seenIdCount > 10_000);
  expireAll(checkpoint, 2_500, 40_000);
  assert.equal(checkpoint.seenIdCount, 0);
  assertCounts(checkpoint, folder.path);
});

Deno.test("expireStep() that fails deletes nothing, and the ids go later", async () => {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS, hooks });
  checkpoint.commit(commitOf(1, { freshIds: ["a", "b"], committedAtMs: 1_000 }));
  hooks.failBefore = "expire:end";
  assert.throws(() => checkpoint.expireStep(5_000, 10), InjectedFailure);
  assert.equal(checkpoint.seenIdCount, 2);
  assert.equal(inspectCheckpoint(folder.path).seenIdCount, 2);
  assert.equal(expireAll(checkpoint, 5_000, 10), 2);
});

Deno.test("mergeSteps() makes one run of eight of the same size, and keeps every id", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  for (let i = 0; i < 7; i++) {
    checkpoint.commit(commitOf(i + 1, { freshIds: idsFrom(9_000 * i, 9_000) }));
    checkpoint.mergeSteps(0, 9_000);
  }
  assert.deepEqual(capacities(folder.path), Array(7).fill(9_000));
  checkpoint.commit(commitOf(8, { freshIds: idsFrom(63_000, 9_000) }));
  const all = idsFrom(0, 72_000), places = all.map((_, i) => i);
  for (let step = 0; capacities(folder.path).length > 1; step++) {
    assert.ok(step < 10, "it comes to an end");
    checkpoint.mergeSteps(0, 0);
    assertCounts(checkpoint, folder.path);
    assert.deepEqual(seenAmong(checkpoint, all, 0), places);
    assert.deepEqual(seenAmong(checkpoint, idsFrom(72_000, 10_000), 0), []);
    // What is in memory is what is stored.
    using reader = openCheckpoint(folder.path);
    assert.deepEqual(seenAmong(reader, all, 0), places);
  }
  assert.deepEqual(capacities(folder.path), [72_000]);
  assert.equal(checkpoint.seenIdCount, 72_000);
});

Deno.test("mergeSteps() moves three ids for each one added, and what a step moved more counts for the next call", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const isMerged = () => capacities(folder.path).length === 1;
  for (let i = 0; i < 8; i++) {
    checkpoint.commit(commitOf(i + 1, { freshIds: idsFrom(40_000 * i, 40_000) }));
  }
  let calls = 0;
  for (; !isMerged(); calls++) checkpoint.mergeSteps(0, 10_000);
  // 320,000 ids at 30,000 a call, but for what the last step moved.
  assert.ok(calls >= 6 && calls <= 11, `${calls} calls`);
});

Deno.test("mergeSteps() of small commits is not held up by the large merge before them", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  for (let i = 0; i < 8; i++) {
    checkpoint.commit(commitOf(i + 1, { freshIds: idsFrom(16_000 * i, 16_000) }));
  }
  checkpoint.mergeSteps(0, 1);
  for (let i = 8; i < 48; i++) {
    checkpoint.commit(commitOf(i + 1, { freshIds: [`small${i}`] }));
    checkpoint.mergeSteps(0, 1);
    assert.ok(capacities(folder.path).length < 25, `${capacities(folder.path)}`);
  }
});

Deno.test("mergeSteps() makes one run of a time bucket that is over, and none of two buckets", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { ttlMs: TTL_MS });
  const times = [1_000, 1_100, 1_249, 1_250, 1_300, 1_500];
  times.forEach((committedAtMs, i) =>
    checkpoint.commit(commitOf(i + 1, { freshIds: idsFrom(i * 10, 10 + i), committedAtMs }))
  );
  checkpoint.mergeSteps(1_249, 1_000);
  assert.deepEqual(capacities(folder.path), [10, 11, 12, 13, 14, 15]);
  checkpoint.mergeSteps(1_500, 1_000);
  assert.deepEqual(capacities(folder.path), [15, 27, 33]);
  // The first of them is the oldest of its bucket: it goes with the newest one.
  assert.deepEqual(seenAmong(checkpoint, ["n0"], 2_000), [0]);
  assert.deepEqual(seenAmong(checkpoint, ["n0"], 2_248), [0]);
  assert.deepEqual(seenAmong(checkpoint, ["n0"], 2_249), []);
});

Deno.test("mergeSteps() that fails changes nothing, and goes on later", async () => {
  for (const failure of ["failBefore", "failAfter"] as const) {
    await using folder = await temporaryFolder();
    const hooks = recordingHooks();
    using checkpoint = openCheckpoint(folder.path, { hooks });
    const ids = idsFrom(0, 80);
    for (let i = 0; i < 8; i++) {
      checkpoint.commit(commitOf(i + 1, { freshIds: ids.slice(10 * i, 10 * (i + 1)) }));
    }
    hooks[failure] = "merge:end";
    assert.throws(() => checkpoint.mergeSteps(0, 0), InjectedFailure);
    assert.equal(capacities(folder.path).length, failure === "failBefore" ? 8 : 1);
    assert.equal(seenAmong(checkpoint, ids, 0).length, 80);
    checkpoint.mergeSteps(0, 0);
    assert.deepEqual(capacities(folder.path), [80]);
    assert.equal(seenAmong(checkpoint, ids, 0).length, 80);
    assertCounts(checkpoint, folder.path);
  }
});

Deno.test("an id that two runs hold is held once when they are merged", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  for (let i = 0; i < 8; i++) checkpoint.adopt(commitOf(i + 1, { freshIds: ["a", `b${i}`] }));
  assert.equal(checkpoint.seenIdCount, 16);
  checkpoint.mergeSteps(0, 0);
  assert.equal(checkpoint.seenIdCount, 9);
  assertCounts(checkpoint, folder.path);
  assert.deepEqual(seenAmong(checkpoint, ["a", "b0", "b7", "b8"], 0), [0, 1, 2]);
});

for (
  const [what, sql] of [
    ["a filter that is gone", "DELETE FROM seen_filters"],
    ["a part of a filter that is gone", "DELETE FROM seen_filters WHERE place % 4194304 = 1"],
    ["a filter that was cut", "UPDATE seen_filters SET words = x'00000000'"],
    ["a filter that is no bytes", "UPDATE seen_filters SET words = 'text'"],
  ] as const
) {
  Deno.test(`Checkpoint refuses ${what} with exit 3`, async () => {
    await using folder = await temporaryFolder();
    openCheckpoint(folder.path)[Symbol.dispose]();
    {
      using checkpoint = openCheckpoint(folder.path);
      checkpoint.commit(commitOf(1, { freshIds: idsFrom(0, 60_000) }));
    }
    {
      using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`);
      database.exec(sql);
    }
    assert.throws(() => openCheckpoint(folder.path), { name: "OrillaError", exitCode: 3 });
  });
}

Deno.test("Checkpoint refuses a damaged chunk with exit 3 when it is read", async () => {
  await using folder = await temporaryFolder();
  {
    using checkpoint = openCheckpoint(folder.path);
    checkpoint.commit(commitOf(1, { freshIds: ["a"] }));
  }
  {
    using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`);
    database.exec("UPDATE seen_chunks SET hashes = x'0011'");
  }
  using checkpoint = openCheckpoint(folder.path);
  const isRefused = { name: "OrillaError", exitCode: 3 };
  assert.throws(() => seenAmong(checkpoint, ["a"], 0), isRefused);
});
