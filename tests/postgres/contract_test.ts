import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { testContract } from "../checkpoint/contract.ts";
import { testSharedContract } from "../checkpoint/shared_contract.ts";
import type { StoreKind } from "../checkpoint/store_lake.ts";
import { type PostgresCluster, startPostgres } from "./cluster.ts";

let cluster: PostgresCluster | null = null;

Deno.test.beforeAll(async () => {
  cluster = await startPostgres();
});
Deno.test.afterAll(async () => await cluster?.[Symbol.asyncDispose]());

const POSTGRES: StoreKind = {
  name: "PostgreSQL",
  newLake: () => {
    if (cluster === null) throw new Error("the server was not started");
    const location = { checkpointDir: "", url: cluster.url() };
    return Promise.resolve({
      open: (options = {}) => openStore(location, { ttlMs: 0, duplicateTtlMs: 0, ...options }),
      reader: () => openReader(location),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

testContract(POSTGRES);
testSharedContract(POSTGRES);
