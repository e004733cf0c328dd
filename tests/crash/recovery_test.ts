import assert from "node:assert/strict";
import { readDeadLetters, strayFiles } from "../lake_reader.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import {
  checkpointValue,
  copyLake,
  crashBefore,
  editCheckpoint,
  eventIdsOf,
  expectedIds,
  filesOf,
  findingsOf,
  firstFile,
  killedLake,
  refusal,
  withFolder,
  withScratch,
} from "./damaged_lake.ts";
import { differences } from "./lake_oracle.ts";
import { rebuildLake as rebuilt, runOnce } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const half = variedTopic(100);
const topic = variedTopic(150);
const CHECKPOINT_FILES = ["checkpoint.sqlite", "checkpoint.sqlite-wal", "checkpoint.sqlite-shm"];

/** Puts the checkpoint of `from` in the place of that of `to`. */
async function takeCheckpoint(from: string, to: string): Promise<void> {
  const names = await filesOf(from);
  for (const name of CHECKPOINT_FILES) {
    if ((await filesOf(to)).includes(name)) await Deno.remove(`${to}/${name}`);
    if (names.includes(name)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** The next start goes on by itself and leaves an exact lake. */
async function assertHeals(outDir: string): Promise<void> {
  await runOnce(outDir, { topic });
  // What rebuild kept of the old checkpoint is no stray file.
  for (const path of await filesOf(outDir)) {
    if (path.startsWith("checkpoint.old-")) await Deno.remove(`${outDir}/${path}`);
  }
  assert.deepEqual(await differences(outDir, topic), []);
  assert.deepEqual(await findingsOf(outDir), []);
}

for (const [what, length] of [["zero-length", 0], ["torn", 700]] as const) {
  Deno.test(`${what} staged files that no commit refers to are deleted by the next start`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic: half });
      await crashBefore(outDir, { topic, prefix: "commit:begin", nth: 1 });
      const staged = (await filesOf(outDir)).filter((path) => path.startsWith("_staging/"));
      assert.ok(staged.length >= 3);
      for (const path of staged) await Deno.truncate(`${outDir}/${path}`, length);
      await Deno.writeTextFile(`${outDir}/_staging/of another name`, "");
      await assertHeals(outDir);
    });
  });
}

Deno.test("a write-ahead log with garbage behind its end is read up to that", async () => {
  await withScratch(async (outDir, killed) => {
    await killedLake(topic, { outDir, to: killed });
    const garbage = crypto.getRandomValues(new Uint8Array(10_000));
    await Deno.writeFile(`${killed}/checkpoint.sqlite-wal`, garbage, { append: true });
    const sequence = checkpointValue(outDir, "SELECT max(sequence) FROM commits");
    assert.equal(checkpointValue(killed, "SELECT max(sequence) FROM commits"), sequence);
    await assertHeals(killed);
  });
});

Deno.test("a write-ahead log cut at many places loses only commits that the lake gives back", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    await withScratch(async (killed) => {
      await killedLake(topic, { outDir, to: killed });
      const { size } = await Deno.stat(`${killed}/checkpoint.sqlite-wal`);
      const behind: string[] = [];
      for (let cut = 1; cut < size; cut += Math.ceil(size / 15)) {
        await withScratch(async (copy) => {
          await copyLake(killed, copy);
          await Deno.truncate(`${copy}/checkpoint.sqlite-wal`, size - cut);
          behind.push(checkpointValue(copy, "SELECT max(sequence) FROM commits"));
          await assertHeals(copy);
        });
      }
      assert.ok(new Set(behind).size >= 2, `cuts lost commits: ${behind}`);
    });
  });
});

Deno.test("without its write-ahead log the checkpoint adopts the lake's newer commits", async () => {
  await withScratch(async (outDir, killed) => {
    await runOnce(outDir, { topic: half });
    await killedLake(topic, { outDir, to: killed });
    const before = await filesOf(killed);
    await Deno.remove(`${killed}/checkpoint.sqlite-wal`);
    const of = (folder: string) => Number(checkpointValue(folder, "SELECT count(*) FROM commits"));
    assert.ok(of(killed) < of(outDir), "commits were lost with the log");
    await assertHeals(killed);
    const isData = (path: string) => path.endsWith(".parquet");
    assert.deepEqual((await filesOf(killed)).filter(isData), before.filter(isData));
  });
});

Deno.test(
  "a checkpoint that never left its write-ahead log, and lost it, publishes nothing twice",
  async () => {
    await withScratch(async (outDir, killed) => {
      await killedLake(topic, { outDir, to: killed });
      await Deno.remove(`${killed}/checkpoint.sqlite-wal`);
      assert.match(await refusal(killed), /orilla rebuild/);
    });
  },
);

Deno.test("an older checkpoint adopts a commit whose files are partly still staged", async () => {
  await withScratch(async (outDir, older) => {
    await runOnce(outDir, { topic: half });
    await copyLake(outDir, older);
    await crashBefore(outDir, { topic, prefix: "publish:link", nth: -1 });
    const staged = (await filesOf(outDir)).filter((path) => path.startsWith("_staging/"));
    assert.ok(staged.length >= 2, "the crash left staged files");
    await takeCheckpoint(older, outDir);
    await assertHeals(outDir);
  });
});

Deno.test("an older checkpoint and a newer commit without all its files are exit 3 with advice", async () => {
  await withScratch(async (outDir, older) => {
    await runOnce(outDir, { topic: half });
    await copyLake(outDir, older);
    await runOnce(outDir, { topic });
    const last = (await filesOf(outDir)).filter((path) => path.endsWith(".parquet"))
      .sort((a, b) => a.slice(-40) < b.slice(-40) ? -1 : 1).at(-1) ?? "";
    await Deno.remove(`${outDir}/${last}`);
    await takeCheckpoint(older, outDir);
    const before = await filesOf(outDir);
    const message = await refusal(outDir);
    assert.match(
      message,
      /does not know commit \d+, and the lake has not all of its files: \d+ of/,
    );
    assert.match(message, /Restore the missing files, or .*orilla rebuild/);
    const isData = (path: string) => path.endsWith(".parquet");
    assert.deepEqual((await filesOf(outDir)).filter(isData), before.filter(isData));
  });
});

for (const content of [null, "", "# HELP orilla_\u0000 torn"]) {
  const what = content === null ? "missing" : content === "" ? "empty" : "torn";
  Deno.test(`a metrics.txt that is ${what}, and a leftover metrics.txt.new, do not matter`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic: half });
      await Deno.remove(`${outDir}/metrics.txt`);
      if (content !== null) await Deno.writeTextFile(`${outDir}/metrics.txt`, content);
      await Deno.writeTextFile(`${outDir}/metrics.txt.new`, "torn");
      await assertHeals(outDir);
      const published = checkpointValue(
        outDir,
        "SELECT CAST(value AS INTEGER) FROM counters WHERE name = 'published'",
      );
      const metrics = await Deno.readTextFile(`${outDir}/metrics.txt`);
      assert.match(metrics, new RegExp(`published.* ${published}$`, "m"));
    });
  });
}

for (const how of ["gone", "torn"] as const) {
  Deno.test(`a committed file that is ${how} before it was published is exit 3 with advice`, async () => {
    await withScratch(async (outDir) => {
      await crashBefore(outDir, { topic, prefix: "publish:link", nth: 2 });
      const path = checkpointValue(
        outDir,
        "SELECT staged_path FROM files JOIN commits USING (sequence) WHERE is_published = 0 ORDER BY 1 DESC",
      );
      if (how === "gone") await Deno.remove(`${outDir}/${path}`);
      else await Deno.truncate(`${outDir}/${path}`, 100);
      const message = await refusal(outDir);
      assert.ok(message.includes(path), message);
      assert.match(message, how === "gone" ? /is not there/ : /has 100 bytes instead of \d+/);
      assert.match(message, /Restore one of them, or .*orilla rebuild/);
    });
  });
}

Deno.test("a published file changed from outside before the recovery is exit 3, and is not replaced", async () => {
  await withScratch(async (outDir) => {
    await crashBefore(outDir, { topic, prefix: "publish:unlink", nth: 1 });
    const path = await firstFile(outDir, "events");
    // A new file: the published and the staged name are one file on disk.
    await Deno.remove(`${outDir}/${path}`);
    await Deno.writeTextFile(`${outDir}/${path}`, "mine");
    assert.match(await refusal(outDir), /is not the file that was committed/);
    assert.equal(await Deno.readTextFile(`${outDir}/${path}`), "mine");
  });
});

Deno.test("an unreadable checkpoint is exit 3 with advice, and stays as it is", async () => {
  const garbage = crypto.getRandomValues(new Uint8Array(20_000));
  for (const bytes of [garbage, garbage.subarray(0, 10)]) {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic: half });
      await Deno.writeFile(`${outDir}/checkpoint.sqlite`, bytes);
      const message = await refusal(outDir);
      assert.match(message, /checkpoint\.sqlite cannot be read .*from a copy, or .*orilla rebuild/);
      assert.deepEqual(await Deno.readFile(`${outDir}/checkpoint.sqlite`), bytes.slice());
    });
  }
});

Deno.test("a checkpoint whose damage shows only while it is used is exit 3 with advice", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    const page = checkpointValue(
      outDir,
      "SELECT rootpage FROM sqlite_schema WHERE name='seen_chunks'",
    );
    const bytes = await Deno.readFile(`${outDir}/checkpoint.sqlite`);
    const pageBytes = Number(checkpointValue(outDir, "PRAGMA page_size"));
    bytes.fill(0xff, (Number(page) - 1) * pageBytes, Number(page) * pageBytes);
    await Deno.writeFile(`${outDir}/checkpoint.sqlite`, bytes);
    await assert.rejects(runOnce(outDir, { topic }), { name: "OrillaError", exitCode: 3 });
  });
});

for (const how of ["gone", "empty"] as const) {
  Deno.test(`a checkpoint that is ${how}, of a lake with files, is exit 3 with advice`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic: half });
      await Deno.remove(`${outDir}/checkpoint.sqlite`);
      if (how === "empty") await Deno.writeTextFile(`${outDir}/checkpoint.sqlite`, "");
      const message = await refusal(outDir);
      assert.match(
        message,
        /holds \d+ published files, but its checkpoint is gone or knows no commit/,
      );
      assert.match(message, /orilla rebuild/);
    });
  });
}

Deno.test("a checkpoint that is gone, of a lake without files, is made anew", async () => {
  await withScratch(async (outDir) => {
    await crashBefore(outDir, { topic, prefix: "commit:begin", nth: 1 });
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    await assertHeals(outDir);
  });
});

Deno.test("a counter changed from outside is exit 3 at the next start", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    editCheckpoint(outDir, "UPDATE counters SET value = value + 1 WHERE name = 'received'");
    assert.match(await refusal(outDir), /checkpoint/);
  });
});

Deno.test("OUT_DIR of a process ended by SIGKILL is free for the next one", async () => {
  await withFolder(async (outDir) => {
    const args = ["simulate", "--out-dir", outDir, "--start", "2026-11-24T10:00:00Z"];
    const slow = ["--count", "100000", "--rate", "2000", "--batch-max-latency-ms", "100"];
    await using first = spawnOrilla([...args, ...slow]);
    await first.untilStderr(/committed/);
    const refused = await runOrilla(args);
    assert.equal(refused.code, 1, "the lock is held while it runs");
    first.kill("SIGKILL");
    await first.result;
    assert.ok((await filesOf(outDir)).includes("checkpoint.lock"), "its file is still there");
    const again = await runOrilla([...args, "--count", "300"]);
    assert.equal(again.code, 0, again.stderr);
    const ids = await eventIdsOf(outDir);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(await strayFiles(outDir), []);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

/** Feeds the whole topic again from offset 0: nothing of it may be published once more. */
async function assertPublishesNothingTwice(outDir: string): Promise<void> {
  editCheckpoint(outDir, "DELETE FROM partitions");
  await runOnce(outDir, { topic });
  assert.deepEqual(await eventIdsOf(outDir), expectedIds(topic));
}

Deno.test("rebuild makes a checkpoint of a lake that lost its own, and all in it is exact", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const letters = (await readDeadLetters(outDir)).length;
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    const report = await rebuilt(outDir);
    assert.deepEqual(
      [report.eventCount, report.deadLetterCount, report.seenIdCount, report.keptAs],
      [expectedIds(topic).length, letters, expectedIds(topic).length, null],
    );
    assert.deepEqual(report.incomplete, []);
    assert.deepEqual(report.partitions.map(({ nextOffset }) => nextOffset), [75n, 75n]);
    await assertHeals(outDir);
    await assertPublishesNothingTwice(outDir);
  });
});

Deno.test("rebuild keeps an unreadable checkpoint beside the new one", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const garbage = crypto.getRandomValues(new Uint8Array(20_000));
    await Deno.writeFile(`${outDir}/checkpoint.sqlite`, garbage);
    const { keptAs } = await rebuilt(outDir);
    assert.deepEqual(await Deno.readFile(`${outDir}/${keptAs}`), garbage);
    assert.deepEqual(await findingsOf(outDir), []);
    await assertPublishesNothingTwice(outDir);
  });
});

Deno.test("rebuild of a lake that half was committed of goes on from its offsets", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    await rebuilt(outDir);
    await assertHeals(outDir);
  });
});

Deno.test("rebuild counts the commits of two checkpoints of one lake", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    await rebuilt(outDir);
    await runOnce(outDir, { topic });
    const commits = checkpointValue(outDir, "SELECT count(*) FROM commits");
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    const { commitCount, incomplete } = await rebuilt(outDir);
    assert.deepEqual([String(commitCount), incomplete], [commits, []]);
    await assertHeals(outDir);
  });
});

for (const kind of ["events", "dead_letters"] as const) {
  Deno.test(`rebuild names the commit that a missing file of ${kind} leaves incomplete`, async () => {
    await withScratch(async (outDir) => {
      await runOnce(outDir, { topic });
      const path = await firstFile(outDir, kind);
      const [rows, sequence, instanceId] = ["row_count", "sequence", "value"].map((column) =>
        checkpointValue(
          outDir,
          `SELECT ${column} FROM files, meta WHERE final_path = '${path}' AND key = 'instance_id'`,
        )
      );
      await Deno.remove(`${outDir}/${path}`);
      const { incomplete } = await rebuilt(outDir);
      assert.deepEqual(incomplete, [`${instanceId}/${sequence}: ${rows}`]);
    });
  });
}

Deno.test("rebuild after rebuild.sqlite was left by one that was killed makes a whole one", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    for (const suffix of ["", "-wal", "-shm"]) {
      await Deno.writeTextFile(`${outDir}/checkpoint.rebuild.sqlite${suffix}`, "torn");
    }
    await rebuilt(outDir);
    assert.deepEqual((await filesOf(outDir)).filter((path) => path.includes(".rebuild.")), []);
    await assertHeals(outDir);
  });
});

Deno.test("rebuild is not confused by the write-ahead log of a checkpoint that is gone", async () => {
  await withScratch(async (outDir, killed) => {
    await runOnce(outDir, { topic: variedTopic(600) });
    // The pages of the old file must not happen to lie as those of the new one.
    editCheckpoint(outDir, "VACUUM");
    await killedLake(variedTopic(650), { outDir, to: killed });
    await Deno.remove(`${killed}/checkpoint.sqlite`);
    await rebuilt(killed);
    assert.equal(checkpointValue(killed, "PRAGMA integrity_check"), "ok");
    assert.deepEqual(await findingsOf(killed), []);
  });
});

Deno.test("rebuild takes in staged files of a commit that was published in part", async () => {
  await withScratch(async (outDir) => {
    await crashBefore(outDir, { topic, prefix: "publish:link", nth: -1 });
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    const { incomplete } = await rebuilt(outDir);
    await runOnce(outDir, { topic });
    assert.deepEqual(await eventIdsOf(outDir), expectedIds(topic), incomplete.join());
    assert.deepEqual(await differences(outDir, topic), []);
  });
});
