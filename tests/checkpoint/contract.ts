import assert from "node:assert/strict";
import type { Commit } from "../../src/core/commit.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { HERE } from "../core/samples.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { manifestFile, rangeOf } from "./commits.ts";
import {
  AT,
  claimAndCommit,
  type CommitParts,
  contentOf,
  fullCommit,
  nextCommit,
  NOW_MS,
  seenOf,
  type StoreKind,
} from "./store_lake.ts";

/** Holds a kind of store against what each of them promises. */
export function testContract({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: a new store is empty`, async () => {
    await using lake = await newLake();
    await using reader = await lake.reader();
    assert.equal(await reader.exists(), false);
    await using store = await lake.open();
    assert.equal(await reader.exists(), true);
    assert.match(store.instanceId, /^[0-9a-f]{12}$/);
    assert.equal(store.idKey.length, 4);
    const empty = { sequence: 0, partitions: [], counters: zeroCounters() };
    assert.deepEqual(await store.read(), empty);
    assert.equal(await store.lastCommitMs(), null);
    assert.equal(store.seenIdCount, 0);
    assert.deepEqual(await store.unpublished(), []);
    assert.deepEqual(await store.recentCounts(10), []);
    assert.deepEqual(await store.dateTotals(), []);
    assert.deepEqual(await store.deadLetters.unremovedPurges(), []);
    assert.equal(await store.setting("protection"), null);
  });

  Deno.test(`${name}: a store that must be there is not begun`, async () => {
    await using lake = await newLake();
    const beforeNew = () => Promise.reject(new Error("the lake has files"));
    await assert.rejects(lake.open({ beforeNew }), /the lake has files/);
    await using reader = await lake.reader();
    assert.equal(await reader.exists(), false);
    {
      await using _store = await lake.open();
    }
    await using _again = await lake.open({ beforeNew });
  });

  Deno.test(`${name}: a commit is there as a whole, also when the store is opened again`, async () => {
    await using lake = await newLake();
    let commit: Commit, idKey: Uint32Array;
    {
      await using store = await lake.open();
      commit = await fullCommit(store);
      idKey = store.idKey;
      await claimAndCommit(store, commit);
      assert.deepEqual((await store.read()).counters, commit.counters);
      assert.equal(store.seenIdCount, 3);
    }
    await using store = await lake.open();
    assert.deepEqual(store.idKey, idKey);
    const { sequence, partitions } = await store.read();
    assert.equal(sequence, commit.sequence);
    const byTopic = partitions.toSorted((a, b) => a.topic < b.topic ? 1 : -1);
    assert.deepEqual(byTopic, commit.ranges.map(({ firstOffset: _, ...state }) => state));
    assert.equal(await store.lastCommitMs(), NOW_MS);
    assert.deepEqual(await seenOf(store, ["x", "b", "a"]), ["a", "b"]);
    const [unpublished] = await store.unpublished();
    assert.deepEqual(unpublished?.files, commit.files);
    assert.equal(unpublished?.sequence, commit.sequence);
    assert.deepEqual(await store.recentCounts(1), [{ receivedCount: 10, rejectedCount: 1 }]);
    assert.deepEqual(await store.dateTotals(), [
      { date: "2026-11-24", fileCount: 1, rowCount: 7, bytes: 100 },
    ]);
    const events = commit.files.filter(({ kind }) => kind === "events");
    const eventFilesFrom = async (first: number) =>
      (await Array.fromAsync(store.eventFiles(first))).flat();
    assert.deepEqual(await eventFilesFrom(sequence), events);
    assert.deepEqual(await eventFilesFrom(sequence + 1), []);
    assert.ok(await store.reserve() > sequence);
  });

  for (const when of ["failBefore", "failAfter"] as const) {
    Deno.test(`${name}: a commit that fails (${when}) leaves no trace, and can be made again`, async () => {
      await using lake = await newLake();
      const hooks = recordingHooks();
      await using store = await lake.open({ hooks });
      await claimAndCommit(store, await fullCommit(store));
      const before = await contentOf(lake);
      const counters = { ...zeroCounters(), received: 14, published: 11, duplicate: 2 };
      counters.rejected["not_json"] = 1;
      const failing = await nextCommit(store, {
        files: [manifestFile("c")],
        ranges: [rangeOf(4n, 8n, { topic: "ñ", partition: 7 })],
        freshIds: ["d", "e"],
        counters,
        replays: [{
          letter: { ...AT, offset: 5n, attempts: 1 },
          outcome: "published",
          detail: null,
        }],
      });
      hooks[when] = when === "failBefore" ? "commit:end" : "commit:write";
      await assert.rejects(store.commit(failing), InjectedFailure);
      assert.deepEqual(await contentOf(lake), before);
      assert.deepEqual(await seenOf(store, ["a", "d"]), ["a"]);
      assert.equal(store.seenIdCount, 3);
      assert.equal(await store.commit(failing), "committed");
      assert.equal(store.seenIdCount, 5);
      const after = await contentOf(lake);
      assert.deepEqual([after.seenIdCount, after.seenIdCounter, after.replays.length], [5, 5, 2]);
      assert.deepEqual(after.committed.counters, counters);
    });
  }

  Deno.test(`${name}: a commit runs between its labelled operations`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using store = await lake.open({ hooks });
    const commit = await fullCommit(store);
    await store.claim(commit.ranges, null);
    hooks.done.length = 0;
    await store.commit(commit);
    const labels = hooks.done.map((line) => line.split(" ")[0]);
    assert.deepEqual(labels, ["commit:begin", "commit:write", "commit:end"]);
  });

  Deno.test(`${name}: rehearse() leaves no trace`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    const commit = await fullCommit(store);
    await store.claim(commit.ranges, null);
    const before = await contentOf(lake);
    await store.rehearse(commit);
    assert.deepEqual(await contentOf(lake), before);
    assert.deepEqual(await seenOf(store, ["a"]), []);
    assert.equal(await store.commit(commit), "committed");
  });

  Deno.test(`${name}: the counts of a partition add up, and its next offset moves on`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await claimAndCommit(store, await nextCommit(store, { ranges: [rangeOf(0n, 5n)] }));
    const counts = { publishedCount: 1, duplicateCount: 2, rejectedCount: 3 };
    await claimAndCommit(store, await nextCommit(store, { ranges: [rangeOf(8n, 20n, counts)] }));
    const expected = { ...AT, nextOffset: 20n, ...counts, publishedCount: 6 };
    assert.deepEqual((await store.read()).partitions, [expected]);
    assert.deepEqual(await store.claim([AT, { ...AT, partition: 1 }], null), [expected]);
    const recent = [{ receivedCount: 6, rejectedCount: 3 }, { receivedCount: 5, rejectedCount: 0 }];
    assert.deepEqual(await store.recentCounts(7), recent);
    assert.deepEqual(await store.recentCounts(6), recent.slice(0, 1));
  });

  Deno.test(`${name}: ids count as seen for their time to live, then they go`, async () => {
    await using lake = await newLake();
    await using store = await lake.open({ ttlMs: 1_000 });
    const commit = async (freshIds: readonly string[], committedAtMs: number) =>
      assert.equal(
        await store.commit(await nextCommit(store, { freshIds, committedAtMs })),
        "committed",
      );
    await commit(["a", "b"], NOW_MS);
    await commit(["c"], NOW_MS + 700);
    assert.deepEqual(await seenOf(store, ["a", "b", "c"], NOW_MS + 999), ["a", "b", "c"]);
    assert.deepEqual(await seenOf(store, ["a", "b", "c"], NOW_MS + 1_000), ["c"]);
    // Not swept yet, and taken again all the same.
    await commit(["a"], NOW_MS + 1_100);
    assert.deepEqual(await seenOf(store, ["a", "b", "c"], NOW_MS + 1_100), ["a", "c"]);
    for (let i = 0; i < 10; i++) {
      await store.tidy({ nowMs: NOW_MS + 1_800, expireLimit: 100, addedCount: 0 });
    }
    assert.deepEqual(await seenOf(store, ["a", "b", "c"], NOW_MS + 1_800), ["a"]);
    const { seenIdCount, seenIdCounter } = await contentOf(lake);
    assert.deepEqual([store.seenIdCount, seenIdCount, seenIdCounter], [1, 1, 1]);
  });

  Deno.test(`${name}: recorded duplicates go after their time to live`, async () => {
    await using lake = await newLake();
    await using store = await lake.open({ duplicateTtlMs: 1_000 });
    await claimAndCommit(store, await fullCommit(store));
    assert.equal((await contentOf(lake)).recordedDuplicateCount, 2);
    await store.tidy({ nowMs: NOW_MS + 999, expireLimit: 10, addedCount: 0 });
    assert.equal((await contentOf(lake)).recordedDuplicateCount, 2);
    await store.tidy({ nowMs: NOW_MS + 1_000, expireLimit: 10, addedCount: 0 });
    assert.equal((await contentOf(lake)).recordedDuplicateCount, 0);
  });

  Deno.test(`${name}: files are published once they are marked, or by the next commit`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    const unpublished = async () =>
      (await store.unpublished()).flatMap(({ files }) => files.map(({ finalPath }) => finalPath));
    await store.commit(await nextCommit(store, { files: [manifestFile("one")] }));
    assert.deepEqual(await unpublished(), ["date=2026-11-24/one"]);
    const second = await nextCommit(store, { files: [manifestFile("two")] });
    await store.commit(second);
    assert.deepEqual(await unpublished(), ["date=2026-11-24/two"]);
    await store.markPublished([second.sequence]);
    assert.deepEqual(await unpublished(), []);
    assert.ok((await contentOf(lake)).commits.every(({ isPublished }) => isPublished));
  });

  Deno.test(`${name}: settings are kept, the last one of a name`, async () => {
    await using lake = await newLake();
    {
      await using store = await lake.open();
      await store.note("protection", "one");
      await store.note("protection", "ñ");
    }
    await using store = await lake.open();
    assert.equal(await store.setting("protection"), "ñ");
    assert.equal(await store.setting("other"), null);
  });

  Deno.test(`${name}: adopt() takes commits whose offsets overlap with others'`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    const adopt = async (parts: CommitParts) => store.adopt(await nextCommit(store, parts));
    await adopt({ ranges: [rangeOf(0n, 10n)], freshIds: ["a"] });
    await adopt({ ranges: [rangeOf(5n, 8n)], freshIds: ["a", "b"] });
    assert.equal((await store.read()).partitions[0]?.nextOffset, 10n);
    await adopt({ ranges: [rangeOf(7n, 15n)] });
    const [partition] = (await store.read()).partitions;
    assert.deepEqual([partition?.nextOffset, partition?.publishedCount], [15n, 21]);
    assert.deepEqual(await seenOf(store, ["a", "b", "c"]), ["a", "b"]);
  });

  testDeadLetterMarks({ name, newLake });
  testReading({ name, newLake });
}

function testDeadLetterMarks({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: what became of dead letters is known, and is not marked twice`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await using reader = await lake.reader();
    const commit = await fullCommit(store);
    await claimAndCommit(store, commit);
    const letter = { ...AT, offset: 2n ** 61n, attempts: 1 };
    const sent = { letter: { ...letter, attempts: 2 }, outcome: "sent", detail: "topic" } as const;
    await store.deadLetters.markSent([sent], 77);
    for (const marks of [reader, store.deadLetters]) {
      assert.deepEqual(await marks.markOf(letter), {
        letter,
        outcome: "rejected",
        detail: "x",
        sequence: commit.sequence,
        replayedAtMs: NOW_MS,
      });
      const ofSent = { ...sent, sequence: null, replayedAtMs: 77 };
      assert.deepEqual(await marks.markOf(sent.letter), ofSent);
      assert.equal(await marks.markOf({ ...letter, attempts: 3 }), null);
    }
    await assert.rejects(store.deadLetters.markSent([sent], 78));
    assert.equal((await contentOf(lake)).replays.length, 2);
  });

  Deno.test(`${name}: purged files are noted before they go, and known for ever`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await using reader = await lake.reader();
    const commit = await fullCommit(store);
    await claimAndCommit(store, commit);
    const path = "_dead_letters/date=2026-11-25/a";
    assert.equal(await reader.isPurged(path), false);
    assert.equal(await reader.deadLetterCount(), 3);
    const { sequence } = commit;
    const purged = {
      ...{ path, sequence, letterCount: 3, bytes: 100 },
      ...{ reasons: { not_json: 3 }, purgedAtMs: 5 },
    };
    await store.deadLetters.purge([purged]);
    assert.equal(await reader.isPurged(path), true);
    assert.equal(await reader.deadLetterCount(), 0);
    assert.deepEqual(await store.deadLetters.unremovedPurges(), [path]);
    await store.deadLetters.markRemoved([path]);
    assert.deepEqual(await store.deadLetters.unremovedPurges(), []);
    assert.deepEqual((await reader.content()).purges, [purged]);
  });
}

function testReading({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: readers see the same as the writer, beside it`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await using reader = await lake.reader();
    const commit = await fullCommit(store);
    await claimAndCommit(store, commit);
    const { sequence } = commit;
    assert.equal(await reader.isWriting(), true);
    const positions = await reader.positions();
    assert.ok(positions.instanceIds.includes(store.instanceId));
    assert.deepEqual(positions.committed.counters, commit.counters);
    const content = await reader.content();
    assert.deepEqual(content.commits, [{ sequence, isPublished: false }]);
    const [letters, events] = commit.files;
    assert.deepEqual(content.files, [{ ...letters, sequence }, { ...events, sequence }]);
    assert.deepEqual(
      content.ranges.toSorted((a, b) => a.topic < b.topic ? 1 : -1),
      commit.ranges.map((range) => ({ ...range, sequence })),
    );
    assert.deepEqual([content.seenIdCount, content.recordedDuplicateCount], [3, 2]);
    const status = await reader.status(1);
    assert.equal(status.lastCommitMs, NOW_MS);
    assert.deepEqual(status.events, { files: 1, rows: 7, bytes: 100 });
    assert.deepEqual([status.dateCount, status.dates.map(({ date }) => date)], [2, ["2026-11-25"]]);
    assert.deepEqual([status.seenIdCount, status.replayedLetterCount], [3, 1]);
    assert.deepEqual(status.unpublishedPaths.toSorted(), ["_staging/a", "_staging/b"]);
    const history = await reader.history();
    assert.deepEqual(history.commits, [
      { sequence, committedAtMs: NOW_MS, published: 7, duplicate: 2, rejected: 1 },
    ]);
    assert.deepEqual(history.files.map(({ kind }) => kind), ["dead_letters", "events"]);
    const trace = await reader.trace("ñ\0");
    assert.deepEqual(trace.files.map(({ mayHold }) => mayHold), [true, false]);
    const found = { ...HERE, offset: 1n, sequence, foundAtMs: NOW_MS };
    assert.deepEqual(trace.duplicates, [found]);
    const at = { sequence, finalPath: "date=2026-11-24/b" };
    assert.deepEqual(await reader.fileFilter(at), commit.traces.filters[0]?.filter);
    assert.equal(await reader.fileFilter({ ...at, finalPath: "x" }), null);
    const sound = await reader.soundness();
    assert.equal(sound.kind, "sound");
    assert.equal(sound.kind === "sound" && sound.sequence, sequence);
  });

  Deno.test(`${name}: a store that is not there is damage to whoever looks`, async () => {
    await using lake = await newLake();
    await using reader = await lake.reader();
    await assert.rejects(reader.content(), { exitCode: 3 });
    await assert.rejects(reader.status(1), { exitCode: 3 });
    await assert.rejects(reader.positions(), { exitCode: 3 });
  });
}
