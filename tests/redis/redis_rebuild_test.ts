import { testSharedRebuild } from "../crash/shared_rebuild_contract.ts";
import { testSharedRebuildMatrix } from "../crash/shared_rebuild_matrix.ts";
import { testSharedRebuildRefusals } from "../crash/shared_rebuild_refusals.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

let server: StoreServer | null = null, lakeCount = 0;

if (redisLeftOut() === null) {
  Deno.test.beforeAll(async () => {
    // What a server keeps over a crash of its own is not what is tested here.
    server = await startRedis({ appendonly: "no" });
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  const kind = {
    name: "Redis",
    newUrl: () => {
      if (server === null) throw new Error("the server was not started");
      return `${server.url}?lake=rebuild_${++lakeCount}`;
    },
  };
  testSharedRebuild(kind);
  testSharedRebuildMatrix(kind);
  testSharedRebuildRefusals(kind);
}
