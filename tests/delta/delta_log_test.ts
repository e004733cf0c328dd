import assert from "node:assert/strict";
import { compactionVersion } from "../../src/core/delta_version.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { readDeltaLog } from "../../src/lake/delta_log_reader.ts";
import { deltaFiles } from "../../src/lake/delta_storage.ts";
import { Files } from "../../src/runtime/files.ts";
import { type OperationLabel, SimulatedCrash } from "../../src/runtime/operations.ts";
import { CrashHooks } from "../crash/crash_hooks.ts";
import { withScratch } from "../crash/damaged_lake.ts";
import { strayFiles } from "../lake_reader.ts";
import { runProgram } from "../programs.ts";
import { NOW_MS, openLog, tableFile, versionOf } from "./logs.ts";
import { loggedVersions } from "./table_oracle.ts";

const A = "a".repeat(12), B = "b".repeat(12);

/** `instance/sequence` of each version after the first, in their order. */
async function appendedCommits(outDir: string): Promise<string[]> {
  const [, ...versions] = await loggedVersions(outDir);
  return versions.map((actions) => {
    const [txn, ...more] = actions.flatMap(({ txn }) => txn ? [txn] : []);
    assert.ok(txn !== undefined && more.length === 0);
    return `${txn.appId}/${txn.version}`;
  });
}

function content(outDir: string) {
  return readDeltaLog(deltaFiles(new Files(outDir)));
}

async function append(outDir: string, count: number): Promise<void> {
  const deltaLog = await openLog(outDir, { checkpointVersions: 3 });
  for (let sequence = 1; sequence <= count; sequence++) {
    await deltaLog.append(versionOf(A, sequence));
  }
}

Deno.test("several processes that append at once take turns: each commit is in the log once, in its order", async () => {
  await withScratch(async (outDir) => {
    const script = new URL("append_versions.ts", import.meta.url).pathname;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const instances = ["a", "b", "c", "d"].map((letter) => letter.repeat(12));
    const count = 25;
    const results = await Promise.all(instances.map((instance) =>
      runProgram(Deno.execPath(), [
        "run",
        "-A",
        "--no-prompt",
        `--config=${config}`,
        script,
        outDir,
        instance,
        String(count),
      ])
    ));
    for (const { code, output } of results) assert.equal(code, 0, output);
    const commits = await appendedCommits(outDir);
    assert.equal(commits.length, instances.length * count);
    for (const instance of instances) {
      const own = commits.filter((commit) => commit.startsWith(`orilla-${instance}/`));
      const expected = Array.from({ length: count }, (_, i) => `orilla-${instance}/${i + 1}`);
      assert.deepEqual(own, expected);
    }
    const turns = commits.filter((commit, i) =>
      commit.slice(0, 19) !== commits[i - 1]?.slice(0, 19)
    );
    assert.ok(turns.length > 2 * instances.length, `they raced: ${turns.length} turns`);
    const { snapshot, checkpointVersion } = await content(outDir);
    assert.equal(snapshot.files.size, instances.length * count);
    assert.ok(checkpointVersion > 0);
    assert.deepEqual(await strayFiles(outDir), []);
  });
});

Deno.test("append() of two that are open side by side reads what the other one appended", async () => {
  await withScratch(async (outDir) => {
    const first = await openLog(outDir), second = await openLog(outDir);
    for (const sequence of [1, 2, 3]) await second.append(versionOf(B, sequence));
    await first.append(versionOf(A, 1));
    await second.append(versionOf(B, 4));
    assert.deepEqual(
      await appendedCommits(outDir),
      [`${B}/1`, `${B}/2`, `${B}/3`, `${A}/1`, `${B}/4`].map((commit) => `orilla-${commit}`),
    );
    assert.deepEqual([first.has({ instanceId: B, sequence: 3 }), first.version], [true, 4]);
  });
});

Deno.test("append() appends a commit once, however often it is asked to", async () => {
  await withScratch(async (outDir) => {
    const deltaLog = await openLog(outDir), late = await openLog(outDir);
    for (const sequence of [1, 1, 2, 1]) await deltaLog.append(versionOf(A, sequence));
    await late.append(versionOf(A, 1));
    await late.append(versionOf(A, 2));
    const again = await openLog(outDir);
    await again.append(versionOf(A, 2));
    assert.deepEqual(await appendedCommits(outDir), [`orilla-${A}/1`, `orilla-${A}/2`]);
  });
});

Deno.test("a checkpoint of the log holds all that came before it, with what was removed this week", async () => {
  await withScratch(async (outDir) => {
    await append(outDir, 3);
    const deltaLog = await openLog(outDir, { checkpointVersions: 3 });
    const replaced = (sequence: number) => tableFile(A, sequence);
    for (const [sequence, removedAtMs] of [[4, NOW_MS - 8 * 86_400_000], [5, NOW_MS]] as const) {
      const added = [tableFile(A, sequence)], old = [replaced(sequence - 3)];
      await deltaLog.append(compactionVersion({ added, replaced: old, removedAtMs }, "test"));
    }
    await deltaLog.append(versionOf(A, 6));
    for (let version = 0; version <= 5; version++) await Deno.remove(entryPath(outDir, version));
    const { snapshot, checkpointVersion, version } = await content(outDir);
    assert.deepEqual([checkpointVersion, version], [6, 6]);
    const sequences = [3, 4, 5, 6].map((sequence) => tableFile(A, sequence).finalPath);
    assert.deepEqual([...snapshot.files.keys()].sort(), sequences);
    assert.deepEqual([...snapshot.removed.keys()], [tableFile(A, 2).finalPath]);
    assert.deepEqual(snapshot.transactions.get(`orilla-${A}`)?.version, 6);
    assert.equal(snapshot.metaData?.partitionColumns.join(), "date");
    const kept = snapshot.files.get(tableFile(A, 3).finalPath);
    assert.deepEqual(kept, { ...versionOf(A, 3).actions[1]?.add, tags: null });
    const hint = JSON.parse(await Deno.readTextFile(`${outDir}/_delta_log/_last_checkpoint`));
    assert.deepEqual([hint.version, hint.numOfAddFiles], [6, 4]);
    await openLog(outDir);
  });
});

Deno.test("a crash around any operation of appending leaves a log that goes on", async () => {
  const count = 7;
  let operations: readonly string[] = [];
  await withScratch(async (outDir) => {
    operations = await appendToCrash(outDir, null).then(({ operations }) => operations);
    assert.ok(operations.some((name) => name.startsWith("table:remove")), "with checkpoints");
  });
  const sides = ["before", "after"] as const;
  const points = operations.flatMap((_, index) => sides.map((side) => ({ index, side })));
  for (const point of points) {
    for (const isPowerCut of [false, true]) {
      await withScratch(async (outDir) => {
        const hooks = await appendToCrash(outDir, point);
        assert.ok(hooks.hasCrashed);
        if (isPowerCut) await hooks.cutPower(outDir);
        await append(outDir, count);
        const where = `${point.side} ${operations[point.index]}, ${isPowerCut}`;
        const expected = Array.from({ length: count }, (_, i) => `orilla-${A}/${i + 1}`);
        assert.deepEqual(await appendedCommits(outDir), expected, where);
        assert.equal((await content(outDir)).snapshot.files.size, count, where);
      });
    }
  }

  async function appendToCrash(outDir: string, point: ConstructorParameters<typeof CrashHooks>[0]) {
    const hooks = new CrashHooks(point);
    try {
      const deltaLog = await openLog(outDir, { checkpointVersions: 3, hooks });
      for (let i = 1; i <= count; i++) await deltaLog.append(versionOf(A, i));
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
    }
    return hooks;
  }
});

Deno.test("append() goes on without a checkpoint of the log where it cannot be written, and makes up for it", async () => {
  await withScratch(async (outDir) => {
    const warnings: string[] = [];
    let isFull = true;
    const hooks = {
      before: (_: OperationLabel, path: string) => {
        if (isFull && path.endsWith(".checkpoint.parquet")) {
          throw Object.assign(new Error("no room"), { code: "ENOSPC" });
        }
      },
      after: () => {},
      written: (_: OperationLabel, _path: string, length: number) => length,
    };
    const silent = () => {};
    const warning = (text: string) => warnings.push(text);
    const log = { debug: silent, info: silent, warning, error: silent };
    const deltaLog = await openLog(outDir, { checkpointVersions: 2, hooks, log });
    for (const sequence of [1, 2, 3]) await deltaLog.append(versionOf(A, sequence));
    assert.equal(warnings.length, 2);
    isFull = false;
    await deltaLog.append(versionOf(A, 4));
    assert.equal((await content(outDir)).checkpointVersion, 4);
  });
});

Deno.test("what is older than a month goes from the log, and what came after it is whole", async () => {
  await withScratch(async (outDir) => {
    let nowMs = 0;
    const deltaLog = await openLog(outDir, { checkpointVersions: 3, nowMs: () => nowMs });
    const appendAt = async (sequence: number, atMs: number) => {
      nowMs = atMs;
      const { commitInfo, ...version } = versionOf(A, sequence);
      await deltaLog.append({ ...version, commitInfo: { ...commitInfo, timestamp: atMs } });
    };
    const day = 86_400_000;
    for (let sequence = 1; sequence <= 9; sequence++) await appendAt(sequence, sequence * day);
    assert.equal((await entriesLeft(outDir))[0], 0);
    // The checkpoint of version 6 is older than a month now, that of version 9 is not.
    for (const sequence of [10, 11, 12]) await appendAt(sequence, 38 * day);
    assert.deepEqual(await entriesLeft(outDir), [6, 7, 8, 9, 10, 11, 12]);
    const names = await Array.fromAsync(Deno.readDir(`${outDir}/_delta_log`), ({ name }) => name);
    assert.equal(names.filter((name) => name.includes("checkpoint.parquet")).length, 3);
    const { snapshot, version } = await content(outDir);
    assert.deepEqual([version, snapshot.files.size], [12, 12]);
    await (await openLog(outDir)).append(versionOf(A, 13));
  });
});

async function entriesLeft(outDir: string): Promise<readonly number[]> {
  const names = await Array.fromAsync(Deno.readDir(`${outDir}/_delta_log`), ({ name }) => name);
  return names.filter((name) => name.endsWith(".json")).sort().map((name) =>
    Number(name.slice(0, 20))
  );
}

Deno.test("a log with a time of its own to be kept for is not cleaned up", async () => {
  await withScratch(async (outDir) => {
    await append(outDir, 1);
    const logRetention = `"configuration":{"delta.logRetentionDuration":"interval 1 days",`;
    await edit(outDir, 0, (text) => text.replace(`"configuration":{`, logRetention));
    const nowMs = () => NOW_MS + 90 * 86_400_000;
    const deltaLog = await openLog(outDir, { checkpointVersions: 3, nowMs });
    for (let sequence = 2; sequence <= 7; sequence++) await deltaLog.append(versionOf(A, sequence));
    assert.deepEqual((await entriesLeft(outDir)).length, 8);
  });
});

Deno.test("a table that is still empty takes the columns of other fields", async () => {
  await withScratch(async (outDir) => {
    await openLog(outDir);
    const pseudonymizedFields = ["usuario_id"];
    const deltaLog = await openLog(outDir, { pseudonymizedFields });
    await deltaLog.append(versionOf(A, 1));
    const [first, second] = await loggedVersions(outDir);
    const ids = [first, second].map((actions) =>
      JSON.stringify(actions).match(/"metaData":{"id":"([^"]{36})"/)?.[1]
    );
    assert.equal(new Set(ids).size, 1);
    const { metaData } = (await content(outDir)).snapshot;
    assert.match(metaData?.schemaString ?? "", /"name":"usuario_id","type":"string"/);
    assert.match(await refusal(outDir), /columns are not those of the lake/);
  });
});

const damages: readonly (readonly [string, (outDir: string) => Promise<void>, RegExp])[] = [
  ["an entry that is gone", (outDir) => Deno.remove(entryPath(outDir, 1)), /has no 0+1\.json/],
  ["an entry that is no JSON", (outDir) => write(outDir, 2, "{"), /0+2\.json cannot be read/],
  ["an empty entry", (outDir) => write(outDir, 1, ""), /0+1\.json cannot be read \(it is empty/],
  [
    "an entry of another shape",
    (outDir) => write(outDir, 1, `{"add":{}}\n`),
    /line 1 is no action/,
  ],
  [
    "a raised protocol",
    (outDir) => write(outDir, 3, `{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}\n`),
    /reader version 3 and writer version 7/,
  ],
  [
    "a table of other columns",
    (outDir) => edit(outDir, 0, (text) => text.replace("usuario_id", "user_id")),
    /columns are not those of the lake/,
  ],
  [
    "a table without partitions",
    (outDir) =>
      edit(outDir, 0, (text) => text.replace(`["date"]`, "[]").replace(`:["date"]`, ":[]")),
    /partitioned by nothing/,
  ],
  [
    "a log that does not say what the table is",
    (outDir) => write(outDir, 0, `{"commitInfo":{}}\n`),
    /does not say what the table is/,
  ],
];

for (const [what, damage, message] of damages) {
  Deno.test(`a log with ${what} is refused, with advice`, async () => {
    await withScratch(async (outDir) => {
      await append(outDir, 2);
      await damage(outDir);
      const text = await refusal(outDir);
      assert.match(text, message);
      assert.match(text, /move _delta_log out of OUT_DIR/);
    });
  });
}

Deno.test("a checkpoint of the log that is damaged is refused", async () => {
  await withScratch(async (outDir) => {
    await append(outDir, 3);
    const name = `${"3".padStart(20, "0")}.checkpoint.parquet`;
    await Deno.truncate(`${outDir}/_delta_log/${name}`, 100);
    assert.match(await refusal(outDir), /checkpoint\.parquet cannot be read/);
  });
});

for (const hint of ["", "{", `{"version":99}`, `{"version":2}`]) {
  Deno.test(`a _last_checkpoint of ${hint || "nothing"} does no harm`, async () => {
    await withScratch(async (outDir) => {
      await append(outDir, 4);
      await Deno.writeTextFile(`${outDir}/_delta_log/_last_checkpoint`, hint);
      const { version, checkpointVersion } = await content(outDir);
      assert.deepEqual([version, checkpointVersion], [4, 3]);
    });
  });
}

/** What the failure to open a log says. */
async function refusal(outDir: string): Promise<string> {
  const error = await openLog(outDir).then(() => null, (error) => error);
  assert.ok(error instanceof OrillaError, String(error));
  assert.equal(error.exitCode, 3);
  return error.message;
}

function entryPath(outDir: string, version: number): string {
  return `${outDir}/_delta_log/${String(version).padStart(20, "0")}.json`;
}

function write(outDir: string, version: number, text: string): Promise<void> {
  return Deno.writeTextFile(entryPath(outDir, version), text);
}

async function edit(
  outDir: string,
  version: number,
  change: (text: string) => string,
): Promise<void> {
  await write(outDir, version, change(await Deno.readTextFile(entryPath(outDir, version))));
}
