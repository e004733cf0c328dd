import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { testSession } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { onEachServer } from "./each_server.ts";

const COUNT = 500;
/** With waits of 100 ms and more, doubled each time: so many tries take some three seconds. */
const FEW_SECONDS = /(waiting for the checkpoint's server[^]*){5}/;

function simulation(folder: string): string[] {
  return ["simulate", "--out-dir", `${folder}/lake`, "--count", String(COUNT)];
}

onEachServer("a run that starts before its server waits for it", async ({ server, folder }) => {
  const env = { CHECKPOINT_URL: server.url };
  await server.kill();
  await using orilla = spawnOrilla(simulation(folder), { env });
  await orilla.untilStderr(FEW_SECONDS);
  await server.restart();
  const { code, stdout, stderr } = await orilla.result;
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`published +${COUNT}`));
  await using reader = await openReader({ checkpointDir: "", url: server.url });
  const { published, retries } = (await reader.content()).committed.counters;
  assert.equal(published, COUNT);
  assert.ok(retries.checkpoint_server >= 5, JSON.stringify(retries));
});

onEachServer(
  "a server that never starts is waited for within RETRY_BUDGET_MS",
  async ({ server, folder }) => {
    const env = { CHECKPOINT_URL: server.url, RETRY_BUDGET_MS: "3000" };
    await server.kill();
    const { code, stdout, stderr } = await runOrilla(simulation(folder), { env });
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /waiting for the checkpoint's server/);
    assert.match(
      stderr,
      /Gave up checkpoint_server after \d+ tries in [1-3]\.\d s: .*127\.0\.0\.1/,
    );
  },
);

onEachServer(
  "a run whose server is away at its end waits for it there",
  async ({ server, folder }) => {
    const away = Promise.withResolvers<void>();
    const { log, retrying } = testSession(folder);
    const policy = { attempts: 1_000, baseMs: 10, capMs: 100, budgetMs: 60_000 };
    const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
    await using session = await LakeSession.open(testSession(folder, {
      store: { url: server.url },
      log: { ...log, warning: () => away.resolve() },
      retrying: { ...retrying, policy, sleep },
    }));
    await variedTopic(100).feed(session, 7);
    await server.kill();
    const closed = session.close();
    await Promise.race([away.promise, closed]);
    await server.restart();
    await closed;
    await using reader = await openReader({ checkpointDir: "", url: server.url });
    assert.deepEqual((await reader.status(1)).unpublishedPaths, []);
  },
);

onEachServer(
  "SIGTERM ends a run that waits for its server, in good order",
  async ({ server, folder }) => {
    const longest = {
      RETRY_BASE_MS: "600000",
      RETRY_CAP_MS: "600000",
      RETRY_BUDGET_MS: "86400000",
    };
    const env = { CHECKPOINT_URL: server.url, ...longest };
    await server.kill();
    await using orilla = spawnOrilla(simulation(folder), { env });
    await orilla.untilStderr(/waiting for the checkpoint's server/);
    orilla.kill("SIGTERM");
    const { code, stderr } = await orilla.result;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Stopped by a signal before/);
  },
);

onEachServer(
  "a user who is not let in is exit 2 at once, and not shown",
  async ({ server, folder }) => {
    const url = new URL(server.url);
    url.username = "nobody";
    url.password = "hunter2";
    const env = { CHECKPOINT_URL: url.href };
    const { code, stdout, stderr } = await runOrilla(simulation(folder), { env });
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, /Cannot use CHECKPOINT_URL/);
    assert.doesNotMatch(stderr, /waiting for|hunter2/);
  },
);

onEachServer("a command that looks does not wait for its server", async ({ server, folder }) => {
  const env = { CHECKPOINT_URL: server.url };
  assert.equal((await runOrilla(simulation(folder), { env })).code, 0);
  await server.kill();
  for (const args of [["status"], ["verify"], ["dlq", "list"], ["trace", "e1"], ["dlq", "purge"]]) {
    const { code, stderr } = await runOrilla([...args, "--out-dir", `${folder}/lake`], { env });
    assert.equal(code, 1, `${args}: ${stderr}`);
    assert.match(stderr, /127\.0\.0\.1/);
    assert.doesNotMatch(stderr, /waiting for/);
  }
});
