/**
 * What commits of 50,000 fresh ids cost in a Redis: `deno task bench:redis --ids 5000000 --fsync always`. It starts
 * its own redis-server. Milliseconds a commit are those of the client, server and disk included.
 */
import { parseArgs } from "node:util";
import { openStore } from "../../src/checkpoint/open_store.ts";
import { redisAddress } from "../../src/checkpoint/redis/address.ts";
import { RedisConnection } from "../../src/checkpoint/redis/connection.ts";
import { infoOf } from "../../src/checkpoint/redis/server_info.ts";
import { distinctHashes } from "../../src/core/hash_order.ts";
import { hashTexts } from "../../src/core/id_hash.ts";
import { idFilterOfAll } from "../../src/core/id_filter.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { commitOf, manifestFile, rangeOf } from "../checkpoint/commits.ts";
import { startRedis } from "../stores/redis_server.ts";

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const BATCH_IDS = 50_000;
const STEP_IDS = 1_000_000;
const TTL_MS = 7 * 86_400_000;

const { values } = parseArgs({
  options: {
    ids: { type: "string", default: "3000000" },
    fsync: { type: "string", default: "always" },
    filters: { type: "boolean", default: false },
  },
});

await using server = await startRedis({ appendfsync: values.fsync });
await using store = await openStore({ checkpointDir: "/", url: server.url }, {
  ttlMs: TTL_MS,
  duplicateTtlMs: TTL_MS,
});
await using connection = new RedisConnection(redisAddress(parseStoreUrl(server.url), null));
const cpuMs = async () => {
  const info = await infoOf(connection, "cpu");
  const of = (name: string) => Number(info.get(name)) * 1_000;
  return of("used_cpu_user_main_thread") + of("used_cpu_sys_main_thread");
};
const usedBytes = async () => Number((await infoOf(connection, "memory")).get("used_memory"));

await store.claim([rangeOf(0n, 1n)], null);
const total = Number(values.ids);
const ids = new TextColumn();
const path = "date=2026-11-24/events_1795000000000_3f9c1a0b77d2_00000001.parquet";
let before = await usedBytes(), cpuBefore = await cpuMs(), askMs = 0, commitMs = 0, slowestMs = 0;
for (let done = 0; done < total; done += BATCH_IDS) {
  ids.clear();
  for (let i = 0; i < BATCH_IDS; i++) ids.push(crypto.randomUUID());
  const { hashes } = distinctHashes(hashTexts(ids, store.idKey));
  const committedAtMs = Date.now();
  const filters = values.filters ? [{ finalPath: path, filter: idFilterOfAll(ids) }] : [];
  const commit = commitOf(await store.reserve(), {
    committedAtMs,
    freshHashes: hashes,
    files: [manifestFile(path)],
    ranges: [rangeOf(BigInt(done), BigInt(done + BATCH_IDS))],
    traces: { filters, duplicates: null },
  });
  const askedMs = performance.now();
  await store.seenAmong(hashes, committedAtMs);
  const beganMs = performance.now();
  const outcome = await store.commit(commit);
  const endedMs = performance.now();
  if (outcome !== "committed") throw new Error(`The commit was ${outcome}`);
  askMs += beganMs - askedMs;
  commitMs += endedMs - beganMs;
  slowestMs = Math.max(slowestMs, endedMs - beganMs);
  if ((done + BATCH_IDS) % STEP_IDS !== 0) continue;
  const after = await usedBytes();
  const cpu = await cpuMs();
  const commits = STEP_IDS / BATCH_IDS;
  print(
    `${(done + BATCH_IDS) / 1e6} million ids: ask ${(askMs / commits).toFixed(0)} ms, commit ` +
      `${(commitMs / commits).toFixed(0)} ms (slowest ${
        slowestMs.toFixed(0)
      }) for ${BATCH_IDS} ids, server ` +
      `CPU ${((cpu - cpuBefore) / commits).toFixed(0)} ms a commit, ` +
      `${((after - before) / STEP_IDS).toFixed(1)} bytes an id`,
  );
  [before, cpuBefore, askMs, commitMs, slowestMs] = [after, cpu, 0, 0, 0];
}
await store.leave();
