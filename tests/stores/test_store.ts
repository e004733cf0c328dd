import { startPostgres } from "./postgres_server.ts";
import { startRedis } from "./redis_server.ts";
import type { StoreServer } from "./store_server.ts";

/** Where the consumers of a soak or a benchmark keep what they committed. */
export interface TestStore extends AsyncDisposable {
  /** Whether several consumers can have one lake through it. */
  readonly isShared: boolean;
  /** The server that was started for it; null where there is none, or it is somebody else's. */
  readonly server: StoreServer | null;
  /** What the environment of a lake's consumers has of it. */
  envOf(lake: string): Readonly<Record<string, string>>;
}

/**
 * Opens a store by its kind: `sqlite`, in OUT_DIR; `postgres` or `redis`, started for it; or one that runs
 * already, by the URL that CHECKPOINT_URL is to be, in which each lake has its own name.
 *
 * @throws Error where none can be started
 */
export async function openTestStore(kind: string): Promise<TestStore> {
  switch (kind) {
    case "sqlite":
      return {
        isShared: false,
        server: null,
        envOf: () => ({}),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    case "postgres":
      return startedStore(await startPostgres());
    case "redis":
      return startedStore(await startRedis());
    default:
      return {
        isShared: true,
        server: null,
        envOf: (lake) => environmentOf(kind, lake),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
  }
}

function startedStore(server: StoreServer): TestStore {
  return {
    isShared: true,
    server,
    envOf: (lake) => environmentOf(server.url, lake),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function environmentOf(url: string, lake: string): Readonly<Record<string, string>> {
  const ofLake = new URL(url);
  ofLake.searchParams.set("lake", lake.replaceAll("-", "_"));
  return { CHECKPOINT_URL: ofLake.href };
}
