import assert from "node:assert/strict";
import fc from "fast-check";
import { type CheckpointContent, inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { counterRows, countersOf, zeroCounters } from "../../src/core/counters.ts";
import type { OperationLabel } from "../../src/runtime/operations.ts";
import { checkProperty } from "../property_seed.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, manifestFile, openCheckpoint, rangeOf, seenAmong } from "./commits.ts";

Deno.test("Checkpoint begins empty, with the instance id it was given", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  assert.equal(checkpoint.instanceId, "3f9c1a0b77d2");
  assert.deepEqual(checkpoint.read(), { sequence: 0, partitions: [], counters: zeroCounters() });
  assert.equal(checkpoint.lastCommitMs(), null);
  assert.equal(checkpoint.seenIdCount, 0);
  assert.deepEqual(checkpoint.unpublishedFiles(), []);
});

Deno.test("Checkpoint keeps its instance id when it is opened again", async () => {
  await using folder = await temporaryFolder();
  openCheckpoint(folder.path)[Symbol.dispose]();
  using checkpoint = openCheckpoint(folder.path, { newInstanceId: "000000000000" });
  assert.equal(checkpoint.instanceId, "3f9c1a0b77d2");
});

/** A commit with something in every part of it. */
function fullCommit(sequence = 1) {
  const counters = { ...zeroCounters(), received: 6, published: 3, duplicate: 2 };
  counters.rejected["not_json"] = 1;
  counters.eventAge.counts[2] = 3;
  counters.eventAge.sum = 1.5;
  return commitOf(sequence, {
    committedAtMs: 1_764_000_000_123,
    trigger: "latency",
    files: [
      manifestFile("b"),
      manifestFile("a", { kind: "dead_letters", minTsMicroseconds: -1n, maxTsMicroseconds: -1n }),
    ],
    ranges: [
      rangeOf(2n ** 60n, 2n ** 60n + 6n, {
        publishedCount: 3,
        duplicateCount: 2,
        rejectedCount: 1,
      }),
      rangeOf(0n, 0n + 4n, { topic: "ñ", partition: 7 }),
    ],
    freshIds: ["a", "b", "c"],
    counters,
  });
}

Deno.test("Checkpoint reads back the whole commit, also when it is opened again", async () => {
  await using folder = await temporaryFolder();
  const commit = fullCommit();
  const expected = {
    sequence: 1,
    partitions: commit.ranges.map(({ firstOffset: _, ...state }) => state),
    counters: commit.counters,
  };
  for (const isNew of [true, false]) {
    using checkpoint = openCheckpoint(folder.path);
    if (isNew) checkpoint.commit(commit);
    assert.deepEqual(checkpoint.read(), expected);
    assert.equal(checkpoint.lastCommitMs(), 1_764_000_000_123);
    assert.equal(checkpoint.seenIdCount, 3);
    const files = commit.files.map((file) => ({ ...file, sequence: 1 }));
    assert.deepEqual(checkpoint.unpublishedFiles(), files.toReversed());
    assert.deepEqual(seenAmong(checkpoint, ["x", "b", "a"], 0), [1, 2]);
  }
});

Deno.test("Checkpoint knows the files of earlier commits as published, and those that are marked", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const unpublished = () => checkpoint.unpublishedFiles().map(({ finalPath }) => finalPath);
  checkpoint.commit(commitOf(1, { files: [manifestFile("one")] }));
  assert.deepEqual(unpublished(), ["date=2026-11-24/one"]);
  checkpoint.commit(commitOf(2, { files: [manifestFile("two")] }));
  assert.deepEqual(unpublished(), ["date=2026-11-24/two"]);
  checkpoint.markPublished(1);
  assert.deepEqual(unpublished(), ["date=2026-11-24/two"]);
  checkpoint.markPublished(2);
  assert.deepEqual(unpublished(), []);
});

Deno.test("Checkpoint adds the counts of each partition up and moves its next offset", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1, { ranges: [rangeOf(0n, 5n), rangeOf(9n, 10n, { partition: 1 })] }));
  const second = { publishedCount: 1, duplicateCount: 2, rejectedCount: 3 };
  checkpoint.commit(commitOf(2, { ranges: [rangeOf(8n, 20n, second)] }));
  assert.deepEqual(checkpoint.read().partitions, [
    {
      topic: "events",
      partition: 0,
      nextOffset: 20n,
      publishedCount: 6,
      duplicateCount: 2,
      rejectedCount: 3,
    },
    {
      topic: "events",
      partition: 1,
      nextOffset: 10n,
      publishedCount: 1,
      duplicateCount: 0,
      rejectedCount: 0,
    },
  ]);
});

Deno.test("Checkpoint refuses a commit that would move a next offset back, and keeps nothing of it", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1, { ranges: [rangeOf(0n, 10n)] }));
  const before = inspectCheckpoint(folder.path);
  for (const range of [rangeOf(5n, 8n), rangeOf(9n, 12n), rangeOf(0n, 10n), rangeOf(10n, 10n)]) {
    const other = rangeOf(0n, 3n, { partition: 1 });
    const commit = commitOf(2, {
      ranges: [other, range],
      freshIds: ["a"],
      files: [manifestFile("f")],
    });
    assert.throws(() => checkpoint.commit(commit), /Assertion failed/);
    assert.deepEqual(inspectCheckpoint(folder.path), before);
    assert.equal(checkpoint.seenIdCount, 0);
  }
  checkpoint.commit(commitOf(2, { ranges: [rangeOf(10n, 12n)] }));
});

Deno.test("Checkpoint refuses a sequence that it has", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1));
  assert.throws(() => checkpoint.commit(commitOf(1, { freshIds: ["a"] })), /UNIQUE|constraint/);
  assert.deepEqual(seenAmong(checkpoint, ["a"], 0), []);
});

Deno.test("Checkpoint.adopt() takes commits whose offsets overlap with others'", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.adopt(commitOf(1, { ranges: [rangeOf(0n, 10n)], freshIds: ["a"] }));
  checkpoint.adopt(commitOf(2, { ranges: [rangeOf(5n, 8n)], freshIds: ["a", "b"] }));
  assert.equal(checkpoint.read().partitions[0]?.nextOffset, 10n);
  checkpoint.adopt(commitOf(3, { ranges: [rangeOf(7n, 15n)] }));
  const [partition] = checkpoint.read().partitions;
  assert.deepEqual([partition?.nextOffset, partition?.publishedCount], [15n, 21]);
  assert.deepEqual(seenAmong(checkpoint, ["a", "b", "c"], 0), [0, 1]);
});

const TRANSACTION: readonly OperationLabel[] = ["commit:begin", "commit:write", "commit:end"];

/** Everything that a checkpoint holds, before and after a commit that fails at one operation. */
async function failingCommit(
  label: OperationLabel,
  when: "failBefore" | "failAfter",
): Promise<{ before: CheckpointContent; after: CheckpointContent; seen: readonly number[] }> {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  using checkpoint = openCheckpoint(folder.path, { hooks });
  checkpoint.commit(fullCommit());
  const before = inspectCheckpoint(folder.path);
  hooks[when] = label;
  const counters = { ...zeroCounters(), received: 10, published: 10 };
  const failing = commitOf(2, {
    files: [manifestFile("c")],
    ranges: [rangeOf(2n ** 60n + 6n, 2n ** 60n + 10n)],
    freshIds: ["d", "e"],
    counters,
  });
  assert.throws(() => checkpoint.commit(failing), InjectedFailure);
  const after = inspectCheckpoint(folder.path);
  const seen = seenAmong(checkpoint, ["a", "d"], 0);
  if (after.committed.sequence === 1) {
    checkpoint.commit(failing);
    assert.equal(checkpoint.seenIdCount, 5);
    assert.equal(inspectCheckpoint(folder.path).seenIdCount, 5);
  }
  return { before, after, seen };
}

for (const label of TRANSACTION) {
  Deno.test(`Checkpoint changes nothing where ${label} fails, and can commit again`, async () => {
    const { before, after, seen } = await failingCommit(label, "failBefore");
    assert.deepEqual(after, before);
    assert.deepEqual(seen, [0]);
  });
}

Deno.test("Checkpoint changes nothing where a commit fails after its rows were written", async () => {
  const { before, after, seen } = await failingCommit("commit:write", "failAfter");
  assert.deepEqual(after, before);
  assert.deepEqual(seen, [0]);
});

Deno.test("Checkpoint holds the whole commit where a failure comes after its end", async () => {
  const { after, seen } = await failingCommit("commit:end", "failAfter");
  assert.equal(after.committed.sequence, 2);
  assert.equal(after.committed.counters.received, 10);
  assert.equal(after.committed.partitions[0]?.nextOffset, 2n ** 60n + 10n);
  assert.deepEqual([after.seenIdCount, after.files.length], [5, 3]);
  assert.deepEqual(seen, [0, 1]);
});

Deno.test("Checkpoint runs each transaction between its labelled operations", async () => {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  using checkpoint = openCheckpoint(folder.path, { hooks, ttlMs: 1 });
  checkpoint.commit(commitOf(1, { freshIds: ["a"] }));
  checkpoint.markPublished(1);
  checkpoint.expireStep(Number.MAX_SAFE_INTEGER, 10);
  const labels = hooks.done.map((line) => line.split(" ")[0]);
  assert.deepEqual(labels, [
    ...TRANSACTION,
    "published:begin",
    "published:write",
    "published:end",
    "expire:begin",
    "expire:write",
    "expire:end",
  ]);
});

Deno.test("Checkpoint continues all counters over restarts, whatever they are", async () => {
  await using folder = await temporaryFolder();
  const names = counterRows(zeroCounters()).map(([name, label]) => [name, label] as const);
  const anyValues = fc.array(fc.maxSafeInteger(), {
    minLength: names.length,
    maxLength: names.length,
  });
  let sequence = 0;
  checkProperty(
    fc.property(anyValues, (values) => {
      const counters = countersOf(names.map(([name, label], i) => [name, label, values[i] ?? 0]));
      {
        using checkpoint = openCheckpoint(folder.path);
        checkpoint.commit(commitOf(++sequence, { counters }));
      }
      using checkpoint = openCheckpoint(folder.path);
      assert.deepEqual(checkpoint.read().counters, counters);
      assert.equal(checkpoint.read().sequence, sequence);
    }),
    { runs: 15 },
  );
});

Deno.test("Checkpoint can have another file name", async () => {
  await using folder = await temporaryFolder();
  {
    using other = openCheckpoint(folder.path, { file: "other.sqlite" });
    other.commit(commitOf(1));
  }
  using checkpoint = openCheckpoint(folder.path);
  assert.equal(checkpoint.read().sequence, 0);
  using other = openCheckpoint(folder.path, { file: "other.sqlite" });
  assert.equal(other.read().sequence, 1);
});

Deno.test("Checkpoint.rehearse() writes a commit and takes it back, and throws what it would throw", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const before = inspectCheckpoint(folder.path);
  checkpoint.rehearse(fullCommit());
  assert.deepEqual(inspectCheckpoint(folder.path), before);
  assert.deepEqual([checkpoint.seenIdCount, ...seenAmong(checkpoint, ["a"], 0)], [0]);
  const files = [manifestFile("a"), manifestFile("a")];
  assert.throws(() => checkpoint.rehearse({ ...fullCommit(), files }), /UNIQUE/);
  checkpoint.commit(fullCommit());
  assert.equal(checkpoint.seenIdCount, 3);
});

Deno.test("Checkpoint.recentCounts() begins with the last commit, and may be left early", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  assert.deepEqual([...checkpoint.recentCounts()], []);
  const ranges = (sequence: bigint) => [
    rangeOf(sequence * 10n, sequence * 10n + 4n, { publishedCount: 3, rejectedCount: 1 }),
    rangeOf(sequence, sequence + 1n, { partition: 1, publishedCount: 0, duplicateCount: 1 }),
  ];
  checkpoint.commit(commitOf(1, { ranges: ranges(1n) }));
  checkpoint.commit(commitOf(2, { ranges: [rangeOf(0n, 7n, { partition: 2 })] }));
  assert.deepEqual([...checkpoint.recentCounts()], [
    { receivedCount: 7, rejectedCount: 0 },
    { receivedCount: 5, rejectedCount: 1 },
  ]);
  for (const { receivedCount } of checkpoint.recentCounts()) {
    assert.equal(receivedCount, 7);
    break;
  }
  checkpoint.commit(commitOf(3, { ranges: ranges(3n) }));
  assert.equal(checkpoint.read().sequence, 3);
});
