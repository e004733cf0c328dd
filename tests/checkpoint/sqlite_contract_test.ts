import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { testContract } from "./contract.ts";
import { testReplacements } from "./replacements_contract.ts";
import type { StoreKind } from "./store_lake.ts";

const SQLITE: StoreKind = {
  name: "SQLite",
  newLake: async () => {
    const folder = await temporaryFolder();
    const location = { checkpointDir: folder.path, url: null };
    return {
      open: (options = {}) => openStore(location, { ttlMs: 0, duplicateTtlMs: 0, ...options }),
      reader: () => openReader(location),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
};

testContract(SQLITE);
testReplacements(SQLITE);
