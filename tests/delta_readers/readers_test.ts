import assert from "node:assert/strict";
import { compactionVersion } from "../../src/core/delta_version.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { compactOnce, movingClock } from "../crash/compacted_lake.ts";
import { withScratch } from "../crash/damaged_lake.ts";
import { runOnce, testLimits } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { NOW_MS, openLog } from "../delta/logs.ts";
import { committedFiles, tableDifferences } from "../delta/table_oracle.ts";
import { keyRing } from "../lake/key_rings.ts";
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

type Seen = Readonly<Record<string, Readonly<Record<string, Summary>>>>;

async function assertReadersAgree(outDir: string, versions: readonly Summary[]): Promise<void> {
  const seen = await askPython("read_versions.py", [outDir]) as Seen;
  assert.deepEqual(Object.keys(seen), READERS);
  const last = versions.length - 1;
  assert.equal(Object.keys(seen["delta-rs"] ?? {}).length, versions.length);
  for (const [reader, summaries] of Object.entries(seen)) {
    assert.ok(summaries[last] !== undefined, `${reader} sees version ${last}`);
    for (const [version, summary] of Object.entries(summaries)) {
      assert.deepEqual(summary, versions[Number(version)], `${reader} at version ${version}`);
    }
  }
}

/** The last version alone, where others than orilla made some before it. */
async function assertReadersSee(outDir: string, ids: readonly string[]): Promise<void> {
  const seen = await askPython("read_versions.py", [outDir]) as Seen;
  const expected = await summaryOf(ids);
  for (const reader of READERS) {
    const last = Object.entries(seen[reader] ?? {}).sort(([a], [b]) => Number(a) - Number(b)).at(
      -1,
    );
    assert.deepEqual(last?.[1], expected, reader);
  }
}

Deno.test("delta-rs, Polars and DuckDB see at each version the rows of the commits up to it, also after kills", async () => {
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

Deno.test("a version of a compaction changes no row, for readers of any version", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: variedTopic(150), overrides: { tableFormat: "delta" } });
    const versions = await expectedVersions(outDir);
    const [replaced] = committedFiles(outDir).at(0)?.paths ?? [];
    assert.ok(replaced !== undefined);
    // A file of the same rows in the place of another one.
    const merged = replaced.replace(/_[0-9a-f]{12}_\d+/, `_${"c".repeat(12)}_0000000001`);
    await Deno.copyFile(`${outDir}/${replaced}`, `${outDir}/${merged}`);
    const { size } = await Deno.stat(`${outDir}/${replaced}`);
    const rowCount = (await readParquetFile(`${outDir}/${merged}`)).length;
    const time = { minTsMicroseconds: 0n, maxTsMicroseconds: 4_000_000_000_000_000n };
    const file = (finalPath: string) => ({ finalPath, rowCount, bytes: size, ...time });
    const deltaLog = await openLog(outDir);
    await deltaLog.append(
      compactionVersion({
        added: [file(merged)],
        replaced: [file(replaced)],
        removedAtMs: NOW_MS,
      }, "test"),
    );
    await assertReadersAgree(outDir, [...versions, ...versions.slice(-1)]);
  });
});

Deno.test("readers see the same rows at every version before and after a merge of orilla's", async () => {
  await withScratch(async (outDir) => {
    const overrides = { tableFormat: "delta", clock: movingClock() } as const;
    await runOnce(outDir, { topic: variedTopic(150), overrides });
    const versions = await expectedVersions(outDir);
    const merges = await compactOnce(outDir, { clock: movingClock(1_795_000_100_000) });
    assert.equal(merges.length, 3);
    await assertReadersAgree(outDir, [...versions, ...merges.flatMap(() => versions.slice(-1))]);
  });
});

Deno.test("a table goes on after a foreign program merged its files", async () => {
  await withScratch(async (outDir) => {
    const overrides = { tableFormat: "delta" } as const;
    await runOnce(outDir, { topic: variedTopic(100), overrides });
    assert.ok(Number(await askPython("merge_files.py", [outDir])) > 3);
    await runOnce(outDir, { topic: variedTopic(150), overrides });
    const paths = committedFiles(outDir).flatMap(({ paths }) => paths);
    const rows = await Promise.all(paths.map((path) => readParquetFile(`${outDir}/${path}`)));
    await assertReadersSee(outDir, rows.flat().map(({ event_id }) => String(event_id)));
  });
});

const TYPES = {
  event_id: "string",
  ts: "timestamp",
  usuario_id: "long",
  accion: "string",
  monto: "double",
  processing_ts: "timestamp",
  extra: "string",
  kafka_partition: "integer",
  kafka_offset: "long",
  date: "date",
};

Deno.test("a table has the columns of its lake, with usuario_id as text where it is a pseudonym", async () => {
  await withScratch(async (inClear, pseudonymized) => {
    const topic = variedTopic(60);
    await runOnce(inClear, { topic, overrides: { tableFormat: "delta" } });
    const clear = await askPython("show_columns.py", [inClear]) as Types;
    assert.deepEqual(clear.declared, TYPES);
    assert.equal(typeof clear.usuario_id, "number");
    const protection = { keys: keyRing("one"), pseudonymizedFields: ["usuario_id"] };
    await runOnce(pseudonymized, { topic, overrides: { tableFormat: "delta", protection } });
    const hidden = await askPython("show_columns.py", [pseudonymized]) as Types;
    assert.deepEqual(hidden.declared, { ...TYPES, usuario_id: "string" });
    assert.equal(typeof hidden.usuario_id, "string");
  });
});

Deno.test("VACUUM takes nothing of a lake that had no event for years", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: variedTopic(60), overrides: { tableFormat: "delta" } });
    for await (const { name, isFile } of Deno.readDir(outDir)) {
      if (isFile) await Deno.utime(`${outDir}/${name}`, 1.6e9, 1.6e9);
    }
    const { vacuumed } = await askPython("show_columns.py", [outDir]) as Types;
    assert.deepEqual(vacuumed, []);
  });
});

interface Types {
  readonly declared: Readonly<Record<string, string>>;
  readonly usuario_id: unknown;
  readonly vacuumed: readonly string[];
}
