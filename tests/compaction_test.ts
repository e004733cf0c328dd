import assert from "node:assert/strict";
import { OrillaError } from "../src/core/errors.ts";
import { RecordList } from "../src/core/record_list.ts";
import type { Compacted } from "../src/pipeline/compaction.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { noFaults, type OperationLabel } from "../src/runtime/operations.ts";
import { compactOnce, findingsOf, movingClock } from "./crash/compacted_lake.ts";
import { copyLake, filesOf, withFolder, withScratch } from "./crash/damaged_lake.ts";
import { runOnce, testSession } from "./crash/lake_run.ts";
import { variedTopic } from "./crash/memory_topic.ts";
import { readLake } from "./lake_reader.ts";
import { runOrilla, spawnOrilla } from "./orilla_process.ts";
import { AT, eventRecords, limits, noSpace, soon } from "./pipeline_parts.ts";

const COUNT = 6_000;

/** A lake of three dates with 10 files each. */
async function simulateLake(outDir: string): Promise<void> {
  const { code, stderr } = await runOrilla([
    ...["simulate", "--out-dir", outDir, "--count", String(COUNT), "--days", "3"],
    ...["--start", "2026-11-20T12:00:00Z", "--batch-max-events", "200", "--invalid-ratio", "0.01"],
  ]);
  assert.equal(code, 0, stderr);
}

async function idsIn(outDir: string): Promise<readonly string[]> {
  return (await readLake(outDir)).map(({ event_id }) => event_id).sort();
}

async function eventFiles(outDir: string): Promise<readonly string[]> {
  return (await filesOf(outDir)).filter((path) => path.startsWith("date="));
}

Deno.test("orilla compact merges dates that are over, says what it did, and has nothing to do after that", async () => {
  await withFolder(async (outDir) => {
    await simulateLake(outDir);
    const [ids, before] = [await idsIn(outDir), await eventFiles(outDir)];
    const compact = (...args: string[]) => runOrilla(["compact", "--out-dir", outDir, ...args]);

    const planned = await compact("--dry-run");
    assert.match(planned.stdout, /would be merged \(--dry-run\)\n\n.*\n +2026-11-18 +10 files/);
    assert.deepEqual(await eventFiles(outDir), before);

    const one = await compact("--date", "2026-11-19", "--json");
    const { dates } = JSON.parse(one.stdout);
    assert.deepEqual(
      dates.map(({ date, mergedFiles, fileCount }: Record<string, unknown>) => [
        date,
        mergedFiles,
        fileCount,
      ]),
      [["2026-11-19", before.filter((path) => path.startsWith("date=2026-11-19")).length, 1]],
    );
    const all = await compact();
    assert.equal(all.code, 0, all.stderr);
    assert.equal((await eventFiles(outDir)).length, 3);
    assert.deepEqual(await idsIn(outDir), ids);
    assert.match((await compact()).stdout, /no date has small files to merge/);
    assert.equal((await runOrilla(["verify", "--out-dir", outDir])).code, 0);
    const trace = await runOrilla(["trace", "e7", "--out-dir", outDir]);
    assert.match(trace.stdout, /published +commit 1, .*simulate\/0, offset 7/);
    const report = await runOrilla(["report", "--json", "--out-dir", outDir]);
    assert.equal(JSON.parse(report.stdout).files, 3);
    assert.equal(report.code, 0);
  });
});

Deno.test("orilla compact merges the files of a table, in a version that changes no data", async () => {
  await withFolder(async (outDir) => {
    const make = ["simulate", "--out-dir", outDir, "--table-format", "delta", "--days", "2"];
    const past = ["--start", "2026-11-20T12:00:00Z", "--batch-max-events", "100"];
    const made = await runOrilla([...make, ...past, "--count", "1500"]);
    assert.equal(made.code, 0, made.stderr);
    const before = (await eventFiles(outDir)).length;
    const merged = await runOrilla(["compact", "--out-dir", outDir, "--json"]);
    assert.equal(merged.code, 0, merged.stderr);
    assert.equal((await eventFiles(outDir)).length, before + 2, "the replaced ones stay");
    const verified = await runOrilla(["verify", "--out-dir", outDir]);
    assert.equal(verified.code, 0, verified.stdout);
    assert.match(verified.stdout, /table: version \d+, 2 files/);
    const logs = (await filesOf(outDir)).filter((path) => /_delta_log\/\d+\.json$/.test(path));
    const last = await Deno.readTextFile(`${outDir}/${logs.sort().at(-1)}`);
    const actions = last.trim().split("\n").map((line) => JSON.parse(line));
    const changes = actions.flatMap(({ add, remove }) => add ?? remove ?? []);
    assert.ok(changes.length > 2 && changes.every(({ dataChange }) => dataChange === false), last);
    const goneOn = await runOrilla([...make, "--count", "100", "--first-id", "5000"]);
    assert.equal(goneOn.code, 0, goneOn.stderr);
    assert.equal((await runOrilla(["verify", "--out-dir", outDir])).code, 0);
  });
});

Deno.test("orilla compact leaves dates alone that are not over, and is refused beside another writer", async () => {
  await withFolder(async (outDir) => {
    const { code } = await runOrilla([
      ...["simulate", "--out-dir", outDir, "--count", "1000", "--batch-max-events", "100"],
    ]);
    assert.equal(code, 0);
    const before = (await eventFiles(outDir)).length;
    assert.match(
      (await runOrilla(["compact", "--out-dir", outDir])).stdout,
      /no date has small files to merge/,
    );
    assert.equal((await eventFiles(outDir)).length, before);
    await using _session = await LakeSession.open(testSession(outDir));
    const refused = await runOrilla(["compact", "--out-dir", outDir]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Another orilla is writing to .*--auto-compact/);
  });
});

Deno.test("orilla compact that is killed again and again ends with an exact lake", async () => {
  await withFolder(async (outDir) => {
    await simulateLake(outDir);
    const ids = await idsIn(outDir);
    let kills = 0;
    for (let waitMs = 300; (await eventFiles(outDir)).length > 3; waitMs += 150) {
      await using compacting = spawnOrilla(["compact", "--out-dir", outDir]);
      const timer = setTimeout(() => compacting.kill("SIGKILL"), waitMs);
      const { code } = await compacting.result;
      clearTimeout(timer);
      if (code !== 0) kills++;
    }
    assert.ok(kills > 0, "it was killed");
    assert.equal((await runOrilla(["compact", "--out-dir", outDir])).code, 0);
    assert.deepEqual(await idsIn(outDir), ids);
    assert.equal((await runOrilla(["verify", "--out-dir", outDir])).code, 0);
  });
});

Deno.test("a run with autoCompact merges dates that are over beside its commits", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, {
      topic: variedTopic(600),
      overrides: { clock: movingClock(), limits: limits({ maxEvents: 40 }) },
    });
    const before = (await eventFiles(outDir)).length;
    const merged: Compacted[] = [];
    const all = Promise.withResolvers<void>();
    await using session = await LakeSession.open(testSession(outDir, {
      clock: movingClock(1_796_000_000_000),
      limits: limits({ maxEvents: 10 }),
      autoCompact: { targetBytes: 1 << 20, afterMs: 0 },
      onCompacted: (one) => {
        merged.push(one);
        if (merged.length === 3) all.resolve();
      },
    }));
    for (let first = 10_000; first < 10_050; first += 10) {
      await session.pipeline.add({ ...AT, records: new RecordList(eventRecords(first, 10)) });
    }
    await soon(all.promise);
    await session.pipeline.add({ ...AT, records: new RecordList(eventRecords(10_050, 10)) });
    await session.pipeline.commit("end");
    await session.close();
    assert.ok(before > 30, String(before));
    assert.ok(merged.every(({ sourceCount }) => sourceCount >= 8));
    assert.ok((await eventFiles(outDir)).length < before - 20);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

for (
  const label of [
    "compact:write",
    "compact:fsync",
    "compact:folder",
    "replace:begin",
    "replace:end",
  ] as const satisfies readonly OperationLabel[]
) {
  Deno.test(`a disk that is full at ${label} of a merge leaves the lake as it was, and the next one works`, async () => {
    await withScratch(async (outDir, copy) => {
      const topic = variedTopic(150);
      await runOnce(outDir, { topic, overrides: { clock: movingClock() } });
      await copyLake(outDir, copy);
      const hooks = {
        ...noFaults,
        before: (at: OperationLabel) => {
          if (at === label) throw noSpace();
        },
      };
      await assert.rejects(compactOnce(outDir, { hooks }), /no space left/);
      const leaves = async (folder: string) =>
        (await filesOf(folder)).filter((path) => path.endsWith(".parquet"));
      assert.deepEqual(await leaves(outDir), await leaves(copy), "no file more, and none less");
      assert.deepEqual(await findingsOf(outDir), []);
      assert.equal((await compactOnce(outDir)).length, 3);
      assert.deepEqual(await idsIn(outDir), await idsIn(copy));
    });
  });
}

Deno.test("a source that is not the file that was committed is not merged", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: variedTopic(150), overrides: { clock: movingClock() } });
    const [first = "", second = ""] = await eventFiles(outDir);
    await Deno.copyFile(`${outDir}/${second}`, `${outDir}/${first}`);
    await assert.rejects(
      compactOnce(outDir),
      (error) =>
        error instanceof OrillaError && error.exitCode === 3 && error.message.includes(first),
    );
    assert.ok((await eventFiles(outDir)).length > 3);
  });
});
