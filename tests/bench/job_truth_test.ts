import assert from "node:assert/strict";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { jobRecords, type JobShape, simulatedRecords, simulateFlags } from "./job_records.ts";
import { differences, lakeFiles, truthOf } from "./job_truth.ts";
import { InexactError, runOrillaJob } from "./orilla_run.ts";

const SHAPE: JobShape = {
  count: 3_000,
  seed: 7,
  dates: 3,
  duplicateRatio: 0.1,
  invalidRatio: 0.05,
  unknownFieldRatio: 0.01,
};

Deno.test("jobRecords() makes as many records as were asked for, all dates in every stretch of them", () => {
  const records = [...jobRecords(SHAPE)];
  assert.equal(records.length, SHAPE.count);
  const { rowsByDate } = truthOf(records.slice(0, 300));
  const dates = ["2026-11-22", "2026-11-23", "2026-11-24"];
  assert.deepEqual(Object.keys(rowsByDate ?? {}).sort(), dates);
  const { rowCount, invalidCount } = truthOf(records);
  const isNear = (count: number, share: number) => Math.abs(count / SHAPE.count / share - 1) < 0.2;
  assert.ok(isNear(rowCount, 0.85) && isNear(invalidCount, 0.05), `${rowCount}, ${invalidCount}`);
});

Deno.test("a benchmark's check finds an exact lake exact, and rows that are lost, repeated or moved", async () => {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`, truth = truthOf(simulatedRecords(SHAPE));
  const run = { source: { simulateFlags: simulateFlags(SHAPE) }, outDir, truth, flags: [] };
  const { eventsPerSecond, wholePerSecond, cpuSecondsPerMillion, fileCount } = await runOrillaJob(
    run,
  );
  assert.ok(eventsPerSecond >= wholePerSecond && wholePerSecond > 0 && cpuSecondsPerMillion > 0);
  assert.equal(fileCount, 3);
  const [first, second] = await lakeFiles(outDir);
  assert.ok(first !== undefined && second !== undefined);
  const assertDifference = async (expected: RegExp) =>
    assert.match((await differences(outDir, truth)).join("\n"), expected);

  await Deno.copyFile(first.path, `${first.path}.copy.parquet`);
  await assertDifference(/^twice is \d+ instead of 0$/);
  await Deno.remove(`${first.path}.copy.parquet`);
  await Deno.rename(first.path, `${outDir}/date=${second.date}/moved.parquet`);
  await assertDifference(/^misplaced is \d+ instead of 0$/);
  await Deno.remove(`${outDir}/date=${second.date}/moved.parquet`);
  await assertDifference(/rowCount is \d+ instead of \d+\nidSum is /);
  await Deno.remove(`${outDir}/_dead_letters`, { recursive: true });
  await assertDifference(/invalidCount is 0 instead of \d+/);
});

Deno.test("a run that fails, or does not fit the truth, is not counted", async () => {
  await using folder = await temporaryFolder();
  const truth = truthOf(simulatedRecords({ ...SHAPE, seed: 8 }));
  const run = { source: { simulateFlags: simulateFlags(SHAPE) }, truth };
  const inexact = runOrillaJob({ ...run, outDir: `${folder.path}/a`, flags: [] });
  await assert.rejects(inexact, InexactError);
  const failed = runOrillaJob({ ...run, outDir: `${folder.path}/b`, flags: ["--no-such-option"] });
  await assert.rejects(failed, /exit code 2/);
});
