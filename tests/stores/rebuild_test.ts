import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { messageOf, OrillaError } from "../../src/core/errors.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { testSession } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import {
  contentOf,
  expectSame,
  processOf,
  rebuildShared,
  runShared,
  toldByFiles,
} from "../crash/shared_rebuild.ts";
import { differencesOf } from "../crash/shared_rebuild_contract.ts";
import { readLake } from "../lake_reader.ts";
import { type OrillaOptions, runOrilla, spawnOrilla } from "../orilla_process.ts";
import { onEachServer } from "./each_server.ts";

const COUNT = 900;
const GENERATED = ["--count", String(COUNT), "--invalid-ratio", "0.05", "--seed", "7"];

/** Runs commands on a lake whose store a server keeps. */
function runnerOf(outDir: string, url: string) {
  const env = { CHECKPOINT_URL: url };
  return async (args: readonly string[], code = 0, options: OrillaOptions = {}) => {
    const result = await runOrilla([...args, "--out-dir", outDir], { env, ...options });
    assert.equal(result.code, code, `${args}: ${result.stderr}${result.stdout}`);
    return result;
  };
}

onEachServer(
  "each command goes by a store that was emptied and made anew",
  async ({ server, folder }) => {
    const outDir = `${folder}/lake`, run = runnerOf(outDir, server.url);
    const json = async (args: readonly string[]) =>
      JSON.parse((await run([...args, "--json"])).stdout);
    const simulate = (firstId: number, code = 0) =>
      run([
        ...["simulate", ...GENERATED, "--first-id", String(firstId), "--table-format", "delta"],
        ...["--batch-max-events", "150", "--duplicate-ratio", "0.05"],
      ], code);
    await simulate(0);
    await simulate(COUNT);
    await run(["compact", "--compact-after", "0"]);
    const lake = { outDir, url: server.url };
    const before = await contentOf(lake), rows = await readLake(outDir);
    await server.empty();

    assert.match((await simulate(2 * COUNT, 3)).stderr, /orilla rebuild/);
    const report = await json(["rebuild"]);
    assert.deepEqual([report.incomplete, report.gaps, report.keptAs], [[], [], null]);
    assert.deepEqual(report.table, { addedCount: 0, removedCount: 0 });
    assert.deepEqual(toldByFiles(await contentOf(lake)), toldByFiles(before));
    assert.match((await run(["rebuild"], 2)).stderr, /knows commits/);
    assert.deepEqual((await json(["verify"])).findings, []);
    const { counters, seenIds } = await json(["status"]);
    assert.equal(counters.received, 2 * COUNT);
    assert.equal(seenIds, before.seenIdCount);
    const traced = await json(["trace", rows[0]?.event_id ?? ""]);
    assert.deepEqual([traced.outcome, traced.seenIds.state], ["published", "seen"]);
    await run(["compact", "--compact-after", "0"]);

    const again = await simulate(COUNT);
    assert.match(again.stdout, /published +0/);
    await simulate(2 * COUNT);
    assert.deepEqual((await json(["verify"])).findings, []);
  },
);

onEachServer(
  "a process that ran on while its store was emptied and made anew commits nothing more",
  async ({ server, folder }) => {
    const lake = { outDir: `${folder}/lake`, url: server.url };
    await Deno.mkdir(lake.outDir);
    await runShared(lake, variedTopic(30));
    const overrides = { ...processOf(lake), onFailure: () => {} };
    await using session = await LakeSession.open(testSession(lake.outDir, overrides));
    await variedTopic(60).feed(session, 7);
    await session.pipeline.settle();
    const { commits, ...content } = await contentOf(lake);
    // It would mark its last one with the next.
    const lost = { ...content, commits: commits.map((one) => ({ ...one, isPublished: true })) };
    await server.empty();
    await rebuildShared(lake);
    await expectSame(lake, lost);
    const isEnded = (error: unknown) => error instanceof OrillaError && error.exitCode !== 2;
    await assert.rejects(() => variedTopic(90).feed(session, 7), isEnded);
    assert.deepEqual(toldByFiles(await contentOf(lake)), toldByFiles(lost));
    await runShared(lake, variedTopic(90));
    assert.deepEqual(await differencesOf(lake, variedTopic(90)), []);
  },
);

onEachServer(
  "a rebuild whose server is away for a while waits for it",
  async ({ server, folder }) => {
    const lake = { outDir: `${folder}/lake`, url: server.url };
    await Deno.mkdir(lake.outDir);
    await runShared(lake, variedTopic(30));
    await runShared(lake, variedTopic(60), { folderCount: 1 });
    const before = await contentOf(lake);
    await server.empty();
    const { log, retrying } = testSession(lake.outDir);
    const policy = { attempts: 1_000, baseMs: 10, capMs: 100, budgetMs: 60_000 };
    let away: Promise<void> | null = null, waitCount = 0;
    await rebuildShared(lake, {
      log: { ...log, warning: () => waitCount++ },
      retrying: { ...retrying, policy, sleep: delay },
      onProgress: () => {
        away ??= server.kill().then(() => delay(300)).then(() => server.restart());
      },
    });
    await away;
    assert.ok(waitCount > 0);
    await expectSame(lake, before);
  },
);

onEachServer("a rebuild that is killed is begun anew 30 s later", async ({ server, folder }) => {
  const outDir = `${folder}/lake`, run = runnerOf(outDir, server.url);
  await run(["simulate", ...GENERATED, "--batch-max-events", "9"]);
  const before = await contentOf({ outDir, url: server.url });
  await server.empty();
  const env = { CHECKPOINT_URL: server.url };
  {
    await using rebuild = spawnOrilla(["rebuild", "--out-dir", outDir], { env });
    await untilClosed(server.url);
    rebuild.kill("SIGKILL");
    const { code } = await rebuild.result;
    assert.notEqual(code, 0);
  }
  assert.match((await run(["simulate", ...GENERATED], 1)).stderr, /being made anew/);
  assert.match((await run(["rebuild"], 1)).stderr, /after 30 s/);
  await delay(31_000);
  await run(["rebuild"]);
  const after = await contentOf({ outDir, url: server.url });
  assert.deepEqual(toldByFiles(after), toldByFiles(before));
});

/** Waits until a rebuild has begun. */
async function untilClosed(url: string): Promise<void> {
  await using reader = await openReader({ checkpointDir: "", url });
  for (;;) {
    try {
      await reader.status(1);
    } catch (error) {
      if (/being made anew/.test(messageOf(error))) return;
    }
    await delay(5);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
