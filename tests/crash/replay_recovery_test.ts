import assert from "node:assert/strict";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { filesToPurge, purgeFiles } from "../../src/pipeline/purge.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { lakeIn } from "../lake_in.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { copyFolder, rebuildLake, runOnce, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";
import {
  BAD_COUNT,
  findingsOf,
  lakeWithLetters,
  repairOf,
  replayDifferences,
  replayOnce,
} from "./replayed_lake.ts";

const NOW_MS = testSession("").clock.nowMs();

/** How many dead letters had an outcome. */
function countOf(outcome: string): number {
  return Array.from({ length: BAD_COUNT }, (_, i) => repairOf(i).outcome)
    .filter((known) => known === outcome).length;
}

async function removeCheckpoint(outDir: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) {
    const found = await Deno.stat(`${outDir}/checkpoint.sqlite${suffix}`).then(
      () => true,
      () => false,
    );
    if (found) await Deno.remove(`${outDir}/checkpoint.sqlite${suffix}`);
  }
}

const rebuilt = (outDir: string) => rebuildLake(outDir, NOW_MS);

Deno.test("a checkpoint from before a replay takes the replay's marks back from its files", async () => {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`, older = `${folder.path}/older`;
  for (const path of [outDir, older]) await Deno.mkdir(path);
  await lakeWithLetters(outDir);
  await copyFolder(outDir, older);
  await replayOnce(outDir);
  await removeCheckpoint(outDir);
  await Deno.copyFile(`${older}/checkpoint.sqlite`, `${outDir}/checkpoint.sqlite`);
  await replayOnce(outDir);
  assert.deepEqual(await replayDifferences(outDir), []);
});

Deno.test("a rebuild without an old checkpoint knows the replays that left a file", async () => {
  await using folder = await temporaryFolder();
  const outDir = folder.path;
  await lakeWithLetters(outDir);
  await replayOnce(outDir);
  const rows = (await readLake(outDir)).length;
  await removeCheckpoint(outDir);
  const { carriedReplayCount } = await rebuilt(outDir);
  assert.equal(carriedReplayCount, 0);
  assert.deepEqual(await findingsOf(outDir), []);
  const { replays } = inspectCheckpoint(outDir);
  const count = (outcome: string) => replays.filter((mark) => mark.outcome === outcome).length;
  assert.deepEqual([count("published"), count("rejected")], [
    countOf("published"),
    countOf("rejected"),
  ]);
  await replayOnce(outDir);
  assert.equal((await readLake(outDir)).length, rows);
});

Deno.test("a rebuild beside an old checkpoint keeps every mark and every purge", async () => {
  await using folder = await temporaryFolder();
  const outDir = folder.path;
  await lakeWithLetters(outDir);
  await replayOnce(outDir);
  {
    await using session = await LakeSession.open(testSession(outDir));
    const times = { beforeMs: NOW_MS + 1, nowMs: NOW_MS + 1 };
    await purgeFiles(
      session.files,
      session.checkpoint,
      await filesToPurge(lakeIn(outDir), times, () => {}),
    );
    await session.close();
  }
  assert.deepEqual(await readDeadLetters(outDir), []);
  const before = inspectCheckpoint(outDir);
  const report = await rebuilt(outDir);
  assert.deepEqual(report.incomplete, []);
  const after = inspectCheckpoint(outDir);
  assert.deepEqual(after.purges, before.purges);
  const key = ({ letter, outcome }: (typeof after.replays)[number]) =>
    `${letter.offset} ${outcome}`;
  assert.deepEqual(after.replays.map(key), before.replays.map(key));
  assert.equal(
    after.committed.counters.rejected["not_json"],
    before.committed.counters.rejected["not_json"],
  );
  assert.equal(after.committed.counters.rejected["unknown"], undefined);
  assert.deepEqual(await findingsOf(outDir), []);
  await using session = await LakeSession.open(testSession(outDir));
  assert.equal(session.pipeline.sequence, report.commitCount);
});

Deno.test("a lake that was rebuilt without one of its dead-letter files can be opened", async () => {
  await using folder = await temporaryFolder();
  const outDir = folder.path;
  await runOnce(outDir, { topic: variedTopic(150) });
  const [letter] = await readDeadLetters(outDir);
  await Deno.remove(`${outDir}/_dead_letters/${letter?.file}`);
  const { incomplete } = await rebuilt(outDir);
  assert.equal(incomplete.length, 1);
  await using session = await LakeSession.open(testSession(outDir));
  assert.ok((session.pipeline.counters.rejected["unknown"] ?? 0) > 0);
});
