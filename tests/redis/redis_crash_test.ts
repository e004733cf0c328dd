import { testSharedCompactionMatrix } from "../crash/shared_compaction_matrix.ts";
import { type ServerKind, testSharedCrashMatrix } from "../crash/shared_crash_matrix.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import type { StoreServer } from "../stores/store_server.ts";

let server: StoreServer | null = null, lakeCount = 0;

if (redisLeftOut() === null) {
  Deno.test.beforeAll(async () => {
    // What a server keeps over a crash of its own is not what is tested here.
    server = await startRedis({ appendonly: "no" });
  });
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  const kind: ServerKind = {
    name: "Redis",
    newUrl: () => {
      if (server === null) throw new Error("the server was not started");
      return `${server.url}?lake=crash_${++lakeCount}`;
    },
  };
  testSharedCrashMatrix(kind);
  testSharedCompactionMatrix(kind);
}
