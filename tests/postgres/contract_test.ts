import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { testContract } from "../checkpoint/contract.ts";
import { testReplacements } from "../checkpoint/replacements_contract.ts";
import { testSharedContract } from "../checkpoint/shared_contract.ts";
import { testSharedReplacements } from "../checkpoint/shared_replacements_contract.ts";
import type { StoreKind } from "../checkpoint/store_lake.ts";
import { onPostgres } from "./cluster.ts";

onPostgres((cluster) => {
  const kind: StoreKind = {
    name: "PostgreSQL",
    newLake: () => {
      const location = { checkpointDir: "", url: cluster().url() };
      return Promise.resolve({
        open: (options = {}) => openStore(location, { ttlMs: 0, duplicateTtlMs: 0, ...options }),
        reader: () => openReader(location),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
  testContract(kind);
  testReplacements(kind);
  testSharedContract(kind);
  testSharedReplacements(kind);
});
