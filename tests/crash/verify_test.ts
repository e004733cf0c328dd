import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import {
  checkpointValue,
  copyLake,
  crashBefore,
  editCheckpoint,
  filesOf,
  findingsOf,
  firstFile,
  InterruptedFiles,
  publishTwice,
  verified,
  withFolder,
  withScratch,
} from "./damaged_lake.ts";
import { runOnce, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const topic = variedTopic(150);

/** Damages a fresh lake that verify found nothing in, and compares what it finds then. */
function finds(
  what: string,
  { damage, expected }: {
    readonly damage: (outDir: string) => Promise<void> | void;
    /** By the path of the lake's first file of events. */
    readonly expected: (path: string) => readonly string[];
  },
): void {
  Deno.test(`verify finds ${what}`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic });
      const path = await firstFile(outDir, "events");
      assert.deepEqual(await findingsOf(outDir), [], "the lake is sound before");
      await damage(outDir);
      assert.deepEqual(await findingsOf(outDir), [...expected(path)].sort());
    });
  });
}

async function editFile(
  outDir: string,
  { path, edit }: {
    readonly path: string;
    readonly edit: (bytes: Uint8Array) => Uint8Array<ArrayBuffer>;
  },
): Promise<void> {
  await Deno.writeFile(`${outDir}/${path}`, edit(await Deno.readFile(`${outDir}/${path}`)));
}

/** The same bytes with one of them changed. */
function flipped(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes, (byte, i) => i === at ? byte ^ 1 : byte);
}

/** Where the file says which orilla wrote it: a place that no reader stumbles over. */
function versionAt(bytes: Uint8Array): number {
  return new TextDecoder("latin1").decode(bytes).indexOf("orilla.version");
}

finds("a byte that was flipped where the file is still readable", {
  damage: async (outDir) => {
    const path = await firstFile(outDir, "events");
    await editFile(outDir, { path, edit: (bytes) => flipped(bytes, versionAt(bytes)) });
  },
  expected: (path) => [`changed_file ${path}`],
});

finds("a file that was cut", {
  damage: async (outDir) =>
    await Deno.truncate(`${outDir}/${await firstFile(outDir, "events")}`, 900),
  expected: (path) => [`unreadable_file ${path}`],
});

finds("a file that was emptied", {
  damage: async (outDir) =>
    await Deno.truncate(`${outDir}/${await firstFile(outDir, "events")}`, 0),
  expected: (path) => [`unreadable_file ${path}`],
});

finds("a file that is gone", {
  damage: async (outDir) => await Deno.remove(`${outDir}/${await firstFile(outDir, "events")}`),
  expected: (path) => [`missing_file ${path}`],
});

finds("a file that has not the rows that were committed", {
  damage: async (outDir) =>
    editCheckpoint(
      outDir,
      `UPDATE files SET row_count = row_count + 1
       WHERE final_path = '${await firstFile(outDir, "events")}'`,
    ),
  expected: (path) => [`wrong_row_count ${path}`],
});

finds("files that the checkpoint does not know, of its own and of another one", {
  damage: async (outDir) => {
    const path = await firstFile(outDir, "events");
    for (const name of ["ffffffffffff_0000000001", "000000000000_0000000009"]) {
      await Deno.copyFile(`${outDir}/${path}`, `${outDir}/${unknownName(name)}`);
    }
  },
  expected: () => [
    `unknown_file ${unknownName("000000000000_0000000009")}`,
    `unknown_file ${unknownName("ffffffffffff_0000000001")}`,
  ],
});

function unknownName(instanceAndSequence: string): string {
  return `date=2026-11-20/events_20261124T101500123Z_${instanceAndSequence}.parquet`;
}

finds("a file of a name that orilla does not give", {
  damage: async (outDir) => {
    const path = await firstFile(outDir, "events");
    await Deno.copyFile(`${outDir}/${path}`, `${outDir}/date=2026-11-20/part-0.parquet`);
  },
  expected: () => ["unknown_file date=2026-11-20/part-0.parquet"],
});

const LEFTOVER =
  "_staging/date=2026-11-20__events_20261124T101500123Z_ffffffffffff_0000000001.parquet";
finds("a staged file that no commit refers to", {
  damage: (outDir) => Deno.writeTextFile(`${outDir}/${LEFTOVER}`, "torn"),
  expected: () => [`unknown_file ${LEFTOVER}`],
});

finds("a file that is only staged though its commit is marked as published", {
  damage: async (outDir) => {
    const path = await firstFile(outDir, "events");
    const staged = `_staging/${path.replaceAll("/", "__")}`;
    await Deno.rename(`${outDir}/${path}`, `${outDir}/${staged}`);
  },
  expected: (path) => [`unpublished_file ${path}`],
});

finds("seen ids that are gone", {
  damage: (outDir) =>
    editCheckpoint(
      outDir,
      "DELETE FROM seen_chunks WHERE place IN (SELECT max(place) FROM seen_chunks)",
    ),
  expected: () => ["seen_ids_changed seen ids"],
});

finds("offset ranges that are gone, first, middle and last", {
  damage: (outDir) =>
    editCheckpoint(
      outDir,
      "DELETE FROM offset_ranges WHERE partition = 0 AND sequence IN (1, 2, 4)",
    ),
  expected: () => ["counts_do_not_close memory/0"],
});

finds("all offset ranges of a partition gone", {
  damage: (outDir) => editCheckpoint(outDir, "DELETE FROM offset_ranges WHERE partition = 1"),
  expected: () => ["counts_do_not_close memory/1"],
});

finds("offsets that two commits handled", {
  damage: (outDir) =>
    editCheckpoint(
      outDir,
      "UPDATE offset_ranges SET first_offset = first_offset - 3 WHERE partition = 0 AND sequence = 3",
    ),
  expected: () => ["offsets_overlap memory/0"],
});

finds("more records in a range than it has offsets", {
  damage: (outDir) =>
    editCheckpoint(
      outDir,
      `UPDATE offset_ranges SET rejected = rejected + 50 WHERE partition = 1 AND sequence = 2;
       UPDATE partitions SET rejected = rejected + 50 WHERE partition = 1;
       UPDATE counters SET value = value + 50 WHERE name = 'rejected' AND label =
         (SELECT label FROM counters WHERE name = 'rejected' LIMIT 1);
       UPDATE counters SET value = value + 50 WHERE name = 'received'`,
    ),
  expected: () => ["counts_do_not_close memory/1"],
});

for (const column of ["next_offset", "published", "duplicate", "rejected"]) {
  const isCounted = column !== "next_offset";
  finds(`${column} of a partition changed`, {
    damage: (outDir) =>
      editCheckpoint(
        outDir,
        `UPDATE partitions SET ${column} = ${column} + 1 WHERE partition = 1`,
      ),
    expected: () => [
      "counts_do_not_close memory/1",
      ...(isCounted ? ["counts_do_not_close received", `counts_do_not_close ${column}`] : []),
    ],
  });
}

finds("a partition that no commit handled", {
  damage: (outDir) =>
    editCheckpoint(outDir, "INSERT INTO partitions VALUES ('memory', 7, 10, 0, 0, 0)"),
  expected: () => ["counts_do_not_close memory/7"],
});

for (const counter of ["published", "duplicate", "rejected", "received"]) {
  finds(`the counter of ${counter} records changed`, {
    damage: (outDir) =>
      editCheckpoint(
        outDir,
        `UPDATE counters SET value = value + 1 WHERE name = '${counter}' AND label =
           (SELECT label FROM counters WHERE name = '${counter}' LIMIT 1)`,
      ),
    expected: () => [`counts_do_not_close ${counter}`],
  });
}

finds("a manifest row gone: its file is unknown then", {
  damage: async (outDir) =>
    editCheckpoint(
      outDir,
      `DELETE FROM files WHERE final_path = '${await firstFile(outDir, "events")}'`,
    ),
  expected: (path) => [`unknown_file ${path}`],
});

Deno.test("verify finds a flipped byte wherever it is in the file", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const path = await firstFile(outDir, "events");
    const sound = await Deno.readFile(`${outDir}/${path}`);
    for (let at = 0; at < sound.length; at += 61) {
      await Deno.writeFile(`${outDir}/${path}`, flipped(sound, at));
      const found = await findingsOf(outDir);
      const kinds = ["changed_file", "unreadable_file"];
      assert.ok(kinds.some((kind) => found.includes(`${kind} ${path}`)), `byte ${at}: ${found}`);
    }
    await Deno.writeFile(`${outDir}/${path}`, sound);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("verify names the offsets that are missing between two commits", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const of = (column: string) =>
      BigInt(checkpointValue(
        outDir,
        `SELECT ${column} FROM offset_ranges WHERE partition = 0 AND sequence = 2`,
      ));
    const firstOffset = of("first_offset"), nextOffset = of("next_offset");
    editCheckpoint(outDir, "DELETE FROM offset_ranges WHERE partition = 0 AND sequence = 2");
    const { accounts } = await verified(outDir);
    assert.deepEqual(
      accounts.find(({ partition }) => partition === 0)?.gaps,
      [{ topic: "memory", partition: 0, firstOffset, nextOffset }],
    );
    assert.deepEqual(await findingsOf(outDir), ["counts_do_not_close memory/0"]);
  });
});

const FORGET =
  "DELETE FROM seen_chunks; DELETE FROM seen_filters; DELETE FROM seen_runs; UPDATE counters SET value = 0 WHERE name = 'seenIds'";
const DAY_MS = 86_400_000;

for (
  const [when, afterMs] of [["at once", 0], ["within its time to live", 7 * DAY_MS - 1]] as const
) {
  Deno.test(`verify finds an event that was published again ${when}`, async () => {
    await withScratch(async (outDir) => {
      await publishTwice(outDir, { afterMs, between: () => editCheckpoint(outDir, FORGET) });
      const { findings, eventCount } = await verified(outDir);
      assert.equal(eventCount, 2);
      assert.deepEqual(findings.map(({ kind }) => kind), ["event_twice"]);
      assert.match(findings[0]?.detail ?? "", /event_id "again" is in the lake 2 times/);
      const paths = (await filesOf(outDir)).filter((path) => path.includes("/events_"));
      assert.equal(findings[0]?.subject, paths.join(", "));
    });
  });
}

Deno.test("verify finds nothing where an event came again after its time to live, but with none it does", async () => {
  await withScratch(async (outDir) => {
    await publishTwice(outDir, { afterMs: 7 * DAY_MS, between: () => {} });
    const { findings, eventCount } = await verified(outDir);
    assert.equal(eventCount, 2);
    assert.deepEqual(findings, []);
    assert.deepEqual((await verified(outDir, 0)).findings.map(({ kind }) => kind), ["event_twice"]);
  });
});

for (const what of ["gone", "garbage", "of another program"] as const) {
  Deno.test(`verify refuses a checkpoint that is ${what} with exit 3 and advice, and makes no new one`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic });
      await Deno.remove(`${outDir}/checkpoint.sqlite`);
      if (what === "garbage") {
        await Deno.writeTextFile(`${outDir}/checkpoint.sqlite`, "a".repeat(9999));
      }
      if (what === "of another program") editCheckpoint(outDir, "CREATE TABLE other (a)");
      const before = await filesOf(outDir);
      await assert.rejects(verified(outDir), (error) => {
        assert.ok(error instanceof OrillaError && error.exitCode === 3);
        assert.match(error.message, /checkpoint\.sqlite cannot be read .*orilla rebuild/);
        return true;
      });
      assert.deepEqual(await filesOf(outDir), before);
    });
  });
}

Deno.test("verify finds nothing in a lake whose last commit is still to be published", async () => {
  await withScratch(async (outDir) => {
    await crashBefore(outDir, { topic, prefix: "publish:link", nth: -1 });
    assert.ok((await filesOf(outDir)).some((path) => path.startsWith("_staging/")));
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("verify changes nothing in the lake", async () => {
  await withScratch(async (outDir, copy) => {
    await runOnce(outDir, { topic });
    await copyLake(outDir, copy);
    await verified(copy);
    const stable = (path: string) => !/-(wal|shm)$/.test(path);
    assert.deepEqual((await filesOf(copy)).filter(stable), (await filesOf(outDir)).filter(stable));
    for (const path of (await filesOf(outDir)).filter(stable)) {
      const [was, is] = [
        await Deno.readFile(`${outDir}/${path}`),
        await Deno.readFile(`${copy}/${path}`),
      ];
      assert.ok(was.every((byte, i) => byte === is[i]) && was.length === is.length, path);
    }
  });
});

Deno.test("orilla verify ends with exit 3 and names the file, as text and as JSON; exit 0 where all is sound", async () => {
  await withFolder(async (outDir) => {
    await runOnce(outDir, { topic });
    const args = ["verify", "--out-dir", outDir];
    const sound = await runOrilla(args);
    assert.equal(sound.code, 0, sound.stderr);
    assert.match(sound.stdout, /All is as it was committed/);
    const path = await firstFile(outDir, "events");
    await Deno.remove(`${outDir}/${path}`);
    const [text, json] = await Promise.all([runOrilla(args), runOrilla([...args, "--json"])]);
    assert.deepEqual([text.code, json.code], [3, 3]);
    assert.ok(text.stdout.includes(`missing_file  ${path}: it was committed`), text.stdout);
    assert.match(text.stderr, /1 findings in .*; see the report/);
    const { findings } = JSON.parse(json.stdout);
    assert.deepEqual(findings, [{
      kind: "missing_file",
      subject: path,
      detail: "it was committed",
    }]);
  });
});

Deno.test("verify finds nothing where commits follow after it read the checkpoint", async () => {
  await withScratch(async (outDir) => {
    await using session = await LakeSession.open(testSession(outDir));
    await variedTopic(100).feed(session, 7);
    const files = new InterruptedFiles(outDir, "listing", () => topic.feed(session, 7));
    assert.deepEqual(await findingsOf(files), []);
    assert.ok(session.pipeline.sequence > 3, "commits followed");
  });
});

Deno.test("verify finds nothing where a file gets its final name while it is looked for", async () => {
  await withScratch(async (outDir) => {
    await crashBefore(outDir, { topic, prefix: "publish:link", nth: -1 });
    const files = new InterruptedFiles(outDir, "missing", () => runOnce(outDir, { topic }));
    assert.deepEqual(await findingsOf(files), []);
  });
});

Deno.test("verify finds nothing beside a simulate that is writing", async () => {
  await withFolder(async (outDir) => {
    await using simulate = spawnOrilla([
      ...["simulate", "--out-dir", outDir, "--count", "10000000", "--rate", "20000"],
      ...["--batch-max-events", "200", "--days", "3", "--invalid-ratio", "0.1"],
    ]);
    await simulate.untilStderr(/committed/);
    const found: string[] = [];
    let commits = 0;
    for (let i = 0; i < 10; i++) {
      const report = await verified(outDir);
      found.push(...report.findings.map(({ kind, subject }) => `${kind} ${subject}`));
      commits = Math.max(commits, report.commitCount);
    }
    assert.ok(commits > 1);
    assert.deepEqual(found, []);
  });
});
