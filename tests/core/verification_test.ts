import assert from "node:assert/strict";
import fc from "fast-check";
import type { ManifestFile, OffsetRange, PartitionState } from "../../src/core/commit.ts";
import {
  accountFor,
  compareFile,
  RepeatedTexts,
  replayFindings,
} from "../../src/core/verification.ts";
import { type MarkedReplay, REPLAY_PARTITION, type ReplayOutcome } from "../../src/core/replay.ts";
import { checkProperty } from "../property_seed.ts";

const HERE = { topic: "events", partition: 0 };

/** The offsets from `first` up to `next`, with a published event at each, or with the given counts. */
function range(first: number, next: number, counts: Partial<OffsetRange> = {}): OffsetRange {
  return {
    ...HERE,
    firstOffset: BigInt(first),
    nextOffset: BigInt(next),
    publishedCount: next - first,
    duplicateCount: 0,
    rejectedCount: 0,
    ...counts,
  };
}

function state(nextOffset: bigint, counts: Partial<PartitionState> = {}): PartitionState {
  return {
    ...HERE,
    nextOffset,
    publishedCount: Number(nextOffset),
    duplicateCount: 0,
    rejectedCount: 0,
    ...counts,
  };
}

Deno.test("accountFor() adds the ranges of all commits up, without findings where they close", () => {
  const counts = { publishedCount: 2, duplicateCount: 1, rejectedCount: 1 };
  const { accounts, findings } = accountFor(
    [range(5, 9, counts), range(9, 12)],
    [state(12n, { ...counts, publishedCount: 5 })],
  );
  assert.deepEqual(findings, []);
  assert.deepEqual(accounts, [{
    ...HERE,
    firstOffset: 5n,
    nextOffset: 12n,
    publishedCount: 5,
    duplicateCount: 1,
    rejectedCount: 1,
    emptyOffsets: 0n,
    gaps: [],
  }]);
});

Deno.test("accountFor() names gaps, and counts offsets without a record", () => {
  const { accounts, findings } = accountFor(
    [range(0, 10, { publishedCount: 7 }), range(15, 20)],
    [state(20n, { publishedCount: 12 })],
  );
  assert.deepEqual(findings, []);
  assert.equal(accounts[0]?.emptyOffsets, 3n);
  assert.deepEqual(accounts[0].gaps, [{ ...HERE, firstOffset: 10n, nextOffset: 15n }]);
});

Deno.test("accountFor() finds offsets that were committed twice", () => {
  const { findings } = accountFor([range(0, 10), range(8, 12)], [
    state(12n, { publishedCount: 14 }),
  ]);
  assert.deepEqual(findings.map(({ kind, subject }) => [kind, subject]), [
    ["offsets_overlap", "events/0"],
  ]);
  assert.match(findings[0]?.detail ?? "", /offsets 8 to 9 /);
});

Deno.test("accountFor() finds more records than offsets", () => {
  const { findings } = accountFor(
    [range(0, 3, { rejectedCount: 1 })],
    [state(3n, { rejectedCount: 1 })],
  );
  assert.deepEqual(findings.map(({ kind }) => kind), ["counts_do_not_close"]);
});

Deno.test("accountFor() finds each way in which the checkpoint differs from its commits", () => {
  const committed = state(3n);
  const others: readonly (readonly PartitionState[])[] = [
    [state(4n, { publishedCount: 3 })],
    [{ ...committed, publishedCount: 2 }],
    [{ ...committed, duplicateCount: 1 }],
    [{ ...committed, rejectedCount: 1 }],
    [],
    [committed, { ...committed, partition: 1 }],
  ];
  for (const partitions of others) {
    const { findings } = accountFor([range(0, 3)], partitions);
    assert.deepEqual(findings.map(({ kind }) => kind), ["counts_do_not_close"]);
  }
  assert.deepEqual(accountFor([range(0, 3)], [committed]).findings, []);
});

Deno.test("accountFor() accounts for each partition of each topic by itself", () => {
  const ranges = [range(0, 3), range(3, 4, { partition: 1 }), range(0, 2, { topic: "other" })];
  const partitions = [
    state(3n),
    state(4n, { partition: 1, publishedCount: 1 }),
    state(2n, { topic: "other" }),
  ];
  const { accounts, findings } = accountFor(ranges, partitions);
  assert.deepEqual(findings, []);
  assert.deepEqual(
    accounts.map(({ topic, partition, nextOffset }) => [topic, partition, nextOffset]),
    [["events", 0, 3n], ["events", 1, 4n], ["other", 0, 2n]],
  );
});

const FILE: ManifestFile = {
  kind: "events",
  stagedPath: "_staging/x",
  finalPath: "date=2026-11-24/x",
  rowCount: 3,
  bytes: 100,
  checksum: "ab",
  minTsMicroseconds: 0n,
  maxTsMicroseconds: 0n,
};

Deno.test("compareFile() finds other bytes, another checksum and another number of rows", () => {
  const kinds = (found: Partial<ManifestFile>) =>
    compareFile(FILE, { ...FILE, ...found }).map(({ kind, subject }) => {
      assert.equal(subject, FILE.finalPath);
      return kind;
    });
  assert.deepEqual(kinds({}), []);
  assert.deepEqual(kinds({ bytes: 99 }), ["changed_file"]);
  assert.deepEqual(kinds({ checksum: "ac" }), ["changed_file"]);
  assert.deepEqual(kinds({ rowCount: 4 }), ["wrong_row_count"]);
  assert.deepEqual(kinds({ checksum: "", rowCount: 0 }), ["changed_file", "wrong_row_count"]);
});

Deno.test("RepeatedTexts suspects nothing of texts that are all different", () => {
  const texts = new RepeatedTexts();
  assert.ok(texts.suspects().isEmpty);
  texts.note(Array.from({ length: 20_000 }, (_, i) => `e${i}`));
  texts.note(Array.from({ length: 20_000 }, (_, i) => `f${i}`));
  const suspects = texts.suspects();
  assert.ok(suspects.isEmpty);
  assert.equal(suspects.has("e1"), false);
});

Deno.test("RepeatedTexts suspects every text that occurs twice, wherever it stands", () => {
  const anyTexts = fc.array(fc.array(fc.string({ unit: "grapheme", maxLength: 3 })));
  checkProperty(
    fc.property(anyTexts, (chunks) => {
      const texts = new RepeatedTexts();
      for (const chunk of chunks) texts.note(chunk);
      const suspects = texts.suspects();
      const all = chunks.flat();
      const repeated = all.filter((text, i) => all.indexOf(text) !== i);
      for (const text of repeated) assert.ok(suspects.has(text), text);
      assert.equal(suspects.isEmpty, repeated.length === 0);
    }),
    { runs: 300 },
  );
});

Deno.test("replayFindings() wants a mark for each replay of a commit, and no other", () => {
  const mark = (offset: bigint, outcome: ReplayOutcome, sequence: number | null): MarkedReplay => ({
    letter: { ...HERE, offset, attempts: 1 },
    outcome,
    detail: null,
    sequence,
    replayedAtMs: 0,
  });
  const counts = { publishedCount: 1, duplicateCount: 1, rejectedCount: 1 };
  const ranges = [
    { ...range(0, 3, counts), ...REPLAY_PARTITION, sequence: 7 },
    { ...range(0, 5), sequence: 8 },
  ];
  const marks = [
    mark(1n, "published", 7),
    mark(2n, "duplicate", 7),
    mark(3n, "rejected", 7),
    mark(4n, "sent", null),
    mark(5n, "duplicate", null),
  ];
  assert.deepEqual(replayFindings(marks, ranges), []);
  for (const changed of [marks.slice(1), [...marks, mark(6n, "published", 7)]]) {
    const [finding] = replayFindings(changed, ranges);
    assert.equal(finding?.kind, "counts_do_not_close");
    assert.equal(finding?.subject, "dlq replay/0");
  }
});
