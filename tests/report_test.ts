import assert from "node:assert/strict";
import { reportPage } from "../src/commands/report_page.ts";
import { AGE_BOUNDS_SECONDS, AgeTally } from "../src/core/age_tally.ts";
import { commitsOverTime, fileSizesOf, freshnessOf, noAcciones } from "../src/core/lake_report.ts";
import { reportOn } from "../src/pipeline/report.ts";
import { setUpLogs } from "../src/runtime/logs.ts";
import { lakeIn } from "./lake_in.ts";
import { readDeadLetters, readLake } from "./lake_reader.ts";
import { runOrilla, spawnOrilla } from "./orilla_process.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

const GENERATED = [
  ...["--count", "6000", "--days", "4", "--invalid-ratio", "0.05", "--duplicate-ratio", "0.1"],
  ...["--unknown-field-ratio", "0.1", "--batch-max-events", "2500"],
];

/** A lake of some thousand events, with duplicates and dead letters. */
async function lake(args: readonly string[] = GENERATED) {
  const folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`;
  const { code, stderr } = await runOrilla(["simulate", ...args, "--out-dir", outDir]);
  assert.equal(code, 0, stderr);
  return { outDir, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

Deno.test("report --json says what another reader finds in the lake's files", async () => {
  await using test = await lake();
  const { outDir } = test;
  const { code, stdout, stderr } = await runOrilla(["report", "--json", "--out-dir", outDir]);
  assert.equal(code, 0, stderr);
  const report = JSON.parse(stdout);
  const rows = await readLake(outDir), letters = await readDeadLetters(outDir);

  assert.deepEqual(
    Object.fromEntries(
      report.dates.map(({ date, events }: Record<string, unknown>) => [date, events]),
    ),
    countBy(rows, ({ date }) => date),
  );
  for (const { date, acciones } of report.dates) {
    const expected = countBy(
      rows.filter((row) => row.date === date),
      ({ accion }) => accion ?? "none",
    );
    assert.deepEqual(acciones, { ...noAcciones(), ...expected });
  }
  assert.deepEqual(report.rejectedByReason, countBy(letters, ({ reason }) => reason));
  const { received, published, duplicate, rejected } = report.outcomes;
  assert.deepEqual([published, rejected], [rows.length, letters.length]);
  assert.equal(received, published + duplicate + rejected);
  assert.ok(duplicate > 400, "there were duplicates");

  const ages = rows.map((row) => Number(row.processing_ts - row.ts) / 1e6);
  const bucketOf = (age: number) =>
    String(AGE_BOUNDS_SECONDS.find((bound) => age <= bound) ?? null);
  const buckets: readonly { upTo: number | null; count: number }[] = report.freshness.buckets;
  assert.deepEqual(
    Object.fromEntries(
      buckets.filter(({ count }) => count > 0).map(({ upTo, count }) => [upTo, count]),
    ),
    countBy(ages, bucketOf),
  );
  const median = ages.toSorted((a, b) => a - b)[rows.length / 2 | 0] ?? NaN;
  assert.ok(
    Math.abs(report.freshness.p50 / median - 1) < 0.06,
    `${report.freshness.p50} ${median}`,
  );

  const paths = [...new Set(rows.map(({ file }) => file))];
  const sizes = await Promise.all(
    paths.map(async (path) => (await Deno.stat(`${outDir}/${path}`)).size),
  );
  assert.equal(report.files, paths.length);
  assert.equal(report.bytes, sizes.reduce((sum, size) => sum + size));
  assert.equal(report.fileSizes.largest, Math.max(...sizes));
  const inDates = (key: string) =>
    report.dates.reduce((sum: number, date: Record<string, number>) => sum + (date[key] ?? NaN), 0);
  assert.deepEqual([inDates("bytes"), inDates("files")], [report.bytes, report.files]);
  const inCommits = report.commitsOverTime.buckets.reduce(
    (sum: number, bucket: Record<string, number>) => sum + (bucket["published"] ?? NaN),
    0,
  );
  assert.deepEqual([report.commits, inCommits], [3, rows.length]);
});

/** What must not be in a page that runs nothing and asks nobody. */
const ACTIVE = /<script|<link|<img|<iframe|\bsrc=|\bhref=|\bstyle=|\bon\w+=|url\(|@import|https?:/i;

Deno.test("report writes one page into OUT_DIR, readable by its owner, that needs nothing else", async () => {
  await using test = await lake();
  const { outDir } = test;
  const { code, stdout, stderr } = await runOrilla(["report", "--out-dir", outDir]);
  assert.equal(code, 0, stderr);
  const path = `${outDir}/_report.html`;
  assert.ok(stdout.startsWith(`${path}: `), stdout);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const page = await Deno.readTextFile(path);
  assert.doesNotMatch(page, ACTIVE);
  const [, style = ""] = /<style>([^]*)<\/style>/.exec(page) ?? [];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const hash = btoa(String.fromCharCode(...new Uint8Array(digest)));
  assert.ok(
    page.includes(`content="default-src 'none'; style-src 'sha256-${hash}';`),
    "the policy",
  );
  const plots = page.match(/<svg class="plot" role="img"[^>]* aria-label="[^"]+"/g)?.length;
  assert.deepEqual([plots, page.match(/<table>/g)?.length], [6, 6], "a table beside each plot");
  assert.equal(
    (await runOrilla(["verify", "--out-dir", outDir])).code,
    0,
    "verify minds no report",
  );
});

Deno.test("report --out names the file, or stdout; a place outside of OUT_DIR is refused", async () => {
  await using test = await lake();
  const { outDir } = test;
  const run = (out: string) => runOrilla(["report", "--out", out, "--out-dir", outDir]);
  const shown = await run("-");
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^<!doctype html>[^]*<\/html>\n$/);
  const names = () =>
    [...Deno.readDirSync(outDir)].map(({ name }) => name).filter((name) => name.endsWith("html"));
  assert.deepEqual(names(), []);
  assert.equal((await run("today.html")).code, 0);
  assert.deepEqual(names(), ["today.html"]);
  for (const out of ["../x.html", "/tmp/x.html", "checkpoint.sqlite", ".html", "a/b.html"]) {
    const { code, stderr } = await run(out);
    assert.equal(code, 2, out);
    assert.match(stderr, /Cannot read --out: expected -, or a file name without folders/);
  }
});

Deno.test("report counts what it can where a file is gone or damaged, says so, and is exit 3", async () => {
  await using test = await lake();
  const { outDir } = test;
  const files = [...new Set((await readLake(outDir)).map(({ file }) => file))];
  const [gone = "", damaged = ""] = files;
  await Deno.remove(`${outDir}/${gone}`);
  await Deno.truncate(`${outDir}/${damaged}`, 100);
  const { code, stdout, stderr } = await runOrilla(["report", "--json", "--out-dir", outDir]);
  assert.equal(code, 3);
  assert.match(stderr, /2 files of .* cannot be read .*See orilla verify/);
  const report = JSON.parse(stdout);
  assert.deepEqual(report.unreadable.toSorted(), [gone, damaged].toSorted());
  const counted = Object.values<number>(report.acciones).reduce((sum, count) => sum + count, 0);
  const aged = report.freshness.buckets.reduce(
    (sum: number, { count }: { count: number }) => sum + count,
    0,
  );
  assert.equal(counted, aged);
  assert.ok(counted > 0 && counted < report.outcomes.published);
  assert.equal((await runOrilla(["report", "--out-dir", outDir])).code, 3);
  assert.match(await Deno.readTextFile(`${outDir}/_report.html`), /2 files could not be read/);
});

Deno.test("report runs beside a writer", async () => {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`;
  await using writer = spawnOrilla([
    ...["simulate", "--count", "1000000", "--rate", "20000", "--batch-max-latency-ms", "100"],
    ...["--out-dir", outDir],
  ]);
  await writer.untilStderr(/committed/);
  const { code, stderr } = await runOrilla(["report", "--out-dir", outDir]);
  assert.equal(code, 0, stderr);
  writer.kill("SIGTERM");
  assert.equal((await writer.result).code, 0);
});

Deno.test("report of a lake with nothing but dead letters says that there are no events", async () => {
  await using test = await lake(["--count", "20", "--invalid-ratio", "1"]);
  const { code, stdout } = await runOrilla(["report", "--out", "-", "--out-dir", test.outDir]);
  assert.equal(code, 0);
  assert.match(stdout, /No events yet/);
  assert.match(stdout, /Rejected by reason/);
});

Deno.test("report without a lake is exit 3, with advice", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await runOrilla(["report", "--out-dir", folder.path]);
  assert.equal(code, 3);
  assert.match(stderr, /orilla rebuild/);
});

Deno.test("report gives up when it is told to stop, and writes nothing", async () => {
  await using test = await lake();
  const log = setUpLogs({ format: "json", level: "error", write: () => {} });
  const stop = AbortSignal.abort();
  const options = {
    ...lakeIn(test.outDir),
    version: "1",
    nowMs: 0,
    log,
    stop,
    onProgress: () => {},
  };
  assert.equal(await reportOn(options), null);
});

Deno.test("reportPage() escapes what it did not write itself, and shows a year of dates", async () => {
  const dates = Array.from({ length: 400 }, (_, i) => ({
    date: new Date(Date.UTC(2025, 0, 1 + i)).toISOString().slice(0, 10),
    events: 7,
    files: 1,
    bytes: 10,
    acciones: { ...noAcciones(), click: 7 },
  }));
  const page = await reportPage({
    version: "1.2.3",
    madeAtMs: 0,
    outcomes: { received: 2_800, published: 2_800, duplicate: 0, rejected: 0 },
    commits: 1,
    files: 400,
    bytes: 4_000,
    deadLetterFiles: 0,
    deadLetterBytes: 0,
    seenIds: 0,
    dates,
    acciones: { ...noAcciones(), click: 2_800 },
    rejectedByReason: [],
    freshness: freshnessOf(new AgeTally()),
    fileSizes: fileSizesOf([10]),
    commitsOverTime: commitsOverTime([]),
    unreadable: [],
  }, "/tmp/<b>\"&'");
  assert.ok(page.includes("/tmp/&lt;b&gt;&quot;&amp;&#39;,"));
  assert.ok(page.includes("The latest 366 dates of 400."));
  assert.equal(page.match(/<th scope="row">2\d{3}-\d\d-\d\d<\/th>/g)?.length, 366);
  assert.doesNotMatch(page, /<th scope="row">2025-02-03<\/th>/);
});
