import { uniqueName } from "../kafka/broker.ts";
import { startPostgres } from "../stores/postgres_server.ts";
import { startRedis } from "../stores/redis_server.ts";

/** Where the consumers of a soak keep what they committed. */
export interface SoakStore extends AsyncDisposable {
  /** What the consumers' environment has of it. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether several consumers can have one lake through it. */
  readonly isShared: boolean;
}

/**
 * The store of a soak: `sqlite`, in OUT_DIR; `postgres` or `redis`, started for it; or one that runs already,
 * by the URL that CHECKPOINT_URL is to be, in which the soak gets a lake of its own.
 *
 * @throws Error where it is none of these
 */
export async function soakStore(kind: string): Promise<SoakStore> {
  switch (kind) {
    case "sqlite":
      return { env: {}, isShared: false, [Symbol.asyncDispose]: () => Promise.resolve() };
    case "postgres":
      return sharedStore(await startPostgres());
    case "redis":
      return sharedStore(await startRedis());
    default:
      return sharedStore({ url: kind, [Symbol.asyncDispose]: () => Promise.resolve() });
  }
}

function sharedStore(server: { readonly url: string } & AsyncDisposable): SoakStore {
  const url = new URL(server.url);
  url.searchParams.set("lake", uniqueName("soak").replaceAll("-", "_"));
  return {
    env: { CHECKPOINT_URL: url.href },
    isShared: true,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
