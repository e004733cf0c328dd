import assert from "node:assert/strict";
import { reportText, seenState } from "../src/commands/trace.ts";
import type { EventTrace } from "../src/pipeline/trace.ts";
import { readDeadLetters, readLake } from "./lake_reader.ts";
import { runOrilla, spawnOrilla } from "./orilla_process.ts";
import { recordedDuplicates } from "./recorded_duplicates.ts";

const COMMITTED_MS = Date.parse("2026-11-24T10:15:00.250Z");
const NEVER: EventTrace = {
  eventId: "e1",
  published: [],
  duplicates: [],
  rejected: [],
  unreadable: [],
  fileCount: 1_234,
  openedCount: 0,
};
const place = {
  topic: "t",
  partition: 3,
  offset: 2n ** 60n,
  file: "date=2026-11-24/x.parquet",
  sequence: 7,
  committedAtMs: COMMITTED_MS,
};
const published = {
  ...place,
  tsMicroseconds: BigInt(COMMITTED_MS) * 1000n + 7n,
  processingTsMicroseconds: -1n,
};
const duplicate = { topic: "t", partition: 0, offset: 9n, sequence: 8, foundAtMs: COMMITTED_MS };

Deno.test("seenState() goes by the last commit that published the event", () => {
  const later = { ...published, committedAtMs: COMMITTED_MS + 500 };
  const state = (nowMs: number, ttlMs = 1_000) =>
    seenState({ published: [published, later] }, { ttlMs, nowMs });
  assert.deepEqual(state(COMMITTED_MS + 1_499), { state: "seen", untilMs: COMMITTED_MS + 1_500 });
  const expired = { state: "expired", sinceMs: COMMITTED_MS + 1_500 };
  assert.deepEqual(state(COMMITTED_MS + 1_500), expired);
  assert.deepEqual(state(Infinity, 0), { state: "seen", untilMs: null });
  assert.deepEqual(seenState(NEVER, { ttlMs: 0, nowMs: 0 }), { state: "never" });
});

Deno.test("the report of a published event has its commit, position, times, file, seen ids and duplicates", () => {
  const trace = { ...NEVER, published: [published], duplicates: [duplicate] };
  const text = reportText(trace, { state: "seen", untilMs: COMMITTED_MS });
  assert.equal(
    text,
    [
      `event_id "e1", looked for in 1,234 files`,
      "",
      "  published   commit 7, 2026-11-24T10:15:00.250Z: t/3, offset 1152921504606846976",
      "              ts 2026-11-24T10:15:00.250007Z",
      "              processing_ts 1969-12-31T23:59:59.999999Z",
      "              date=2026-11-24/x.parquet",
      "  seen ids    another copy is a duplicate until 2026-11-24T10:15:00.250Z",
      "  duplicate   commit 8, 2026-11-24T10:15:00.250Z: t/0, offset 9",
      "",
    ].join("\n"),
  );
});

Deno.test("the report says that a seen id is expired, or kept for ever", () => {
  const trace = { ...NEVER, published: [published] };
  assert.match(
    reportText(trace, { state: "expired", sinceMs: COMMITTED_MS }),
    /seen ids {4}expired 2026-11-24T10:15:00\.250Z: another copy would be published again\n/,
  );
  assert.match(
    reportText(trace, { state: "seen", untilMs: null }),
    /seen ids {4}another copy is a duplicate\n/,
  );
});

Deno.test("the report of a dead letter has its reason in words", () => {
  const letter = {
    ...place,
    sequence: null,
    reason: "monto_negative",
    path: "monto",
    attempts: 1,
    replay: null,
    rejectedAtMicroseconds: 0n,
  };
  const text = reportText({ ...NEVER, rejected: [letter] }, { state: "never" });
  assert.match(
    text,
    /rejected {4}a commit that the checkpoint does not know, 2026-.*: t\/3, offset/,
  );
  assert.match(text, /\n {14}monto_negative, monto is below zero\n/);
  assert.doesNotMatch(text, /seen ids|Never/);
});

Deno.test("the report shows the latest of very many duplicates, and says how many there are", () => {
  const duplicates = Array.from({ length: 1_530 }, (_, i) => ({ ...duplicate, offset: BigInt(i) }));
  const lines = reportText({ ...NEVER, duplicates }, { state: "never" }).split("\n");
  assert.equal(lines[2], "  duplicate   1,510 earlier ones; --json has all");
  assert.match(lines[3] ?? "", /offset 1510$/);
  assert.match(lines[22] ?? "", /offset 1529$/);
});

Deno.test("the report of an event that was never seen says so, unless a file could not be read", () => {
  assert.match(reportText(NEVER, { state: "never" }), /Never seen here/);
  const unreadable = [{ file: "date=2026-11-24/x.parquet", reason: "it is gone" }];
  const text = reportText({ ...NEVER, unreadable }, { state: "never" });
  assert.match(text, /unreadable {2}date=2026-11-24\/x\.parquet: it is gone/);
  assert.doesNotMatch(text, /Never seen/);
});

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_trace_" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("orilla trace answers from a lake that simulate wrote", async () => {
  await withFolder(async (cwd) => {
    const made = await runOrilla([
      ...["simulate", "--out-dir", "lake", "--count", "2000", "--batch-max-events", "300"],
      ...["--days", "2", "--duplicate-ratio", "0.3", "--invalid-ratio", "0.1"],
    ], { cwd });
    assert.equal(made.code, 0, made.stderr);
    const [row] = await readLake(`${cwd}/lake`);
    const duplicate = recordedDuplicates(`${cwd}/lake`).at(-1);
    const letter = (await readDeadLetters(`${cwd}/lake`)).find(({ event_id }) => event_id !== null);
    assert.ok(row !== undefined && duplicate !== undefined && letter?.event_id !== undefined);
    const trace = async (...args: string[]) => {
      const run = await runOrilla(["trace", "--out-dir", "lake", "--json", ...args], { cwd });
      assert.equal(run.code, 0, run.stderr);
      return JSON.parse(run.stdout);
    };
    const published = await trace(row.event_id);
    assert.equal(published.outcome, "published");
    assert.equal(published.published[0].offset, String(row.kafka_offset));
    assert.equal(published.published[0].file, row.file);
    assert.equal(published.seenIds.state, "seen");

    const repeated = await trace("--dedupe-ttl", "1ms", duplicate.eventId);
    assert.equal(repeated.seenIds.state, "expired");
    assert.equal(repeated.duplicates.at(-1).offset, String(duplicate.offset));
    assert.equal(repeated.duplicates.at(-1).sequence, duplicate.sequence);

    const rejected = await trace(letter.event_id ?? "");
    assert.equal(rejected.outcome, "rejected");
    assert.equal(rejected.rejected[0].reason, letter.reason);
    assert.equal(rejected.rejected[0].file, `_dead_letters/${letter.file}`);

    assert.equal((await trace("--", "--none")).outcome, "never_seen");
    const text = await runOrilla(["trace", "none", "--out-dir", "lake"], { cwd });
    assert.equal(text.code, 0);
    assert.match(text.stdout, /Never seen here/);

    await Deno.remove(`${cwd}/lake/${row.file}`);
    const broken = await runOrilla(["trace", row.event_id, "--out-dir", "lake"], { cwd });
    assert.equal(broken.code, 3);
    assert.match(broken.stdout, /unreadable {2}date=/);
    assert.match(broken.stderr, /1 files of .*lake may hold the event and cannot be read/);
  });
});

Deno.test("orilla trace answers beside a running writer", async () => {
  await withFolder(async (cwd) => {
    await using writer = spawnOrilla([
      ...["simulate", "--out-dir", "lake", "--count", "1000000", "--rate", "5000"],
      ...["--batch-max-latency-ms", "50"],
    ], { cwd });
    await writer.untilStderr(/committed/);
    for (let i = 0; i < 3; i++) {
      const run = await runOrilla(["trace", "e0", "--out-dir", "lake", "--json"], { cwd });
      assert.equal(run.code, 0, run.stderr);
      assert.equal(JSON.parse(run.stdout).published[0].offset, "0");
    }
    writer.kill("SIGTERM");
    assert.equal((await writer.result).code, 0);
  });
});

Deno.test("orilla trace without an event_id is exit 2", async () => {
  await withFolder(async (cwd) => {
    await Deno.mkdir(`${cwd}/lake`);
    const { code, stderr } = await runOrilla(["trace", "--out-dir", "lake"], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /expected an event_id, got none\. Try: orilla trace EVENT_ID/);
  });
});
