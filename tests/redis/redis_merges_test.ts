import { testSharedMerges } from "../crash/shared_merges.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

let server: StoreServer | null = null, lakeCount = 0;

if (redisLeftOut() === null) {
  Deno.test.beforeAll(async () => {
    server = await startRedis({ appendonly: "no" });
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  testSharedMerges({
    name: "Redis",
    newUrl: () => {
      if (server === null) throw new Error("the server was not started");
      return `${server.url}?lake=merges_${++lakeCount}`;
    },
  });
}
