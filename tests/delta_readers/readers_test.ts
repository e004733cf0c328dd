import assert from "node:assert/strict";
import { seededRandom } from "../../src/simulation/random.ts";
import { withScratch } from "../crash/damaged_lake.ts";
import { runOnce, testLimits } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { committedFiles, tableDifferences } from "../delta/table_oracle.ts";
import { readParquetFile } from "../lake_reader.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { askPython } from "./python.ts";

type Summary = readonly [rowCount: number, digest: string];

const READERS = ["delta-rs", "Polars", "DuckDB"];

async function summaryOf(ids: readonly string[]): Promise<Summary> {
  const text = new TextEncoder().encode(ids.toSorted().join("\n"));
  return [ids.length, new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex()];
}

/** What each version must hold: the rows of all commits up to it. */
async function expectedVersions(outDir: string): Promise<readonly Summary[]> {
  const ids: string[] = [];
  const versions = [await summaryOf([])];
  for (const { paths } of committedFiles(outDir)) {
    for (const path of paths) {
      for (const { event_id } of await readParquetFile(`${outDir}/${path}`)) {
        ids.push(String(event_id));
      }
    }
    versions.push(await summaryOf(ids));
  }
  return versions;
}

async function assertReadersAgree(outDir: string, versions: readonly Summary[]): Promise<void> {
  const seen = await askPython("read_versions.py", [outDir]) as Record<string, readonly Summary[]>;
  assert.deepEqual(Object.keys(seen), READERS);
  for (const [reader, summaries] of Object.entries(seen)) {
    assert.deepEqual(summaries, versions, reader);
  }
}

Deno.test("delta-rs, Polars and DuckDB see at every version the rows of the commits up to it, also after kills", async () => {
  const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 2 ** 32);
  const random = seededRandom(seed);
  await using folder = await temporaryFolder();
  const outDir = folder.path;
  const args = (run: number) => [
    ...["simulate", "--out-dir", outDir, "--table-format", "delta", "--count", "2000"],
    ...["--first-id", String(run * 2_000), "--start", "2026-11-24T12:00:00Z", "--days", "2"],
    ...["--batch-max-events", "30", "--duplicate-ratio", "0.05", "--invalid-ratio", "0.02"],
  ];
  let killedCount = 0;
  for (let run = 0; run < 6; run++) {
    await using orilla = spawnOrilla([...args(run), "--rate", "1000"]);
    await orilla.untilStderr(/"committed"/);
    await new Promise((resolve) => setTimeout(resolve, random() * 800));
    orilla.kill("SIGKILL");
    if ((await orilla.result).code !== 0) killedCount++;
  }
  const { code, stderr } = await runOrilla(args(6));
  assert.equal(code, 0, stderr);
  assert.ok(killedCount >= 3, `${killedCount} of them were killed`);
  assert.deepEqual(await tableDifferences(outDir), [], `ORILLA_TEST_SEED=${seed}`);
  const versions = await expectedVersions(outDir);
  assert.ok(versions.length > 101, `the log has a checkpoint: ${versions.length} versions`);
  assert.ok((versions.at(-1)?.[0] ?? 0) > 2_000);
  await assertReadersAgree(outDir, versions);
});

Deno.test("a lake that becomes a table later is one of all its commits", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: variedTopic(100) });
    const overrides = { tableFormat: "delta", limits: testLimits({ maxEvents: 15 }) } as const;
    await runOnce(outDir, { topic: variedTopic(150), overrides });
    assert.deepEqual(await tableDifferences(outDir), []);
    await assertReadersAgree(outDir, await expectedVersions(outDir));
  });
});
