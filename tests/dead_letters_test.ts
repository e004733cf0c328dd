import assert from "node:assert/strict";
import { REASONS_OF_BYTES } from "./core/rejections.ts";
import { fillWithLetters, invalidRecord } from "./letter_lake.ts";
import { readDeadLetters, readLake, strayFiles } from "./lake_reader.ts";
import { type OrillaProcess, runOrilla, spawnOrilla } from "./orilla_process.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

const LETTER_COUNT = 10_000;
const SEEN_COUNT = 50;

/** A line of `dlq export`, as a script sees it. */
interface Line {
  readonly position: string;
  readonly reason: string;
  readonly attempts: number;
  value: string | null;
  value_encoding?: string;
}

/** What the script makes of the dead letter at an offset: the oracle of the lake. */
function repairOf(offset: number): { readonly eventId: string; readonly outcome: string } {
  if (offset % 100 === 99) return { eventId: "", outcome: "rejected" };
  if (offset % 100 === 98) return { eventId: `seen${offset % SEEN_COUNT}`, outcome: "duplicate" };
  if (offset % 100 === 97) return { eventId: `r${offset - 1}`, outcome: "duplicate" };
  return { eventId: `r${offset}`, outcome: "published" };
}

/** The script: gives each dead letter a valid value, as text or as base64. */
function repaired(exported: string): string {
  return exported.trimEnd().split("\n").map((text) => {
    const line: Line = JSON.parse(text);
    const offset = Number(line.position.split("/")[2]);
    const ts = `2026-11-0${1 + offset % 3}T10:00:00Z`;
    const { eventId } = repairOf(offset);
    const value = JSON.stringify({ event_id: eventId, ts, usuario_id: offset, monto: null });
    line.value = offset % 7 === 0 ? btoa(value) : value;
    line.value_encoding = offset % 7 === 0 ? "base64" : "utf8";
    return `${JSON.stringify(line)}\n`;
  }).join("");
}

async function run(args: readonly string[], cwd: string, input?: string): Promise<string> {
  const options = input === undefined ? { cwd } : { cwd, input };
  const { code, stdout, stderr } = await runOrilla([...args, "--out-dir", "lake"], options);
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

/** Holds the lake against what the repaired records must have become. */
async function expectExact(folder: string): Promise<void> {
  const outDir = `${folder}/lake`;
  const all = Array.from({ length: LETTER_COUNT }, (_, i) => ({ i, ...repairOf(i) }));
  const rows = (await readLake(outDir)).filter(({ event_id }) => event_id.startsWith("r"));
  const found = rows.map((row) =>
    [row.event_id, row.date, row.usuario_id, row.kafka_partition, row.kafka_offset].join()
  );
  const published = all.filter(({ outcome }) => outcome === "published");
  const expected = published.map(({ i, eventId }) =>
    [eventId, `2026-11-0${1 + i % 3}`, i, 2, i].join()
  );
  assert.deepEqual(found.sort(), expected.sort());
  const again = (await readDeadLetters(outDir)).filter(({ attempts }) => attempts > 1);
  assert.deepEqual(
    again.map(({ topic, partition, offset, attempts }) =>
      [topic, partition, Number(offset), attempts].join()
    )
      .sort(),
    all.filter(({ outcome }) => outcome === "rejected").map(({ i }) => ["orders", 2, i, 2].join())
      .sort(),
  );
  assert.deepEqual(await strayFiles(outDir), []);
  const { byReasonAndDate: _, ...totals } = JSON.parse(
    await run(["dlq", "list", "--json"], folder),
  );
  const counts = Map.groupBy(all, ({ outcome }) => outcome);
  assert.deepEqual(totals, {
    outDir,
    waiting: counts.get("rejected")?.length,
    rejectedAgain: counts.get("rejected")?.length,
    published: counts.get("published")?.length,
    duplicate: counts.get("duplicate")?.length,
    sent: 0,
  });
  const verified = JSON.parse(await run(["verify", "--json"], folder));
  assert.deepEqual(verified.findings, []);
}

Deno.test("10,000 invalid records of all kinds, exported, repaired by a script and replayed, are in the lake exactly once", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/lake`);
  await fillWithLetters(`${folder.path}/lake`, {
    invalidCount: LETTER_COUNT,
    validCount: SEEN_COUNT,
  });
  const exported = await run(["dlq", "export"], folder.path);
  const lines = exported.trimEnd().split("\n").map((line): Line => JSON.parse(line));
  assert.equal(lines.length, LETTER_COUNT);
  assert.equal(new Set(lines.map(({ reason }) => reason)).size, REASONS_OF_BYTES.length);
  for (const { position, value, value_encoding: encoding } of lines) {
    const original = invalidRecord(Number(position.split("/")[2])).value;
    const bytes = value === null
      ? null
      : encoding === "utf8"
      ? new TextEncoder().encode(value)
      : Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
    assert.deepEqual(bytes, original, position);
  }
  const input = repaired(exported);
  const before = await readLake(`${folder.path}/lake`);
  const dry = await run(["dlq", "replay", "--stdin", "--dry-run", "--json"], folder.path, input);
  assert.equal((await readLake(`${folder.path}/lake`)).length, before.length);
  const done = await run(["dlq", "replay", "--stdin", "--json"], folder.path, input);
  assert.deepEqual({ ...JSON.parse(done), isDryRun: true }, JSON.parse(dry));
  await expectExact(folder.path);

  const again = JSON.parse(await run(["dlq", "replay", "--stdin", "--json"], folder.path, input));
  assert.deepEqual([again.published, again.duplicate, again.rejected], [0, 0, {}]);
  assert.equal(again.passedOver.doneCount, LETTER_COUNT);
  await expectExact(folder.path);
});

/** Kills a replay once it has made some commits; says whether it was killed before its end. */
async function killAfter(orilla: OrillaProcess, commits: number): Promise<boolean> {
  const enough = orilla.untilStderr(new RegExp(`(?:"committed"[^]*){${commits}}`));
  await Promise.race([enough, orilla.result]);
  orilla.kill("SIGKILL");
  return (await orilla.result).code !== 0;
}

Deno.test("a replay that is killed with -9 again and again ends in the same lake", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/lake`);
  await fillWithLetters(`${folder.path}/lake`, {
    invalidCount: LETTER_COUNT,
    validCount: SEEN_COUNT,
  });
  const input = repaired(await run(["dlq", "export"], folder.path));
  const args = ["dlq", "replay", "--stdin", "--out-dir", "lake", "--batch-max-events", "400"];
  let killed = 0;
  for (const commits of [1, 2, 4]) {
    await using orilla = spawnOrilla(args, { cwd: folder.path, input });
    if (await killAfter(orilla, commits)) killed++;
  }
  assert.ok(killed >= 2, `${killed} of 3 runs were killed in their midst`);
  await run(["dlq", "replay", "--stdin"], folder.path, input);
  await expectExact(folder.path);
});

Deno.test("dead letters are counted, shown, filtered, replayed again and purged from the command line", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/lake`);
  await fillWithLetters(`${folder.path}/lake`, { invalidCount: 180, validCount: 0 });
  const list = await run(["dlq", "list"], folder.path);
  assert.match(list, /180 dead letters wait/);
  assert.match(list, /\n {2}ts_missing +\d{4}-\d\d-\d\d +10 /);
  assert.doesNotMatch(list, /event_id":|yesterday/, "no content");
  const reason = await run(["dlq", "list", "--reason", "ts_missing", "--json"], folder.path);
  assert.equal(JSON.parse(reason).waiting, 10);
  const lines = (...filter: string[]) => run(["dlq", "export", ...filter], folder.path);
  assert.equal((await lines("--partition", "orders/2")).split("\n").length, 181);
  assert.equal(await lines("--partition", "orders/3"), "");
  assert.equal(await lines("--since", "2999-01-01"), "");
  const ofId: Line[] = (await lines("--event-id", "e1")).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.ok(ofId.length > 50 && ofId.length < 180);

  const dry = JSON.parse(await run(["dlq", "replay", "--dry-run", "--json"], folder.path));
  assert.equal(Object.values<number>(dry.rejected).reduce((sum, count) => sum + count, 0), 180);
  await run(["dlq", "replay", "--reason", "ts_missing"], folder.path);
  const second = JSON.parse(
    await run(["dlq", "replay", "--reason", "ts_missing", "--json"], folder.path),
  );
  assert.deepEqual([second.rejected, second.passedOver.rejectedAgainCount], [{}, 10]);
  const third = ["dlq", "replay", "--reason", "ts_missing", "--again", "--json"];
  assert.deepEqual(JSON.parse(await run(third, folder.path)).rejected, { ts_missing: 10 });
  const position = (await lines("--reason", "ts_missing")).match(/orders\/2\/\d+/)?.[0] ?? "";
  const shown = await run(["dlq", "show", position], folder.path);
  assert.match(shown, /Below is its content as it came from outside/);
  assert.match(
    shown,
    /state +waiting\n +reason +ts_missing: there is no ts\n +path +ts\n +stage +validate\n +attempts +3\n/,
  );
  assert.equal(shown.match(/replayed .*: rejected \(ts_missing\), commit \d+/g)?.length, 2);

  const purge = ["dlq", "purge", "--dlq-ttl", "1ms"];
  assert.match(
    await run([...purge, "--dry-run"], folder.path),
    /200 dead letters .* would be removed/,
  );
  assert.equal((await readDeadLetters(`${folder.path}/lake`)).length, 200);
  assert.match(await run(["dlq", "purge"], folder.path), /no dead-letter file is older/);
  assert.match(await run(purge, folder.path), /200 dead letters .* removed/);
  assert.match(
    await run(["verify"], folder.path),
    /3 dead-letter files with 200 dead letters were purged/,
  );
  assert.match(await run(["dlq", "list"], folder.path), /no such dead letters/);
  const rebuilt = await run(["rebuild"], folder.path);
  assert.match(rebuilt, /20 marks of replays, 3 records of purged files/);
  assert.match(
    await run(["verify"], folder.path),
    /3 dead-letter files with 200 dead letters were purged/,
  );
});

Deno.test("dlq show escapes what would act on a terminal, and shows bytes that are not UTF-8", async () => {
  await using folder = await temporaryFolder();
  const lake = `${folder.path}/lake`;
  await Deno.mkdir(lake);
  await fillWithLetters(lake, { invalidCount: 40, validCount: 0 });
  const position = "orders/2/0";
  const input = `${JSON.stringify({ position, value: "\u001b[2J\u202e\u009b", key: "a\nb" })}\n`;
  await run(["dlq", "replay", "--stdin"], folder.path, input);
  const shown = await run(["dlq", "show", position], folder.path);
  assert.match(shown, /key +a\\u000ab\n/);
  assert.match(shown, /value +\\u001b\[2J\\u202e\\u009b\n/);
  for (const control of ["\u001b", "\u202e", "\u009b"]) assert.ok(!shown.includes(control));
  const notText = await run(["dlq", "show", "orders/2/1"], folder.path);
  assert.match(notText, /key +k1\n/);
  assert.match(notText, /value +3 bytes that are not UTF-8, in hexadecimal: 7b ff 7d\n/);
  const json = JSON.parse(await run(["dlq", "show", position, "--json"], folder.path));
  assert.deepEqual([json.value, json.replays.length], ["\u001b[2J\u202e\u009b", 1]);
});

Deno.test("dlq says what is wrong with what it was given", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(`${folder.path}/lake`);
  const failure = async (args: readonly string[], input?: string) => {
    const options = input === undefined ? {} : { input };
    const { code, stderr } = await runOrilla([...args, "--out-dir", "lake"], {
      cwd: folder.path,
      ...options,
    });
    return `${code} ${stderr}`;
  };
  for (const mode of ["list", "export", "replay", "purge"]) {
    assert.match(await failure(["dlq", mode]), /^3 .*checkpoint\.sqlite.*orilla rebuild/, mode);
  }
  await fillWithLetters(`${folder.path}/lake`, { invalidCount: 3, validCount: 0 });
  assert.match(
    await failure(["dlq", "show"]),
    /^2 .*expected either TOPIC\/PARTITION\/OFFSET or --event-id/,
  );
  assert.match(
    await failure(["dlq", "show", "orders/2/99"]),
    /^1 .*There is no dead letter at orders\/2\/99/,
  );
  assert.match(
    await failure(["dlq", "show", "orders"]),
    /^2 .*expected none, or topic\/partition\/offset/,
  );
  assert.match(
    await failure(
      ["dlq", "replay", "--stdin"],
      `{"position":"orders/2/0","value":"{}"}\n\n{"position":"orders/2/99"}\n`,
    ),
    /^2 [^]*line 3 of stdin: there is no dead letter orders\/2\/99 in this lake/,
  );
  assert.match(
    await failure(["dlq", "replay", "--stdin", "--reason", "ts_missing"], ""),
    /^2 .*Cannot use --stdin with a filter/,
  );
});
