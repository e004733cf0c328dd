import assert from "node:assert/strict";
import { openReader, openStore } from "../../src/checkpoint/open_store.ts";
import { testContract } from "../checkpoint/contract.ts";
import { Line } from "../../src/checkpoint/postgres/connection.ts";
import { parseStoreUrl } from "../../src/core/store_url.ts";
import {
  commitFiles,
  mergedCommit,
  SMALL_BELOW,
  testReplacements,
} from "../checkpoint/replacements_contract.ts";
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
  Deno.test("PostgreSQL: a schema that was made before files could be merged is read as it is, and gets what it lacks", async () => {
    const location = { checkpointDir: "", url: cluster().url() };
    const open = () => openStore(location, { ttlMs: 0, duplicateTtlMs: 0 });
    {
      await using store = await open();
      await commitFiles(store);
      await store.leave();
    }
    await using line = new Line({ url: parseStoreUrl(location.url), caCertificates: null });
    await line.run((run) => run((sql) => sql`DROP TABLE replaced_files`));
    await using reader = await openReader(location);
    assert.equal((await reader.content()).files.length, 3);
    assert.equal(await reader.isReplaced("date=2024-10-04/x"), false);
    assert.deepEqual(await reader.unremovedReplaced(), []);
    const [small] = await reader.smallFiles({ belowBytes: SMALL_BELOW, minFiles: 2 });
    await using store = await open();
    const commit = await mergedCommit(store);
    assert.equal(await store.replacements.replace(commit, small?.files ?? []), true);
    assert.equal((await reader.unremovedReplaced()).length, 2);
  });

  testContract(kind);
  testReplacements(kind);
  testSharedContract(kind);
  testSharedReplacements(kind);
});
