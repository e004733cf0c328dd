import { takePortBlock } from "../kafka/ports.ts";
import { untilDone } from "../kafka/topics.ts";
import { whyNo } from "../programs.ts";
import { cpuSecondsOf } from "../processes.ts";
import type { StoreLoad, StoreServer } from "./store_server.ts";

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

  async load(): Promise<StoreLoad> {
    const info = await askRedis(this.#port, "INFO everything");
    const figure = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
    return {
      cpuSeconds: cpuSecondsOf(this.pid),
      operationCount: figure("total_commands_processed"),
      loggedBytes: figure("aof_current_size"),
      heldBytes: figure("used_memory"),
    };
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
      if (!answer.startsWith("+PONG")) throw new Error(`Redis says ${answer}`);
    });
  }

  async empty(): Promise<void> {
    await askRedis(this.#port, "FLUSHALL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.dataDir, { recursive: true });
    this.#ports[Symbol.dispose]();
  }
}

/** What Redis answers to a command in words, and to QUIT after it. */
async function askRedis(port: number, command: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(`${command}\r\nQUIT\r\n`));
  return await new Response(connection.readable).text();
}
