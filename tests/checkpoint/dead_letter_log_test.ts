import assert from "node:assert/strict";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { openReplayMarks } from "../../src/checkpoint/replay_marks.ts";
import type { Replay } from "../../src/core/replay.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, openCheckpoint } from "./commits.ts";

function replay(offset: bigint, parts: Partial<Replay> = {}, attempts = 1): Replay {
  const letter = { topic: "t", partition: 1, offset, attempts };
  return { letter, outcome: "published", detail: null, ...parts };
}

const PURGED = {
  path: "_dead_letters/date=2026-11-25/x.parquet",
  sequence: 4,
  letterCount: 3,
  bytes: 100,
  reasons: { ts_missing: 2, not_json: 1 },
  purgedAtMs: 9_000,
};

Deno.test("a commit marks what it replayed, and readers beside it see the marks", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const rejected = replay(2n ** 60n, { outcome: "rejected", detail: "ts_missing" });
  checkpoint.commit(commitOf(1, { replays: [replay(1n), rejected] }));
  checkpoint.deadLetters.markSent([replay(3n, { outcome: "sent", detail: "topic" }, 2)], 5_000);
  using marks = openReplayMarks(folder.path);
  for (
    const markOf of [marks.markOf, checkpoint.deadLetters.replayOf.bind(checkpoint.deadLetters)]
  ) {
    assert.deepEqual(markOf(replay(1n).letter), {
      ...replay(1n),
      sequence: 1,
      replayedAtMs: 1_000,
    });
    assert.deepEqual(markOf(rejected.letter), { ...rejected, sequence: 1, replayedAtMs: 1_000 });
    const { letter } = replay(3n, {}, 2);
    assert.deepEqual(markOf(letter), {
      letter,
      outcome: "sent",
      detail: "topic",
      sequence: null,
      replayedAtMs: 5_000,
    });
    assert.equal(markOf(replay(3n).letter), null, "another attempt is another dead letter");
    assert.equal(markOf({ ...replay(1n).letter, partition: 2 }), null);
  }
});

Deno.test("a commit that replays a dead letter twice leaves no trace", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1, { replays: [replay(1n)] }));
  const again = () =>
    checkpoint.commit(commitOf(2, { replays: [replay(2n), replay(1n)], freshIds: ["a"] }));
  assert.throws(again, /a dead letter is replayed once/);
  assert.equal(checkpoint.read().sequence, 1);
  assert.equal(checkpoint.deadLetters.replayOf(replay(2n).letter), null);
  assert.throws(() => checkpoint.deadLetters.markSent([replay(1n)], 1), /replayed once/);
  checkpoint.adopt(commitOf(2, { replays: [replay(2n), replay(1n)] }));
  assert.equal(checkpoint.deadLetters.replayOf(replay(1n).letter)?.sequence, 1);
});

Deno.test("purged files are kept in mind, and named until they are known to be gone", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  assert.deepEqual(checkpoint.deadLetters.unremovedPurges(), []);
  checkpoint.deadLetters.purge([PURGED]);
  assert.deepEqual(checkpoint.deadLetters.unremovedPurges(), [PURGED.path]);
  checkpoint.deadLetters.markRemoved();
  assert.deepEqual(checkpoint.deadLetters.unremovedPurges(), []);
  assert.deepEqual(inspectCheckpoint(folder.path).purges, [PURGED]);
});

Deno.test("another checkpoint's notes are taken over, without its commit numbers", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1, { replays: [replay(1n)] }));
  const replays = [
    { ...replay(1n), sequence: 7, replayedAtMs: 70 },
    { ...replay(2n, { outcome: "duplicate" }), sequence: 8, replayedAtMs: 80 },
  ];
  checkpoint.deadLetters.carryOver({ replays, purges: [PURGED] });
  const content = inspectCheckpoint(folder.path);
  assert.deepEqual(content.replays, [
    { ...replay(1n), sequence: 1, replayedAtMs: 1_000 },
    { ...replay(2n, { outcome: "duplicate" }), sequence: null, replayedAtMs: 80 },
  ]);
  assert.deepEqual(content.purges, [PURGED]);
});

Deno.test("marks of a folder without a checkpoint cannot be opened", async () => {
  await using folder = await temporaryFolder();
  assert.throws(() => openReplayMarks(folder.path), { exitCode: 3 });
});
