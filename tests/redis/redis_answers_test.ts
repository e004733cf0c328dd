import assert from "node:assert/strict";
import type { CommitStore } from "../../src/checkpoint/commit_store.ts";
import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { canPassLater } from "../../src/runtime/retry.ts";
import { manifestFile, rangeOf } from "../checkpoint/commits.ts";
import { AT, nextCommit } from "../checkpoint/store_lake.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { AnswerCutter, type Cut } from "./answer_cutter.ts";

const options = { ttlMs: 0, duplicateTtlMs: 0 };

/** A store behind a proxy that cuts requests with the file name `lost`, which a commit holds. */
async function withCutter(
  action: (given: {
    readonly store: CommitStore;
    readonly cutter: AnswerCutter;
    readonly published: () => Promise<number>;
  }) => Promise<void>,
): Promise<void> {
  await using server = await startRedis();
  const serverPort = Number(new URL(server.url).port);
  await using cutter = new AnswerCutter({ serverPort, marker: "lost" });
  const url = `redis://127.0.0.1:${cutter.port}`;
  await using store = await openStore({ checkpointDir: "/", url }, options);
  await store.claim([AT], null);
  await action({
    store,
    cutter,
    published: async () => {
      await using reader = await openReader({ checkpointDir: "/", url: server.url });
      return (await reader.content()).committed.partitions[0]?.publishedCount ?? 0;
    },
  });
}

async function lostCommit(store: CommitStore) {
  const parts = { ranges: [rangeOf(0n, 5n)], freshIds: ["a"], files: [manifestFile("lost")] };
  return await nextCommit(store, parts);
}

function redisTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: redisLeftOut() !== null });
}

const CUTS: readonly (readonly [Cut, boolean])[] = [
  ["before_request", false],
  ["before_answer", true],
];

for (const [cut, isMade] of CUTS) {
  redisTest(
    `a commit whose connection is cut ${cut} is made once when tried again`,
    () =>
      withCutter(async ({ store, cutter, published }) => {
        // The first commit loads the script, so that the next one is a single request.
        await store.commit(await nextCommit(store));
        const commit = await lostCommit(store);
        cutter.cut = cut;
        await assert.rejects(store.commit(commit), (error) => canPassLater(error));
        assert.equal(cutter.cut, null, "it was cut");
        assert.equal(await published(), isMade ? 5 : 0);
        assert.equal(await store.commit(commit), "committed");
        assert.equal(await published(), 5);
        const next = await nextCommit(store, { ranges: [rangeOf(5n, 6n)], freshIds: ["b"] });
        assert.equal(await store.commit(next), "committed");
        assert.equal(store.seenIdCount, 2);
      }),
  );

  redisTest(
    `a commit whose connection is cut ${cut} is known to be made or not once it is withdrawn`,
    () =>
      withCutter(async ({ store, cutter, published }) => {
        await store.commit(await nextCommit(store));
        const commit = await lostCommit(store);
        cutter.cut = cut;
        await assert.rejects(store.commit(commit), (error) => canPassLater(error));
        assert.equal(await store.withdraw(commit.sequence), isMade);
        assert.equal(await published(), isMade ? 5 : 0);
        if (!isMade) await assert.rejects(store.commit(commit), /given up/);
        const ranges = [rangeOf(isMade ? 5n : 0n, 6n)];
        assert.equal(await store.commit(await nextCommit(store, { ranges })), "committed");
      }),
  );
}

redisTest(
  "a commit that reaches Redis after it was withdrawn is refused there",
  () =>
    withCutter(async ({ store, cutter, published }) => {
      await store.commit(await nextCommit(store));
      const commit = await lostCommit(store);
      cutter.cut = "request_late";
      await assert.rejects(store.commit(commit), (error) => canPassLater(error));
      assert.equal(await store.withdraw(commit.sequence), false);
      await cutter.letThrough();
      assert.equal(await published(), 0);
    }),
);

redisTest(
  "a commit that reaches Redis after its partition was claimed anew is refused there",
  () =>
    withCutter(async ({ store, cutter, published }) => {
      await store.commit(await nextCommit(store));
      cutter.cut = "request_late";
      await assert.rejects(store.commit(await lostCommit(store)), (error) => canPassLater(error));
      await store.claim([AT], null);
      await cutter.letThrough();
      assert.equal(await published(), 0);
    }),
);
