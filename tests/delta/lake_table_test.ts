import assert from "node:assert/strict";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import type { OperationLabel } from "../../src/runtime/operations.ts";
import {
  crashBefore,
  findingsOf,
  firstFile,
  refusal,
  verified,
  withFolder,
  withScratch,
} from "../crash/damaged_lake.ts";
import { rebuildLake, runOnce, testSession } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { runOrilla } from "../orilla_process.ts";
import { loggedVersions, tableDifferences } from "./table_oracle.ts";

const half = variedTopic(100);
const topic = variedTopic(150);
const overrides = { tableFormat: "delta" } as const;

async function versionCount(outDir: string): Promise<number> {
  return (await loggedVersions(outDir)).length;
}

Deno.test("a lake that was made without a table becomes one of all its commits", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half });
    await runOnce(outDir, { topic, overrides });
    assert.deepEqual(await tableDifferences(outDir), []);
  });
});

Deno.test("a table goes on where a run does not ask for it", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half, overrides });
    const before = await versionCount(outDir);
    await runOnce(outDir, { topic });
    assert.ok(await versionCount(outDir) > before);
    assert.deepEqual(await tableDifferences(outDir), []);
  });
});

Deno.test("a table whose log was moved away is made anew, version by version", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic, overrides });
    const before = await versionCount(outDir);
    await Deno.remove(`${outDir}/_delta_log`, { recursive: true });
    await runOnce(outDir, { topic, overrides });
    assert.equal(await versionCount(outDir), before);
    assert.deepEqual(await tableDifferences(outDir), []);
  });
});

Deno.test("a table that cannot be appended to for long ends the run, and the commit counts", async () => {
  await withScratch(async (outDir) => {
    let failures = 0;
    const hooks = {
      before: (label: OperationLabel, path: string) => {
        if (label !== "table:write" || !path.includes("2.json")) return;
        failures++;
        throw Object.assign(new Error("no room"), { code: "ENOSPC" });
      },
      after: () => {},
      written: (_label: OperationLabel, _path: string, length: number) => length,
    };
    const run = runOnce(outDir, { topic, hooks, overrides });
    await assert.rejects(run, /Gave up table after 5 tries .*no room/);
    assert.equal(failures, 5);
    assert.equal(await versionCount(outDir), 2);
    {
      await using session = await LakeSession.open(testSession(outDir, overrides));
      assert.equal(session.pipeline.sequence, 2);
    }
    assert.equal(await versionCount(outDir), 3);
    await runOnce(outDir, { topic, overrides });
    assert.deepEqual(await tableDifferences(outDir), []);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("a log that knows later commits than the checkpoint is refused", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic, overrides });
    const [, instance] = /_([0-9a-f]{12})_/.exec(await firstFile(outDir, "events")) ?? [];
    const name = `${String(await versionCount(outDir)).padStart(20, "0")}.json`;
    const txn = { appId: `orilla-${instance}`, version: 99 };
    await Deno.writeTextFile(`${outDir}/_delta_log/${name}`, JSON.stringify({ txn }));
    const message = await refusal(outDir);
    assert.match(message, /it has commit 99, and the checkpoint has only \d+/);
    assert.match(message, /move _delta_log out of OUT_DIR/);
  });
});

Deno.test("verify holds the table against the checkpoint, file by file", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic, overrides });
    const { table, findings } = await verified(outDir);
    assert.deepEqual(findings, []);
    assert.equal(table?.version, await versionCount(outDir) - 1);

    await withChangedLog(outDir, (text) => text.replace(/{"add":.*\n/, ""), async () => {
      assert.deepEqual(await kindsOf(outDir), ["not_in_table"]);
    });
    await withChangedLog(outDir, (text) => text.replace(/"size":\d+/, '"size":7'), async () => {
      assert.deepEqual(await kindsOf(outDir), ["wrong_in_table"]);
    });
    const foreign = (text: string) =>
      text.replace(/{"add":.*\n/, (line) => line + line.replace(/events_/, "part_"));
    await withChangedLog(outDir, foreign, async () => {
      assert.deepEqual(await kindsOf(outDir), ["only_in_table"]);
    });
    await withChangedLog(outDir, () => "{", async () => {
      assert.deepEqual(await kindsOf(outDir), ["unreadable_table"]);
    });
  });
});

async function kindsOf(outDir: string): Promise<readonly string[]> {
  return (await verified(outDir)).findings.map(({ kind }) => kind);
}

/** Runs an action while the last entry of the log is another one. */
async function withChangedLog(
  outDir: string,
  change: (text: string) => string,
  action: () => Promise<void>,
): Promise<void> {
  const version = await versionCount(outDir) - 1;
  const path = `${outDir}/_delta_log/${String(version).padStart(20, "0")}.json`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, change(text));
  await action();
  await Deno.writeTextFile(path, text);
}

Deno.test("verify finds nothing where the last commit is not in the table yet: the next start appends it", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half, overrides });
    await crashBefore(outDir, { topic, prefix: "table:write", nth: 1 });
    assert.deepEqual(await findingsOf(outDir), []);
    await runOnce(outDir, { topic, overrides });
    assert.deepEqual(await tableDifferences(outDir), []);
  });
});

Deno.test("rebuild leaves a table that is whole alone, and new commits go on in it", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic: half, overrides });
    const before = await versionCount(outDir);
    await Deno.remove(`${outDir}/checkpoint.sqlite`);
    const { table } = await rebuildLake(outDir);
    assert.deepEqual(table, { addedCount: 0, removedCount: 0 });
    assert.equal(await versionCount(outDir), before);
    await runOnce(outDir, { topic, overrides });
    assert.ok(await versionCount(outDir) > before);
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("rebuild takes a file that is gone out of the table, and takes in one that it lacks", async () => {
  await withScratch(async (outDir, kept) => {
    await runOnce(outDir, { topic, overrides });
    const path = await firstFile(outDir, "events");
    await Deno.rename(`${outDir}/${path}`, `${kept}/file`);
    const gone = await rebuildLake(outDir);
    assert.deepEqual(gone.table, { addedCount: 0, removedCount: 1 });
    assert.deepEqual(await findingsOf(outDir), []);
    await Deno.rename(`${kept}/file`, `${outDir}/${path}`);
    const back = await rebuildLake(outDir);
    assert.deepEqual(back.table, { addedCount: 1, removedCount: 0 });
    assert.deepEqual(await findingsOf(outDir), []);
    await runOnce(outDir, { topic, overrides });
    assert.deepEqual(await findingsOf(outDir), []);
  });
});

Deno.test("rebuild makes the checkpoint also where the table's log is damaged, and says so", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic, overrides });
    await Deno.writeTextFile(`${outDir}/_delta_log/${"0".repeat(20)}.json`, "{");
    const { table, tableRefusal } = await rebuildLake(outDir);
    assert.equal(table, null);
    assert.match(tableRefusal ?? "", /0\.json cannot be read/);
  });
});

Deno.test("status and doctor say how far the table is, and what is wrong with it", async () => {
  await withFolder(async (outDir) => {
    const args = ["--out-dir", outDir, "--table-format", "delta", "--count", "100"];
    assert.equal((await runOrilla(["simulate", ...args])).code, 0);
    const status = async () => (await runOrilla(["status", "--out-dir", outDir])).stdout;
    assert.match(await status(), /table +Delta Lake, version 1, 1 file\n/);
    const json = await runOrilla(["status", "--out-dir", outDir, "--json"]);
    assert.deepEqual(JSON.parse(json.stdout).table, { version: 1, fileCount: 1 });
    const doctor = async () =>
      (await runOrilla([
        ...["doctor", "--out-dir", outDir, "--bootstrap-servers", "127.0.0.1:1"],
        ...["--check-timeout-ms", "500"],
      ])).stdout;
    assert.match(await doctor(), /ok +table +Delta Lake, version 1, 1 file\n/);

    await Deno.remove(`${outDir}/_delta_log/${"1".padStart(20, "0")}.json`);
    assert.match(await status(), /version 0, 0 files; lacks 1 file; the next start appends them/);
    await Deno.writeTextFile(`${outDir}/_delta_log/${"0".repeat(20)}.json`, "{");
    assert.match(await status(), /table +_delta_log cannot be gone on with/);
    assert.match(await doctor(), /fail\w* +table +_delta_log cannot be gone on with/);
    const simulate = await runOrilla(["simulate", ...args]);
    assert.equal(simulate.code, 3);
    assert.match(simulate.stderr, /move _delta_log out of OUT_DIR/);
  });
});
