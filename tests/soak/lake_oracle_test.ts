import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { lakeFiles } from "../bench/job_truth.ts";
import { bytesOf, recordOf } from "../core/samples.ts";
import { openLake } from "../pipeline_parts.ts";
import { examineLakes, type SoakTruth } from "./lake_oracle.ts";
import { eventJson, invalidKeyOf, invalidOf } from "./soak_events.ts";

const TRUTH: SoakTruth = { eventCount: 60, invalidCount: 6, partitionCount: 1 };

/** A lake with what the truth says, in several commits; `use` may change it, and it goes afterwards. */
async function withLake(use: (outDir: string) => Promise<void>): Promise<void> {
  await using lake = await openLake();
  const values = [
    ...Array.from({ length: TRUTH.eventCount }, (_, id) => ({ key: null, value: eventJson(id) })),
    { key: null, value: eventJson(3) },
    ...Array.from({ length: TRUTH.invalidCount }, (_, number) => ({
      key: bytesOf(invalidKeyOf(number)),
      value: invalidOf(number).value,
    })),
  ];
  const records = values.map(({ key, value }, i) =>
    recordOf(bytesOf(value), { key, offset: BigInt(i) })
  );
  const at = { topic: "soak", partition: 0 };
  await lake.session.pipeline.add({ ...at, records: new RecordList(records) });
  await lake.session.pipeline.commit("end");
  await lake.session.close();
  await use(lake.outDir);
}

async function problemsOf(outDir: string): Promise<string> {
  return (await examineLakes([outDir], TRUTH)).problems.join("\n");
}

async function someFile(folder: string): Promise<string> {
  const [file] = await lakeFiles(folder);
  assert.ok(file !== undefined);
  return file.path;
}

Deno.test("examineLakes() finds nothing in an exact lake", async () => {
  await withLake(async (outDir) => {
    const { rowCount, letterCount, fileCount, problems } = await examineLakes([outDir], TRUTH);
    assert.deepEqual({ rowCount, letterCount, problems }, {
      rowCount: 60,
      letterCount: 6,
      problems: [],
    });
    assert.ok(fileCount > 2);
  });
});

Deno.test("examineLakes() misses a file that is gone", async () => {
  await withLake(async (outDir) => {
    await Deno.remove(await someFile(outDir));
    assert.match(
      await problemsOf(outDir),
      /^\d+ event ids are lost: e\d+ of partition 0 \(beside it: /,
    );
  });
});

Deno.test("examineLakes() finds both places of a row that stands twice", async () => {
  await withLake(async (outDir) => {
    const file = await someFile(outDir);
    await Deno.copyFile(file, file.replace("events_", "events_copy_"));
    assert.match(
      await problemsOf(outDir),
      /^\d+ event ids stand more than once: e\d+ at 0\/\d+ in \S+, at 0\/\d+ in \S+events_copy_/,
    );
  });
});

Deno.test("examineLakes() knows the folder of a row, and what was never acknowledged", async () => {
  await withLake(async (outDir) => {
    const file = await someFile(outDir);
    await Deno.mkdir(`${outDir}/date=2030-01-01`);
    await Deno.rename(file, `${outDir}/date=2030-01-01/events.parquet`);
    assert.match(await problemsOf(outDir), /^\d+ rows are not as they were produced/);
    const { problems } = await examineLakes([outDir], { ...TRUTH, eventCount: 50 });
    assert.match(problems.join("\n"), /10 rows were never acknowledged: e5\d at 0\/5\d in /);
  });
});

Deno.test("examineLakes() holds dead letters against the truth", async () => {
  await withLake(async (outDir) => {
    const { problems } = await examineLakes([outDir], { ...TRUTH, invalidCount: 5 });
    assert.match(problems.join("\n"), /^1 dead letters are not as they were produced: x5 \(/);
    const file = await someFile(`${outDir}/_dead_letters`);
    await Deno.copyFile(file, `${file}_copy`);
    assert.match(
      await problemsOf(outDir),
      /^\d+ dead letters stand more than once: x\d+ at \d+\/\d+ in /,
    );
    await Deno.remove(file);
    await Deno.remove(`${file}_copy`);
    assert.match(await problemsOf(outDir), /^\d+ invalid records are no dead letters: x\d+/);
  });
});
