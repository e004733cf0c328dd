import assert from "node:assert/strict";
import { RedisConnection } from "../../src/checkpoint/redis/connection.ts";
import { redisAddress } from "../../src/checkpoint/redis/address.ts";
import type { CommitStore } from "../../src/checkpoint/commit_store.ts";
import { beginStoreRebuild, openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import { canPassLater } from "../../src/runtime/retry.ts";
import { rangeOf } from "../checkpoint/commits.ts";
import { AT, claimAndCommit, nextCommit, seenOf } from "../checkpoint/store_lake.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

const options = { ttlMs: 0, duplicateTtlMs: 0 };

function open(url: string): Promise<CommitStore> {
  return openStore({ checkpointDir: "/", url }, options);
}

/** Sends a command to the server, as its operator. */
async function tell(url: string, ...command: readonly string[]): Promise<void> {
  await using connection = new RedisConnection(redisAddress(parseStoreUrl(url), null));
  await connection.send(command);
}

function redisTest(
  name: string,
  { settings = {}, action }: {
    readonly settings?: Readonly<Record<string, string>>;
    readonly action: (server: StoreServer) => Promise<void>;
  },
): void {
  Deno.test({
    name,
    ignore: redisLeftOut() !== null,
    fn: async () => {
      await using server = await startRedis(settings);
      await action(server);
    },
  });
}

/** A store with one commit, and the next one. */
async function storeAndNext(url: string) {
  const store = await open(url);
  await claimAndCommit(store, await nextCommit(store, { ranges: [rangeOf(0n, 5n)] }));
  const next = await nextCommit(store, { ranges: [rangeOf(5n, 8n)], freshIds: ["a", "b"] });
  return { store, next };
}

/** What is told to the server so that it refuses to write, and so that it takes writes again. */
const REFUSALS = {
  "has no memory left": [["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]],
  "is a replica": [["REPLICAOF", "127.0.0.1", "1"], ["REPLICAOF", "NO", "ONE"]],
  "has too few replicas": [
    ["CONFIG", "SET", "min-replicas-to-write", "1"],
    ["CONFIG", "SET", "min-replicas-to-write", "0"],
  ],
} as const;

for (const [what, [refuse, accept]] of Object.entries(REFUSALS)) {
  redisTest(`a Redis that ${what} refuses a commit as a whole, and takes it later`, {
    action: async ({ url }) => {
      const { store, next } = await storeAndNext(url);
      await using _store = store;
      await tell(url, ...refuse);
      await assert.rejects(store.commit(next), (error) => canPassLater(error));
      await tell(url, ...accept);
      assert.deepEqual(await seenOf(store, ["a"]), []);
      assert.equal((await store.read()).partitions[0]?.nextOffset, 5n);
      assert.equal(await store.commit(next), "committed");
      assert.deepEqual(await seenOf(store, ["a"]), ["a"]);
    },
  });
}

redisTest("a Redis that was killed has all commits when it is back, and takes the next one", {
  action: async (server) => {
    const { store, next } = await storeAndNext(server.url);
    await using _store = store;
    await server.kill();
    await assert.rejects(store.commit(next), (error) => canPassLater(error));
    await server.restart();
    assert.equal(await store.commit(next), "committed");
    await server.kill();
    await server.restart();
    assert.equal((await store.read()).partitions[0]?.nextOffset, 8n);
    assert.deepEqual(await seenOf(store, ["a", "b", "c"]), ["a", "b"]);
  },
});

redisTest("scripts that the server has forgotten are sent again", {
  action: async ({ url }) => {
    const { store, next } = await storeAndNext(url);
    await using _store = store;
    await tell(url, "SCRIPT", "FLUSH");
    assert.equal(await store.commit(next), "committed");
  },
});

redisTest("a Redis that lost its data is damage to whoever committed to it", {
  settings: { appendonly: "no" },
  action: async (server) => {
    const { store, next } = await storeAndNext(server.url);
    await using _store = store;
    await server.kill();
    await server.restart();
    await assert.rejects(store.commit(next), { exitCode: 3, message: /does not know commits/ });
    await assert.rejects(store.reserve(), { exitCode: 3 });
    await assert.rejects(store.claim([AT], null), { exitCode: 3 });
    await assert.rejects(store.withdraw(next.sequence).then(() => store.reserve()), {
      exitCode: 3,
    });
  },
});

redisTest("a Redis that lost the last commits is damage to whoever made them", {
  settings: { appendonly: "no", save: "3600 1" },
  action: async (server) => {
    const { store, next } = await storeAndNext(server.url);
    await using _store = store;
    await tell(server.url, "SAVE");
    assert.equal(await store.commit(next), "committed");
    const another = await nextCommit(store, { ranges: [rangeOf(8n, 9n)] });
    await server.kill();
    await server.restart();
    await assert.rejects(store.commit(another), { exitCode: 3 });
    assert.equal((await store.read()).partitions[0]?.nextOffset, 5n);
  },
});

redisTest("keys that are there in part are damage", {
  action: async ({ url }) => {
    const { store } = await storeAndNext(url);
    await store[Symbol.asyncDispose]();
    await tell(url, "DEL", "orilla:{orilla}:lake");
    await assert.rejects(open(url), { exitCode: 3 });
  },
});

redisTest("keys of another version are not touched", {
  action: async ({ url }) => {
    const { store } = await storeAndNext(url);
    await store[Symbol.asyncDispose]();
    await tell(url, "HSET", "orilla:{orilla}:lake", "schema_version", "2");
    await assert.rejects(open(url), { exitCode: 3, message: /version 2/ });
    await using reader = await openReader({ checkpointDir: "/", url });
    await assert.rejects(reader.content(), { exitCode: 3, message: /version 2/ });
  },
});

redisTest("a user that Redis does not take is wrong usage, and the password is not repeated", {
  action: async ({ url }) => {
    await tell(url, "CONFIG", "SET", "requirepass", "right");
    const at = url.replace("redis://", "");
    for (const user of ["", "default:wrong-secret@"]) {
      const refused = (error: unknown) =>
        error instanceof OrillaError && error.exitCode === 2 && !/secret/.test(error.message);
      await assert.rejects(open(`redis://${user}${at}`), refused);
    }
    await using store = await open(`redis://:right@${at}`);
    assert.equal(await store.lastCommitMs(), null);
  },
});

redisTest("the ACL rule of the README is all that a user needs, and without it is wrong usage", {
  action: async (server) => {
    const { url } = server;
    const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
    const [, rule = ""] = /ACL SETUSER orilla ([^\n`]+)/.exec(readme) ?? [];
    const acl = rule.replace(">PASSWORD", ">secret").replaceAll("LAKE", "orilla").split(" ");
    assert.ok(acl.length > 3, "the README has the rule");
    await tell(url, "ACL", "SETUSER", "orilla", ...acl);
    await tell(url, "ACL", "SETUSER", "poor", "on", ">secret", "~*", "+info");
    const at = url.replace("redis://", "");
    const { store, next } = await storeAndNext(`redis://orilla:secret@${at}`);
    await using _store = store;
    assert.equal(await store.commit(next), "committed");
    await using reader = await openReader({
      checkpointDir: "/",
      url: `redis://orilla:secret@${at}`,
    });
    assert.equal((await reader.content()).seenIdCount, 2);
    await reader.trace("a");
    for (const { make } of reader.serverChecks()) assert.notEqual((await make()).state, "failure");
    await store.tidy({ nowMs: 0, expireLimit: 1, addedCount: 0 });
    await store.leave();
    await assert.rejects(open(`redis://poor:secret@${at}`), { exitCode: 2, message: /ACL/ });
    await tell(url, "FLUSHALL");
    const rebuildOptions = { ttlMs: 0, duplicateTtlMs: 0, nowMs: 0, silentMs: 0 };
    // The second one removes what the first one left.
    for (const isWhole of [false, true]) {
      const access = { url: `redis://orilla:secret@${at}` };
      await using rebuild = await beginStoreRebuild(access, rebuildOptions);
      const { instanceId } = store, { sequence: lastSequence } = next;
      await rebuild.adopt({ instanceId, commit: next, replaced: [] });
      if (!isWhole) continue;
      const settings = new Map([["name", "value"]]);
      await rebuild.end({ commitCount: 1, lastSequence, instanceIds: [instanceId], settings });
    }
    assert.equal((await reader.content()).seenIdCount, 2);
  },
});

redisTest("a Redis that may drop keys when it is full is refused", {
  settings: { maxmemory: "100mb", "maxmemory-policy": "volatile-lru" },
  action: async ({ url }) => {
    await assert.rejects(open(url), { exitCode: 2, message: /maxmemory-policy noeviction/ });
  },
});

redisTest("a Redis that hangs gives an error that can pass, and takes the commit when it goes on", {
  action: async (server) => {
    const { store, next } = await storeAndNext(server.url);
    await using _store = store;
    Deno.kill(server.pid, "SIGSTOP");
    const address = redisAddress(parseStoreUrl(server.url), null);
    await using impatient = new RedisConnection(address, { answerTimeoutMs: 200 });
    await assert.rejects(impatient.send(["PING"]), (error) => canPassLater(error));
    const committed = store.commit(next);
    Deno.kill(server.pid, "SIGCONT");
    assert.equal(await committed, "committed");
    assert.equal(await impatient.send(["PING"]), "PONG");
  },
});

redisTest("a Redis that is not there ends a look with exit code 1", {
  action: async (server) => {
    await server.kill();
    await using reader = await openReader({ checkpointDir: "/", url: server.url });
    await assert.rejects(reader.status(1), { exitCode: 1, message: /cannot be reached/ });
    assert.equal((await reader.soundness()).kind, "out_of_reach");
    await server.restart();
    assert.equal(await reader.exists(), false);
  },
});

const DURABILITY = [
  [{}, "ok"],
  [{ appendfsync: "everysec" }, "warning"],
  [{ appendonly: "no" }, "warning"],
] as const;

for (const [settings, state] of DURABILITY) {
  redisTest(`doctor: durability with ${JSON.stringify(settings)} is ${state}`, {
    settings,
    action: async ({ url }) => {
      await using reader = await openReader({ checkpointDir: "/", url });
      const check = reader.serverChecks().find(({ name }) => name === "checkpoint durability");
      assert.equal((await check?.make())?.state, state);
    },
  });
}
