import { makeCertificates } from "../stores/certificates.ts";

/** How a PostgreSQL server is started. */
export interface ClusterOptions {
  /** Settings beside those of tests: `fsync`, `synchronous_commit` … */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether it speaks TLS: with a certificate for 127.0.0.1 and localhost, which `ca.crt` in its folder has signed. */
  readonly tls?: boolean;
  /** Whether its data lies on a disk, as a measurement wants it; else in memory where there is a place for that. */
  readonly isOnDisk?: boolean;
}

/** A running PostgreSQL server with a folder and a port of its own. Disposing of it ends it and removes its data. */
export interface PostgresCluster extends AsyncDisposable {
  readonly port: number;
  /** The folder of its data, and of its certificate where it speaks TLS. */
  readonly dataDir: string;
  /** A URL of a lake on it; without a name, of a lake that no other test has. */
  url(lake?: string): string;
  /** SIGQUIT: it ends without a checkpoint, as if the machine had lost its power. */
  crash(): Promise<void>;
  /** SIGSTOP: it hangs, and its connections stay. */
  pause(): void;
  resume(): void;
  /** Starts it again on its port and data. */
  start(): Promise<void>;
}

/** The password of user `orilla` on servers of tests. */
export const PASSWORD = "correct horse/battery:staple@1";
const USER = "orilla";
const START_MS = 30_000;

/** The folder of initdb and postgres, null where there are none. */
export function binariesOf(): string | null {
  const candidates = ["/usr/local/bin", "/usr/bin"];
  try {
    for (const { name } of Deno.readDirSync("/usr/lib/postgresql")) {
      candidates.unshift(`/usr/lib/postgresql/${name}/bin`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const has = (folder: string, program: string) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  };
  return candidates.find((folder) => has(folder, "initdb") && has(folder, "postgres")) ?? null;
}

/**
 * Registers tests that share one server. Where there is none on the machine, one test says so; with CI=true it fails.
 *
 * @param register given what says the server, once the tests run
 */
export function onPostgres(
  register: (cluster: () => PostgresCluster) => void,
  options: ClusterOptions = {},
): void {
  if (binariesOf() === null) {
    const name = "tests on PostgreSQL (left out: it is not on this machine)";
    const fn = () => Promise.reject(new Error("in CI they must run: apt-get install postgresql"));
    return Deno.test({ name, ignore: Deno.env.get("CI") !== "true", fn });
  }
  let cluster: PostgresCluster | null = null;
  Deno.test.beforeAll(async () => {
    cluster = await startPostgres(options);
  });
  Deno.test.afterAll(async () => await cluster?.[Symbol.asyncDispose]());
  register(() => {
    if (cluster === null) throw new Error("the server was not started");
    return cluster;
  });
}

/** PostgreSQL refuses to run as root. */
function unprivileged(program: string, args: readonly string[]): Deno.Command {
  const io = { stdin: "null", stdout: "null", stderr: "piped" } as const;
  if (Deno.uid() !== 0) return new Deno.Command(program, { args: [...args], ...io });
  const user = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];
  return new Deno.Command("setpriv", { args: [...user, program, ...args], ...io });
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await unprivileged(program, args).output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Starts a fresh server on a free loopback port, with user `orilla`, who asks for a password and owns database
 * `orilla`.
 */
export async function startPostgres(options: ClusterOptions = {}): Promise<PostgresCluster> {
  const bin = binariesOf();
  if (bin === null) {
    throw new Error("PostgreSQL is not on this machine: apt-get install postgresql");
  }
  const inMemory = !options.isOnDisk && await Deno.stat("/dev/shm").then(() => true, () => false);
  const folder = await Deno.makeTempDir({
    prefix: "orilla_pg_",
    ...(inMemory ? { dir: "/dev/shm" } : {}),
  });
  const cluster = new Cluster({ bin, folder, port: freePort(), options });
  try {
    await cluster.prepare();
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

class Cluster implements PostgresCluster {
  readonly port: number;
  readonly dataDir: string;
  readonly #bin: string;
  readonly #folder: string;
  readonly #options: ClusterOptions;
  #process: Deno.ChildProcess | null = null;
  #said: Promise<Uint8Array> | null = null;
  #lakes = 0;

  constructor({ bin, folder, port, options }: {
    readonly bin: string;
    readonly folder: string;
    readonly port: number;
    readonly options: ClusterOptions;
  }) {
    this.#bin = bin;
    this.#folder = folder;
    this.port = port;
    this.dataDir = `${folder}/data`;
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await Deno.chmod(this.#folder, 0o777);
    const passwordFile = `${this.#folder}/password`;
    await Deno.writeTextFile(passwordFile, PASSWORD, { mode: 0o644 });
    await run(`${this.#bin}/initdb`, [
      ...["--pgdata", this.dataDir, "--username", USER, "--pwfile", passwordFile],
      ...["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"],
    ]);
    const { tls, settings } = this.#options;
    if (tls) {
      await makeCertificates(run, { folder: this.dataDir, name: "IP:127.0.0.1,DNS:localhost" });
    }
    const lines = Object.entries({
      listen_addresses: "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: "",
      max_connections: "200",
      shared_buffers: "128MB",
      ...(tls ? { ssl: "on" } : {}),
      ...settings,
    }).map(([name, value]) => `${name} = '${value}'\n`);
    await Deno.writeTextFile(`${this.dataDir}/postgresql.auto.conf`, lines.join(""));
  }

  async start(): Promise<void> {
    this.#process = unprivileged(`${this.#bin}/postgres`, ["-D", this.dataDir]).spawn();
    this.#said = new Response(this.#process.stderr).bytes();
    const limit = AbortSignal.timeout(START_MS);
    while (!await this.#answers()) {
      if (limit.aborted) throw new Error(`PostgreSQL did not start in ${START_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  url(lake: string = `t${Deno.pid}_${this.#lakes++}`): string {
    const password = encodeURIComponent(PASSWORD);
    const sslmode = this.#options.tls ? "" : "&sslmode=disable";
    return `postgres://${USER}:${password}@127.0.0.1:${this.port}/postgres?lake=${lake}${sslmode}`;
  }

  async crash(): Promise<void> {
    await this.#end("SIGQUIT");
  }

  pause(): void {
    this.#signalAll("SIGSTOP");
  }

  resume(): void {
    this.#signalAll("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGQUIT");
    await Deno.remove(this.#folder, { recursive: true });
  }

  /** The server's own process and those of its connections. */
  #signalAll(signal: Deno.Signal): void {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      if (Number(name) === pid || parentOf(name) === pid) Deno.kill(Number(name), signal);
    }
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const process = this.#process;
    if (process === null) return;
    this.#process = null;
    process.kill(signal);
    await process.status;
    await this.#said;
  }

  /** `pg_isready` asks without a password. */
  async #answers(): Promise<boolean> {
    const args = ["-h", "127.0.0.1", "-p", String(this.port), "-U", USER, "-q"];
    const { success } = await unprivileged(`${this.#bin}/pg_isready`, args).output();
    return success;
  }
}

function parentOf(pid: string): number | null {
  try {
    // The name, in parentheses, may hold spaces.
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch (error) {
    // It ended meanwhile.
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
