import assert from "node:assert/strict";
import { redisAddress } from "../../src/checkpoint/redis/address.ts";
import { RedisConnection } from "../../src/checkpoint/redis/connection.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { runOnce, scratchFolder, testLimits, testSession } from "../crash/lake_run.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { differences } from "../crash/shared_crash_matrix.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What the server suffers again and again while commits are made. */
const OUTAGES = {
  "killed and started again": async (server: StoreServer) => {
    await server.kill();
    await server.restart();
  },
  "paused": async (server: StoreServer) => {
    Deno.kill(server.pid, "SIGSTOP");
    await sleep(100);
    Deno.kill(server.pid, "SIGCONT");
  },
} as const;

for (const [what, suffer] of Object.entries(OUTAGES)) {
  Deno.test({
    name: `a Redis that is ${what} amid commits leaves an exact lake`,
    ignore: redisLeftOut() !== null,
    fn: async () => {
      const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 2 ** 32);
      const random = seededRandom(seed);
      const topic = variedTopic(2_000);
      const outDir = await scratchFolder();
      await using server = await startRedis();
      try {
        let retryCount = 0, outageCount = 0, isDone = false;
        const begun = Promise.withResolvers<void>();
        const options = patientSession(server.url, {
          onRetry: () => retryCount++,
          onCommit: begun.resolve,
        });
        await using session = await LakeSession.open(testSession(outDir, options));
        const fed = topic.feed(session, 7).finally(() => isDone = true);
        await Promise.race([begun.promise, fed]);
        for (; !isDone; outageCount++) {
          await suffer(server);
          await sleep(200 * random());
        }
        await fed;
        await session.close();
        const found = await differences({ outDir, url: server.url }, topic);
        assert.deepEqual(found, [], `ORILLA_TEST_SEED=${seed}`);
        assert.ok(outageCount >= 3, `${outageCount} outages`);
        if (what !== "paused") assert.ok(retryCount > 0, "commits were tried again");
      } finally {
        await Deno.remove(outDir, { recursive: true });
      }
    },
  });
}

/** Options of a session that waits for the server. */
function patientSession(
  url: string,
  { onRetry, onCommit }: { readonly onRetry: () => void; readonly onCommit: () => void },
): Partial<LakeSessionOptions> {
  const { log, retrying } = testSession("/");
  const policy = { attempts: 1_000, baseMs: 10, capMs: 50, budgetMs: 60_000 };
  return {
    store: { url },
    limits: testLimits({ maxEvents: 20 }),
    log: { ...log, warning: onRetry },
    retrying: { ...retrying, policy, sleep },
    onCommit,
  };
}

Deno.test({
  name: "a lake whose Redis has lost its last commits is refused",
  ignore: redisLeftOut() !== null,
  fn: async () => {
    const outDir = await scratchFolder();
    await using server = await startRedis({ appendonly: "no", save: "3600 1" });
    try {
      const overrides = { store: { url: server.url } };
      await runOnce(outDir, { topic: variedTopic(100), overrides });
      const address = redisAddress(parseStoreUrl(server.url), null);
      await using connection = new RedisConnection(address);
      await connection.send(["SAVE"]);
      await runOnce(outDir, { topic: variedTopic(200), overrides });
      await server.kill();
      await server.restart();
      const open = () => LakeSession.open(testSession(outDir, overrides));
      await assert.rejects(open(), { exitCode: 3, message: /does not know/ });
      await server.kill();
      await Deno.remove(`${server.dataDir}/dump.rdb`);
      await server.restart();
      await assert.rejects(open(), { exitCode: 3 });
    } finally {
      await Deno.remove(outDir, { recursive: true });
    }
  },
});
