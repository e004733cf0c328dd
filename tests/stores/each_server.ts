import { binariesOf } from "../postgres/cluster.ts";
import { startPostgres } from "./postgres_server.ts";
import { redisLeftOut, startRedis } from "./redis_server.ts";
import type { StoreServer } from "./store_server.ts";

const SERVERS = [
  { kind: "PostgreSQL", start: startPostgres, isMissing: binariesOf() === null },
  { kind: "Redis", start: () => startRedis(), isMissing: redisLeftOut() !== null },
] as const;

/**
 * Registers a test for each kind of server, with one of its own and an empty folder.
 *
 * @param what is said of the kind: "waits for …"
 */
export function onEachServer(
  what: string,
  test: (server: StoreServer, folder: string) => Promise<void>,
): void {
  for (const { kind, start, isMissing } of SERVERS) {
    Deno.test({
      name: `${kind}: ${what}`,
      ignore: isMissing,
      fn: async () => {
        await using server = await start();
        const folder = await Deno.makeTempDir({ prefix: "orilla_stores_" });
        try {
          await test(server, folder);
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}
