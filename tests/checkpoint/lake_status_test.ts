import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { readLakeStatus } from "../../src/checkpoint/lake_status.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, manifestFile, openCheckpoint, rangeOf } from "./commits.ts";

/** A file of a date; dead letters lie below their own folder. */
function fileAt(date: string, name: string, rowCount: number, kind: "events" | "dead_letters") {
  const folder = kind === "events" ? "" : "_dead_letters/";
  const finalPath = `${folder}date=${date}/${name}`;
  return manifestFile(name, { finalPath, kind, rowCount, bytes: rowCount * 10 });
}

Deno.test("readLakeStatus() adds up files by date, the newest first, without those that were purged", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const letters = fileAt("2026-11-20", "d", 7, "dead_letters");
  checkpoint.commit(commitOf(1, {
    files: [
      fileAt("2026-11-24", "a", 3, "events"),
      fileAt("2026-11-23", "b", 4, "events"),
      letters,
      fileAt("2026-11-24", "e", 2, "dead_letters"),
    ],
    ranges: [rangeOf(0n, 9n)],
    freshIds: ["a", "b", "c"],
  }));
  const replay = {
    letter: { topic: "events", partition: 0, offset: 3n, attempts: 1 },
    outcome: "published",
    detail: null,
  } as const;
  checkpoint.commit(commitOf(2, {
    files: [fileAt("2026-11-24", "c", 5, "events")],
    ranges: [rangeOf(9n, 12n), rangeOf(0n, 1n, { partition: 1 })],
    freshIds: ["d"],
    replays: [replay],
  }));
  checkpoint.deadLetters.purge([{
    path: letters.finalPath,
    sequence: 1,
    letterCount: 7,
    bytes: 70,
    reasons: { not_json: 7 },
    purgedAtMs: 5_000,
  }]);
  const status = readLakeStatus(folder.path, 10);
  assert.deepEqual(status, {
    committed: checkpoint.read(),
    lastCommitMs: 2_000,
    events: { files: 3, rows: 12, bytes: 120 },
    deadLetters: { files: 1, rows: 2, bytes: 20 },
    dateCount: 2,
    dates: [
      { date: "2026-11-24", kind: "events", files: 2, rows: 8, bytes: 80 },
      { date: "2026-11-24", kind: "dead_letters", files: 1, rows: 2, bytes: 20 },
      { date: "2026-11-23", kind: "events", files: 1, rows: 4, bytes: 40 },
    ],
    seenIdCount: 4,
    purgedLetterCount: 7,
    replayedLetterCount: 1,
    unpublishedPaths: ["_staging/c"],
  });
  const newest = readLakeStatus(folder.path, 1);
  assert.deepEqual(newest.dates, status.dates.slice(0, 2));
  assert.equal(newest.dateCount, 2);
});

Deno.test("readLakeStatus() reads a checkpoint without a commit", async () => {
  await using folder = await temporaryFolder();
  using _checkpoint = openCheckpoint(folder.path);
  const { lastCommitMs, events, dates, committed } = readLakeStatus(folder.path, 10);
  assert.equal(lastCommitMs, null);
  assert.deepEqual(events, { files: 0, rows: 0, bytes: 0 });
  assert.deepEqual([dates, committed.sequence], [[], 0]);
});

Deno.test("readLakeStatus() refuses tables of another version, and what is no checkpoint", async () => {
  await using folder = await temporaryFolder();
  const refused = (pattern: RegExp) => (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 3 && pattern.test(error.message);
  assert.throws(() => readLakeStatus(folder.path, 10), refused(/orilla rebuild/));
  {
    using _checkpoint = openCheckpoint(folder.path);
    using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`);
    database.exec("UPDATE meta SET value = '99' WHERE key = 'schema_version'");
  }
  assert.throws(() => readLakeStatus(folder.path, 10), refused(/^checkpoint.sqlite has schema v/));
});
