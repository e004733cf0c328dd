import { type PostgresCluster, startPostgres as startCluster } from "../postgres/cluster.ts";
import { cpuSecondsOf } from "../processes.ts";
import { runToEnd, type StoreLoad, type StoreServer } from "./store_server.ts";

/**
 * Starts a fresh PostgreSQL that makes commits durable as it does by default, on a disk.
 *
 * @throws Error where it does not start
 */
export async function startPostgres(): Promise<StoreServer> {
  return new PostgresServer(await startCluster({ isOnDisk: true }));
}

class PostgresServer implements StoreServer {
  readonly #cluster: PostgresCluster;

  constructor(cluster: PostgresCluster) {
    this.#cluster = cluster;
  }

  get url(): string {
    return this.#cluster.url("orilla");
  }

  get dataDir(): string {
    return this.#cluster.dataDir;
  }

  get pid(): number {
    return Number(Deno.readTextFileSync(`${this.dataDir}/postmaster.pid`).split("\n")[0]);
  }

  /** Of the databases' sizes, what is still in shared memory alone is left out. */
  async load(): Promise<StoreLoad> {
    const row = await this.#ask(
      "SELECT sum(xact_commit), pg_current_wal_lsn() - '0/0', sum(pg_database_size(datname)) " +
        "FROM pg_stat_database WHERE datname = 'postgres'",
    );
    const [operationCount = NaN, loggedBytes = NaN, heldBytes = NaN] = row.split("|").map(Number);
    return { cpuSeconds: cpuSecondsOf(this.pid), operationCount, loggedBytes, heldBytes };
  }

  kill(): Promise<void> {
    return this.#cluster.crash();
  }

  restart(): Promise<void> {
    return this.#cluster.start();
  }

  async empty(): Promise<void> {
    await this.#ask("DROP SCHEMA orilla CASCADE");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
  }

  async #ask(sql: string): Promise<string> {
    const url = new URL(this.url);
    // A parameter that only orilla knows.
    url.searchParams.delete("lake");
    const asked = ["--no-psqlrc", "--tuples-only", "--no-align", "-c", sql];
    return await runToEnd("psql", [url.href, ...asked]);
  }
}
