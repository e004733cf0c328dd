import assert from "node:assert/strict";
import { thousands } from "../src/core/count_text.ts";
import { duckdbLine } from "../src/commands/duckdb_line.ts";
import { summaryText } from "../src/commands/summary.ts";
import type { ManifestFile } from "../src/core/commit.ts";
import { type Counters, zeroCounters } from "../src/core/counters.ts";
import { REASONS } from "../src/core/outcome.ts";
import type { CommitReport } from "../src/pipeline/commit.ts";
import { RunSummary } from "../src/pipeline/run_summary.ts";

function file(finalPath: string, rowCount: number, bytes: number): ManifestFile {
  const kind = finalPath.startsWith("date=") ? "events" : "dead_letters";
  const stagedPath = `_staging/${finalPath}`;
  const bounds = { minTsMicroseconds: 0n, maxTsMicroseconds: 0n };
  return { kind, finalPath, stagedPath, rowCount, bytes, checksum: "", ...bounds };
}

function report(parts: Partial<CommitReport>): CommitReport {
  const counts = { receivedCount: 0, publishedCount: 0, duplicateCount: 0, rejectedCount: 0 };
  const publishing = { durationMs: 5, publishedAtMs: 0, timestampCounts: new Map() };
  return { sequence: 1, trigger: "end", files: [], ...counts, ...publishing, ...parts };
}

/** The text of a run with these commits, and with counters as they stood before and after it. */
function textOf(
  reports: readonly CommitReport[],
  {
    before = zeroCounters(),
    after = zeroCounters(),
    elapsedMs = 2_000,
    metricsFile = "/lake/metrics.txt",
  }: {
    readonly before?: Counters;
    readonly after?: Counters;
    readonly elapsedMs?: number;
    readonly metricsFile?: string | null;
  } = {},
): string {
  const summary = new RunSummary(before);
  for (const one of reports) summary.add(one);
  const places = { outDir: "/lake", metricsFile, duckdb: duckdbLine("/lake") };
  return summaryText({ title: "Simulation done", summary, counters: after, elapsedMs, ...places });
}

/** A line's words, without the spaces between them. */
function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim().replaceAll(/\s+/g, " "));
}

function rejectedCounters(rejected: Readonly<Record<string, number>>): Counters {
  const counters = zeroCounters();
  Object.assign(counters.rejected, rejected);
  return counters;
}

const FIRST = report({
  receivedCount: 1_200,
  publishedCount: 1_000,
  duplicateCount: 150,
  rejectedCount: 50,
  files: [
    file("date=2026-11-24/a", 400, 2_048),
    file("date=2026-11-23/b", 600, 1_024),
    file("_dead_letters/date=2026-11-25/c", 50, 1_023),
  ],
});
const SECOND = report({
  receivedCount: 800,
  publishedCount: 800,
  files: [file("date=2026-11-24/d", 800, 3 * 1024 * 1024)],
});

Deno.test("summaryText() says what was received and what became of it, over all commits", () => {
  const lines = linesOf(textOf([FIRST, SECOND]));
  assert.equal(lines[0], "Simulation done");
  for (
    const line of [
      "received 2,000",
      "published 1,800 rows in the lake",
      "duplicate 150 their event_id had been accepted before",
      "rejected 50 in the dead letters",
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("summaryText() says the time, the rate, and where the lake and its metrics are", () => {
  const lines = linesOf(textOf([FIRST, SECOND]));
  for (
    const line of [
      "elapsed 2.00 s, 1,000 events/s",
      "lake /lake",
      "metrics /lake/metrics.txt",
    ]
  ) assert.ok(lines.includes(line), line);
  assert.ok(linesOf(textOf([FIRST], { elapsedMs: 0 })).includes("elapsed 0.00 s, 0 events/s"));
  assert.ok(!textOf([FIRST], { metricsFile: null }).includes("metrics"));
});

Deno.test("summaryText() lists the files by date, with rows and sizes", () => {
  const lines = linesOf(textOf([FIRST, SECOND]));
  const from = lines.indexOf("folder files rows size");
  assert.deepEqual(lines.slice(from + 1, from + 4), [
    "_dead_letters/date=2026-11-25 1 50 1023 B",
    "date=2026-11-23 1 600 1.0 KiB",
    "date=2026-11-24 2 1,200 3.0 MiB",
  ]);
});

Deno.test("summaryText() lists no more than twenty folders, and says how many are left", () => {
  const files = Array.from(
    { length: 23 },
    (_, i) => file(`date=2026-11-${String(i + 1).padStart(2, "0")}/a`, 1, 2_048),
  );
  const lines = linesOf(textOf([report({ publishedCount: 23, files })]));
  assert.equal(lines.filter((line) => line.startsWith("date=")).length, 20);
  assert.ok(lines.includes("date=2026-11-20 1 1 2.0 KiB"));
  assert.ok(lines.includes("… and 3 more"));
});

Deno.test("summaryText() leaves the folders out where no file was published", () => {
  const lines = linesOf(textOf([report({ receivedCount: 1, duplicateCount: 1 })]));
  assert.ok(!lines.some((line) => line.startsWith("folder")));
});

Deno.test("summaryText() lists the rejected of this run by reason, the most frequent first", () => {
  const lines = linesOf(textOf([FIRST], {
    before: rejectedCounters({ not_json: 100, monto_negative: 7 }),
    after: rejectedCounters({ not_json: 110, monto_negative: 7, ts_missing: 40 }),
  }));
  const from = lines.findIndex((line) => line.startsWith("rejected"));
  assert.deepEqual(lines.slice(from + 1, from + 3), [
    `ts_missing 40 ${REASONS.ts_missing}`,
    `not_json 10 ${REASONS.not_json}`,
  ]);
  assert.ok(!lines.some((line) => line.startsWith("monto_negative")));
});

Deno.test("summaryText() says how to look at what was published", () => {
  const text = textOf([FIRST]);
  assert.ok(text.includes("duckdb -c \"SELECT * FROM '/lake/date=*/*.parquet' LIMIT 5\""));
  assert.doesNotMatch(text, /All valid events were duplicates/);
});

Deno.test("summaryText() explains a run of nothing but duplicates, and what to do for new events", () => {
  const text = textOf([report({ receivedCount: 10, duplicateCount: 9, rejectedCount: 1 })]);
  assert.match(text, /All valid events were duplicates, and that is right/);
  assert.match(text, /--first-id/);
  assert.doesNotMatch(text, /duckdb/);
});

Deno.test("summaryText() gives no advice where nothing was received", () => {
  const text = textOf([]);
  assert.doesNotMatch(text, /duckdb|duplicates, and that is right/);
  assert.ok(linesOf(text).includes("received 0"));
  assert.ok(linesOf(text).includes("published 0"));
  assert.ok(text.endsWith("\n"));
});

Deno.test("RunSummary does not change with counters that go on", () => {
  const counters = rejectedCounters({ not_json: 3 });
  const summary = new RunSummary(counters);
  Object.assign(counters.rejected, { not_json: 5 });
  assert.deepEqual(summary.rejectedByReason(counters), [["not_json", 2]]);
});

Deno.test("thousands() groups digits", () => {
  assert.deepEqual([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
});
