import assert from "node:assert/strict";
import type { ManifestFile } from "../../src/core/commit.ts";
import { TotalsByDate } from "../../src/http/date_totals.ts";
import { RecentCommits } from "../../src/http/recent_commits.ts";
import { lagDocument } from "../../src/http/status_document.ts";
import type { CommitReport } from "../../src/pipeline/commit.ts";

function file(finalPath: string, rowCount: number): ManifestFile {
  const kind = finalPath.startsWith("date=") ? "events" : "dead_letters";
  const bounds = { minTsMicroseconds: 0n, maxTsMicroseconds: 0n };
  return {
    kind,
    finalPath,
    stagedPath: "",
    rowCount,
    bytes: 10 * rowCount,
    checksum: "",
    ...bounds,
  };
}

function report(parts: Partial<CommitReport>): CommitReport {
  const counts = { receivedCount: 0, publishedCount: 0, duplicateCount: 0, rejectedCount: 0 };
  const publishing = { durationMs: 5, publishedAtMs: 100_000, timestampCounts: new Map() };
  return { sequence: 1, trigger: "end", files: [], ...counts, ...publishing, ...parts };
}

Deno.test("TotalsByDate adds up files by date, the latest date first, and leaves dead letters out", () => {
  const totals = new TotalsByDate([
    { date: "2026-11-23", fileCount: 2, rowCount: 5, bytes: 50 },
    { date: "2026-11-24", fileCount: 1, rowCount: 1, bytes: 10 },
  ]);
  totals.addFiles([
    file("date=2026-11-23/a.parquet", 3),
    file("date=2026-11-25/b.parquet", 4),
    file("_dead_letters/date=2026-11-25/c.parquet", 100),
  ]);
  assert.deepEqual(totals.latest(2), {
    dates: [
      { date: "2026-11-25", fileCount: 1, rowCount: 4, bytes: 40 },
      { date: "2026-11-24", fileCount: 1, rowCount: 1, bytes: 10 },
    ],
    others: { fileCount: 3, rowCount: 8, bytes: 80 },
  });
});

Deno.test("TotalsByDate has bounded memory, and loses no file", () => {
  const dates = Array.from(
    { length: 5_000 },
    (_, day) => new Date(day * 86_400_000).toISOString().slice(0, 10),
  );
  const totals = new TotalsByDate([]);
  for (const date of dates) totals.addFiles([file(`date=${date}/a.parquet`, 1)]);
  const { dates: kept, others } = totals.latest(10_000);
  assert.deepEqual([kept.length, others.fileCount], [4_000, 1_000]);
});

Deno.test("RecentCommits has the last twenty, and the age of their events to a tenth of a second", () => {
  const commits = new RecentCommits();
  for (let sequence = 1; sequence <= 25; sequence++) commits.add(report({ sequence }));
  const timestampCounts = new Map([[99_000, 98], [97_000, 1], [60_000, 1]]);
  commits.add(report({ sequence: 26, timestampCounts, publishedCount: 100 }));
  const [last, before] = commits.all;
  assert.equal(commits.all.length, 20);
  assert.deepEqual([last?.sequence, last?.ageP50Seconds, last?.ageP99Seconds], [26, 1, 3]);
  assert.deepEqual([before?.sequence, before?.ageP50Seconds], [25, null]);
});

Deno.test("lagDocument() lists the partitions that are furthest behind, and sums up all of them", () => {
  const partitions = Array.from({ length: 300 }, (_, partition) => ({
    topic: "t",
    partition,
    lag: partition === 7 ? null : partition,
    unpublished: 0,
  }));
  const { total, largest, partitionCount, partitions: listed } = lagDocument(partitions);
  assert.deepEqual([total, largest, partitionCount], [299 * 150 - 7, 299, 300]);
  assert.deepEqual([listed.length, listed[0]?.lag], [200, 299]);
  assert.deepEqual(lagDocument([]).total, null);
});
