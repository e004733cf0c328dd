import assert from "node:assert/strict";
import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import type { CommitStore } from "../../src/checkpoint/commit_store.ts";
import { Line } from "../../src/checkpoint/postgres/connection.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { canPassLater } from "../../src/runtime/retry.ts";
import { rangeOf } from "../checkpoint/commits.ts";
import { AT, nextCommit, seenOf } from "../checkpoint/store_lake.ts";
import { cutProxy } from "./cut_proxy.ts";
import { onPostgres, PASSWORD, startPostgres } from "./cluster.ts";

const OPTIONS = { ttlMs: 0, duplicateTtlMs: 0 };

/** Tries until it works, as the pipeline does. */
async function untilDone<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await action();
    } catch (error) {
      assert.ok(canPassLater(error), String(error));
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function commitWithRetries(store: CommitStore, first: bigint): Promise<string> {
  const published = Number(first) + 5;
  const counters = { ...zeroCounters(), received: published, published };
  const freshIds = Array.from({ length: 5 }, (_, i) => `e${Number(first) + i}`);
  const ranges = [rangeOf(first, first + 5n)];
  const commit = await untilDone(() => nextCommit(store, { ranges, freshIds, counters }));
  return await untilDone(() => store.commit(commit));
}

onPostgres((cluster) => {
  Deno.test("PostgreSQL: a connection that is cut at any byte of a commit leaves it made once", async () => {
    const url = cluster().url();
    await using proxy = cutProxy(cluster().port);
    await using store = await openStore(
      { checkpointDir: "", url: url.replace(`:${cluster().port}/`, `:${proxy.port}/`) },
      OPTIONS,
    );
    await store.claim([AT], null);
    let first = 0n;
    const outcomes = new Set<string>();
    for (const side of ["client", "server"] as const) {
      for (let bytes = 1; bytes < 3_000; bytes += 53) {
        proxy.cutAfter(side, bytes);
        outcomes.add(await commitWithRetries(store, first));
        first += 5n;
      }
    }
    proxy.cutAfter("client", Infinity);
    assert.deepEqual([...outcomes], ["committed"]);
    assert.ok(proxy.cutCount > 40, `${proxy.cutCount} connections were cut`);
    await using reader = await openReader({ checkpointDir: "", url });
    const { committed, seenIdCount, seenIdCounter, ranges } = await reader.content();
    assert.equal(committed.counters.published, Number(first));
    assert.deepEqual([seenIdCount, seenIdCounter], [Number(first), Number(first)]);
    assert.equal(ranges.length, Number(first) / 5);
    assert.equal(committed.partitions[0]?.publishedCount, Number(first));
    assert.equal(store.seenIdCount, Number(first));
  });

  Deno.test("PostgreSQL: a wrong password, and a database that is not there, are exit 2 and show no secret", async () => {
    const url = cluster().url();
    const wrong = url.replace(encodeURIComponent(PASSWORD), "hunter2");
    const missing = url.replace("/postgres?", "/nowhere?");
    for (const given of [wrong, missing]) {
      const opening = openStore({ checkpointDir: "", url: given }, OPTIONS);
      const error = await opening.then(() => assert.fail("it was opened"), (error) => error);
      assert.equal(error.exitCode, 2, String(error));
      assert.match(error.message, /CHECKPOINT_URL/);
      assert.doesNotMatch(error.message, /hunter2|horse|orilla:/);
    }
  });

  Deno.test("PostgreSQL: a user who may not make the schema is exit 2, and says which", async () => {
    const url = cluster().url("not_owned");
    await using line = new Line({ url: parseStoreUrl(url), caCertificates: null });
    const create = "CREATE ROLE looker LOGIN PASSWORD 'looks'";
    await line.run((run) => run((sql) => sql.unsafe(create)));
    const ofLooker = new URL(url);
    ofLooker.username = "looker";
    ofLooker.password = "looks";
    await assert.rejects(openStore({ checkpointDir: "", url: ofLooker.href }, OPTIONS), {
      exitCode: 2,
      message: /permission denied.*own schema not_owned/,
    });
  });
});

Deno.test({
  name: "PostgreSQL: what was committed is there after the server crashed, and the store goes on",
  ignore: (await import("./cluster.ts")).binariesOf() === null,
  fn: async () => {
    await using cluster = await startPostgres();
    const location = { checkpointDir: "", url: cluster.url() };
    await using store = await openStore(location, OPTIONS);
    await store.claim([AT], null);
    assert.equal(await commitWithRetries(store, 0n), "committed");
    await cluster.crash();
    await assert.rejects(store.seenAmong(new Uint32Array(4), 0), canPassLater);
    const committing = commitWithRetries(store, 5n);
    await cluster.start();
    assert.equal(await committing, "committed");
    assert.deepEqual(await seenOf(store, ["e0", "e9", "e10"]), ["e0", "e9"]);
  },
});
