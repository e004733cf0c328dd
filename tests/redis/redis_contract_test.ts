import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { testContract } from "../checkpoint/contract.ts";
import { testReplacements } from "../checkpoint/replacements_contract.ts";
import { testSharedContract } from "../checkpoint/shared_contract.ts";
import { testSharedReplacements } from "../checkpoint/shared_replacements_contract.ts";
import type { StoreKind } from "../checkpoint/store_lake.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

let server: StoreServer | null = null, lakeCount = 0;

const REDIS: StoreKind = {
  name: "Redis",
  newLake: () => {
    if (server === null) throw new Error("the server was not started");
    const location = { checkpointDir: "/", url: `${server.url}?lake=contract_${++lakeCount}` };
    return Promise.resolve({
      open: (options = {}) => openStore(location, { ttlMs: 0, duplicateTtlMs: 0, ...options }),
      reader: () => openReader(location),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

if (redisLeftOut() === null) {
  Deno.test.beforeAll(async () => {
    server = await startRedis();
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  testContract(REDIS);
  testReplacements(REDIS);
  testSharedContract(REDIS);
  testSharedReplacements(REDIS);
}
