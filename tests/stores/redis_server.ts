import { takePortBlock } from "../kafka/ports.ts";
import { untilDone } from "../kafka/topics.ts";
import { whyNo } from "../programs.ts";
import type { StoreServer } from "./store_server.ts";

/** Why no Redis can be started here; null where it can. */
export function redisLeftOut(): string | null {
  return whyNo("redis-server");
}

/**
 * Starts a fresh Redis that has each write on the disk before it answers (appendfsync always).
 *
 * @param settings more of redis.conf, by name
 * @throws Error where it does not start
 */
export async function startRedis(
  settings: Readonly<Record<string, string>> = {},
): Promise<StoreServer> {
  const ports = takePortBlock();
  const dataDir = await Deno.makeTempDir({ prefix: "orilla-redis-" });
  const server = new RedisServer({ dataDir, ports, settings });
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

class RedisServer implements StoreServer {
  readonly url: string;
  readonly dataDir: string;
  readonly #port: number;
  readonly #ports: Disposable;
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | null = null;

  constructor({ dataDir, ports, settings }: {
    readonly dataDir: string;
    readonly ports: { readonly first: number } & Disposable;
    readonly settings: Readonly<Record<string, string>>;
  }) {
    this.dataDir = dataDir;
    this.#ports = ports;
    this.#port = ports.first;
    this.url = `redis://127.0.0.1:${this.#port}`;
    const all = {
      ...{ port: String(this.#port), bind: "127.0.0.1", dir: dataDir, logfile: "server.log" },
      ...{ appendonly: "yes", appendfsync: "always", save: "" },
      ...settings,
    };
    this.#args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  }

  get pid(): number {
    if (this.#child === null) throw new Error("Redis does not run");
    return this.#child.pid;
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.status;
    this.#child = null;
  }

  async restart(): Promise<void> {
    this.#child = new Deno.Command("redis-server", {
      args: [...this.#args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await untilDone("reach Redis", async () => {
      const answer = await askRedis(this.#port, "PING");
      if (answer !== "+PONG") throw new Error(`Redis says ${answer}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.dataDir, { recursive: true });
    this.#ports[Symbol.dispose]();
  }
}

/** The first line that Redis answers to a command without arguments. */
async function askRedis(port: number, command: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(`${command}\r\n`));
  const bytes = new Uint8Array(1_024);
  const length = await connection.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, length)).split("\r\n")[0] ?? "";
}
