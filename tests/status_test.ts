import assert from "node:assert/strict";
import { countStaged, waitingLetters } from "../src/commands/status.ts";
import { agoText } from "../src/commands/summary.ts";
import { DEAD_LETTERS_FOLDER, STAGING_FOLDER } from "../src/core/lake_path.ts";
import { Files } from "../src/runtime/files.ts";
import { fillWithLetters } from "./letter_lake.ts";
import { readDeadLetters, readLake } from "./lake_reader.ts";
import { runOrilla, spawnOrilla } from "./orilla_process.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

async function status(outDir: string, ...args: string[]) {
  const { code, stdout, stderr } = await runOrilla(["status", "--out-dir", outDir, ...args]);
  assert.equal(code, 0, stderr);
  return stdout;
}

Deno.test("waitingLetters() is exact but where both purges and replays took letters away", () => {
  const of = (rows: number, replayedLetterCount: number, purgedLetterCount: number) => {
    const deadLetters = { files: 1, rows, bytes: 0 };
    const { atLeast, atMost } = waitingLetters({
      deadLetters,
      replayedLetterCount,
      purgedLetterCount,
    });
    return [atLeast, atMost];
  };
  assert.deepEqual(of(10, 0, 0), [10, 10]);
  assert.deepEqual(of(10, 4, 0), [6, 6]);
  assert.deepEqual(of(10, 0, 5), [10, 10]);
  assert.deepEqual(of(10, 4, 5), [6, 10]);
  assert.deepEqual(of(10, 4, 1), [6, 7]);
  // All of the replayed ones but four are purged, so that one at most is still waiting.
  assert.deepEqual(of(5, 20, 16), [0, 1]);
  assert.deepEqual(of(0, 9, 0), [0, 0]);
});

Deno.test("countStaged() leaves out what was published since it was listed", async () => {
  await using folder = await temporaryFolder();
  for (const name of ["a", "b"]) await Deno.writeTextFile(`${folder.path}/${name}`, "");
  const listed = ["a", "b", "gone", "gone too"].map((path) => ({ path }));
  const known = { unpublishedPaths: ["a", "gone", "elsewhere"] };
  const counts = await countStaged(new Files(folder.path), listed, known);
  assert.deepEqual(counts, { committed: 1, uncommitted: 1 });
});

Deno.test("agoText() chooses a unit that can be read", () => {
  const texts = [0, 1_499, 119_000, 120_000, 3 * 3_600_000, 40 * 86_400_000, -5_000].map(agoText);
  assert.deepEqual(texts, [
    "0 s ago",
    "1 s ago",
    "119 s ago",
    "2 min ago",
    "3 h ago",
    "40 days ago",
    "in 5 s",
  ]);
});

Deno.test("orilla status says what simulate left, for people and for machines", async () => {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`;
  const made = await runOrilla([
    ...["simulate", "--out-dir", outDir, "--count", "2000", "--batch-max-events", "300"],
    ...["--days", "20", "--duplicate-ratio", "0.1", "--invalid-ratio", "0.1"],
  ]);
  assert.equal(made.code, 0, made.stderr);
  const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
  const said = JSON.parse(await status(outDir, "--json", "--dates", "3"));
  const { counters } = said;
  assert.deepEqual([counters.received, counters.published, counters.rejected], [
    2_000,
    rows.length,
    letters.length,
  ]);
  assert.equal(counters.duplicate, 2_000 - rows.length - letters.length);
  const byReason = Object.groupBy(letters, ({ reason }) => reason);
  assert.deepEqual(
    counters.rejectedByReason,
    Object.fromEntries(Object.entries(byReason).map(([reason, all]) => [reason, all?.length])),
  );
  assert.equal(said.lastCommit.sequence, 7);
  assert.ok(said.lastCommit.ageMs >= 0 && said.lastCommit.ageMs < 600_000);
  assert.equal(said.isLocked, false);
  assert.deepEqual(said.staged, { committed: 0, uncommitted: 0 });
  assert.deepEqual(said.deadLetters.waiting, { atLeast: letters.length, atMost: letters.length });
  assert.equal(said.seenIds, rows.length);
  assert.equal(said.partitions[0].nextOffset, "2000");
  assert.equal(said.events.rows, rows.length);
  assert.equal(said.dateCount, 20);
  const newest = [...new Set(rows.map(({ date }) => date))].sort().reverse().slice(0, 3);
  const listed = said.dates.filter(({ kind }: { readonly kind: string }) => kind === "events");
  assert.deepEqual(listed.map(({ date }: { readonly date: string }) => date), newest);
  for (const { date, rows: count } of listed) {
    assert.equal(count, rows.filter((row) => row.date === date).length);
  }
  const text = await status(outDir, "--dates", "3");
  assert.match(text, /\n {2}published {5}1,\d{3}\n/);
  assert.match(text, /… and 17 earlier dates: --dates lists more\n/);
  assert.match(text, /none is writing here/);
});

Deno.test("orilla status counts the dead letters that wait as dlq list does", async () => {
  await using folder = await temporaryFolder();
  await fillWithLetters(folder.path, { invalidCount: 30, validCount: 5 });
  const replayed = await runOrilla([
    "dlq",
    "replay",
    "--out-dir",
    folder.path,
    "--reason",
    "ts_missing",
  ]);
  assert.equal(replayed.code, 0, replayed.stderr);
  const list = await runOrilla(["dlq", "list", "--out-dir", folder.path, "--json"]);
  const { waiting, rejectedAgain } = JSON.parse(list.stdout);
  assert.ok(rejectedAgain > 0);
  const said = JSON.parse(await status(folder.path, "--json"));
  assert.deepEqual(said.deadLetters.waiting, { atLeast: waiting, atMost: waiting });
  assert.equal(said.deadLetters.replayed, rejectedAgain);
});

Deno.test("orilla status tells staged files of a commit from those of none", async () => {
  for (
    const [fault, staged] of [
      ["publish:link:1", { committed: 2, uncommitted: 0 }],
      ["commit:begin:1", { committed: 0, uncommitted: 2 }],
    ] as const
  ) {
    await using folder = await temporaryFolder();
    const args = ["--out-dir", folder.path, "--start", "2026-11-24T12:00:00Z"];
    const crashed = await runOrilla([
      "simulate",
      ...args,
      "--days",
      "2",
      "--fault",
      `${fault}=crash`,
    ]);
    assert.equal(crashed.code, 137, crashed.stderr);
    const said = JSON.parse(await status(folder.path, "--json"));
    assert.deepEqual(said.staged, staged, fault);
    assert.match(await status(folder.path), /2 files of .*; the next start (does it|deletes them)/);
  }
});

Deno.test("orilla status answers beside a running writer, and changes nothing", async () => {
  await using folder = await temporaryFolder();
  await using writer = spawnOrilla([
    ...["simulate", "--out-dir", folder.path, "--count", "1000000", "--rate", "5000"],
    ...["--batch-max-latency-ms", "50"],
  ]);
  await writer.untilStderr(/committed/);
  let last = 0;
  for (let i = 0; i < 3; i++) {
    const said = JSON.parse(await status(folder.path, "--json"));
    const { received, published, duplicate, rejected } = said.counters;
    assert.equal(received, published + duplicate + rejected);
    assert.equal(said.events.rows, published, "counters and files are of one moment");
    assert.equal(said.isLocked, true);
    assert.ok(said.lastCommit.sequence > last);
    last = said.lastCommit.sequence;
  }
  writer.kill("SIGTERM");
  assert.equal((await writer.result).code, 0);
});

Deno.test("orilla status without a lake ends with the exit code that says so, and makes none", async () => {
  await using folder = await temporaryFolder();
  const none = await runOrilla(["status", "--out-dir", `${folder.path}/none`]);
  assert.equal(none.code, 2, none.stderr);
  const empty = await runOrilla(["status", "--out-dir", folder.path]);
  assert.equal(empty.code, 3);
  assert.match(empty.stderr, /checkpoint\.sqlite is not there/);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
  await Deno.mkdir(`${folder.path}/${DEAD_LETTERS_FOLDER}`);
  await Deno.mkdir(`${folder.path}/${STAGING_FOLDER}`);
  await Deno.writeTextFile(`${folder.path}/checkpoint.sqlite`, "no database at all, ".repeat(99));
  const damaged = await runOrilla(["status", "--out-dir", folder.path]);
  assert.equal(damaged.code, 3);
  assert.match(damaged.stderr, /cannot be read as a checkpoint: file is not a database/);
});
