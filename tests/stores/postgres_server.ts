import { takePortBlock } from "../kafka/ports.ts";
import { cpuSecondsOf } from "../processes.ts";
import { runToEnd, type StoreLoad, type StoreServer } from "./store_server.ts";

/** Where Debian has the programs of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
/** PostgreSQL refuses to run as root: its package brings this user. */
const USER = "postgres";

/** Why no PostgreSQL can be started here; null where it can. */
export function postgresLeftOut(): string | null {
  return programsFolder() === null ? "PostgreSQL is not installed" : null;
}

/**
 * Starts a fresh PostgreSQL that makes commits durable as it does by default.
 *
 * @param settings more of postgresql.conf, by name
 * @throws Error where it does not start
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<StoreServer> {
  const ports = takePortBlock();
  const dataDir = await Deno.makeTempDir({ prefix: "orilla-postgres-" });
  try {
    await giveToOwner(dataDir);
    await runProgram("initdb", [
      ...["--pgdata", dataDir, "--username", "orilla", "--encoding", "UTF8", "--locale", "C"],
      ...["--auth", "trust", "--no-sync"],
    ]);
    const server = new PostgresServer({ dataDir, ports, settings });
    await server.restart();
    return server;
  } catch (error) {
    await Deno.remove(dataDir, { recursive: true });
    ports[Symbol.dispose]();
    throw error;
  }
}

class PostgresServer implements StoreServer {
  readonly url: string;
  readonly dataDir: string;
  readonly #port: number;
  readonly #ports: Disposable;
  readonly #settings: Readonly<Record<string, string>>;

  constructor({ dataDir, ports, settings }: {
    readonly dataDir: string;
    readonly ports: { readonly first: number } & Disposable;
    readonly settings: Readonly<Record<string, string>>;
  }) {
    this.dataDir = dataDir;
    this.#ports = ports;
    this.#port = ports.first;
    this.#settings = settings;
    this.url = `postgres://orilla:orilla@127.0.0.1:${this.#port}/postgres`;
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

  async kill(): Promise<void> {
    await this.#control("stop", "--mode", "immediate");
  }

  async restart(): Promise<void> {
    const settings = {
      port: String(this.#port),
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      ...this.#settings,
    };
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`);
    const log = `${this.dataDir}/server.log`;
    await this.#control("start", "--log", log, "--options", options.join(" "));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.kill();
    } finally {
      await Deno.remove(this.dataDir, { recursive: true });
      this.#ports[Symbol.dispose]();
    }
  }

  #ask(sql: string): Promise<string> {
    return runToEnd(program("psql"), [
      this.url,
      "--no-psqlrc",
      "--tuples-only",
      "--no-align",
      "-c",
      sql,
    ]);
  }

  async #control(verb: string, ...options: readonly string[]): Promise<void> {
    await runProgram("pg_ctl", [verb, "--wait", "--pgdata", this.dataDir, ...options]);
  }
}

/** The folder of initdb and pg_ctl, null where there is none. */
function programsFolder(): string | null {
  const debian = versionsIn(DEBIAN_FOLDER).map((version) => `${DEBIAN_FOLDER}/${version}/bin`);
  const path = (Deno.env.get("PATH") ?? "").split(":");
  return [...debian, ...path].find((folder) => isThere(`${folder}/initdb`)) ?? null;
}

/** The newest first. */
function versionsIn(folder: string): string[] {
  if (!isThere(folder)) return [];
  const versions = [...Deno.readDirSync(folder)].map(({ name }) => name);
  return versions.sort((a, b) => Number(b) - Number(a));
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function program(name: string): string {
  const folder = programsFolder();
  if (folder === null) throw new Error("PostgreSQL is not installed");
  return `${folder}/${name}`;
}

async function runProgram(name: string, args: readonly string[]): Promise<void> {
  const command = [program(name), ...args];
  // A server that pg_ctl leaves behind would keep a pipe open, so its output goes nowhere.
  const script = 'cd / && exec "$@" >/dev/null';
  await (isRoot()
    ? runToEnd("setpriv", [
      ...["--reuid", USER, "--regid", USER, "--init-groups"],
      ...["sh", "-c", script, "sh", ...command],
    ])
    : runToEnd("sh", ["-c", script, "sh", ...command]));
}

function isRoot(): boolean {
  return Deno.uid() === 0;
}

/** Gives a folder to the user that the server runs as. */
async function giveToOwner(folder: string): Promise<void> {
  if (isRoot()) await runToEnd("chown", [USER, folder]);
}
