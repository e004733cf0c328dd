import { binariesOf } from "../postgres/cluster.ts";
import { startPostgres } from "./postgres_server.ts";
import { redisLeftOut, startRedis } from "./redis_server.ts";
import type { StoreServer } from "./store_server.ts";

const SERVERS = [
  { kind: "PostgreSQL", start: startPostgres, isMissing: binariesOf() === null },
  { kind: "Redis", start: () => startRedis(), isMissing: redisLeftOut() !== null },
] as const;

/** What a test on a server has. */
export interface OnServer {
  readonly server: StoreServer;
  /** An empty folder. */
  readonly folder: string;
  readonly t: Deno.TestContext;
}

/**
 * Registers a test for each kind of server, with one of its own and an empty folder.
 *
 * @param what is said of the kind: "waits for …"
 */
export function onEachServer(
  what: string,
  test: (on: OnServer) => Promise<void>,
): void {
  for (const { kind, start, isMissing } of SERVERS) {
    Deno.test({
      name: `${kind}: ${what}`,
      ignore: isMissing,
      fn: async (t) => {
        await using server = await start();
        const folder = await Deno.makeTempDir({ prefix: "orilla_stores_" });
        try {
          await test({ server, folder, t });
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}
