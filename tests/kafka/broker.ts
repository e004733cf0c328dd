import { isPortFree, takePortBlock } from "./ports.ts";
import { runScript } from "./script.ts";
import { createTopic, withAdmin } from "./topics.ts";

export { kafkaLeftOut, kafkaTest } from "./kafka_case.ts";

/** How a broker is started; each listener beside the plain one has to be asked for. */
export interface BrokerOptions {
  /** Whether a topic that is written to or asked for is made; default false. */
  readonly autoCreate?: boolean;
  /** Adds the TLS listener, and certificates in `dataDir`/tls; default false. */
  readonly tls?: boolean;
  /** As `tls`, and the listener asks for client certificates; default false. */
  readonly tlsClientAuth?: boolean;
  /** Adds the SASL listener, user alice with password alice-secret; default false. */
  readonly sasl?: boolean;
  /** More lines of server.properties, `KEY=VALUE`; they override the others. */
  readonly conf?: readonly string[];
  /** The plain listener's port; by default a free one. */
  readonly port?: number;
  /** A whole server.properties instead of the script's own: see --properties in kafka-broker.sh. */
  readonly properties?: string;
  /** The id that the storage is formatted with: 16 bytes in base64url, without padding. */
  readonly clusterId?: string;
}

/** A running Kafka broker. Disposing of it ends the process and removes its data. */
export interface Broker extends AsyncDisposable {
  /** host:port without TLS and SASL. */
  readonly bootstrap: string;
  /** host:port with TLS; only with the option `tls`. */
  readonly tlsBootstrap: string;
  /** host:port with SASL; over TLS where both are asked for. Only with the option `sasl`. */
  readonly saslBootstrap: string;
  /** Its folder: server.properties, broker.log, tls/ca.pem and so on; empty text for an external broker. */
  readonly dataDir: string;
  /** Creates a topic with one replica, and waits until it can be used. */
  createTopic(
    name: string,
    partitions: number,
    config?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** SIGKILL; its data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; one that still runs is stopped in good order before. */
  restart(): Promise<void>;
  /** SIGSTOP: it hangs, and its connections stay. */
  pause(): void;
  /** SIGCONT, and waits until it answers. */
  resume(): Promise<void>;
}

const PORT_ATTEMPTS = 5;
/** A killed broker may come back once its former self is given up: after 2 s instead of 9 s. */
const QUICK_RESTART = ["broker.session.timeout.ms=2000", "broker.heartbeat.interval.ms=500"];

/**
 * Starts a fresh broker on free ports, or returns the one that KAFKA_TEST_BOOTSTRAP_SERVERS names.
 *
 * @throws Error where it does not start, a given port is in use, or an external broker is to be changed
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const external = Deno.env.get("KAFKA_TEST_BOOTSTRAP_SERVERS");
  if (external) return externalBroker(external, options);
  if (options.port !== undefined) {
    if (!(await isPortFree(options.port))) throw new Error(`Port ${options.port} is in use`);
    return await startLocalBroker(options, options.port, { [Symbol.dispose]: () => {} });
  }
  for (let attempt = 1;; attempt++) {
    const block = takePortBlock();
    try {
      return await startLocalBroker(options, block.first, block);
    } catch (error) {
      block[Symbol.dispose]();
      // Somebody who knows nothing of our blocks may have been quicker.
      if (attempt === PORT_ATTEMPTS || !String(error).includes("is in use")) throw error;
    }
  }
}

/** A name that no other test has used, for a topic or a group on a broker that tests share. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 8)}`;
}

async function startLocalBroker(
  options: BrokerOptions,
  port: number,
  ports: Disposable,
): Promise<Broker> {
  const dataDir = await Deno.makeTempDir({ prefix: "orilla-kafka-" });
  const args = await startArguments(options, { port, dataDir });
  try {
    await runScript("kafka-broker.sh", args, { KAFKA_OWNER: String(Deno.pid) });
  } catch (error) {
    await wipe(dataDir);
    throw error;
  }
  return new LocalBroker(args, {
    port,
    dataDir,
    ports,
    hasTls: (options.tls || options.tlsClientAuth) ?? false,
  });
}

async function startArguments(
  { autoCreate, tls, tlsClientAuth, sasl, conf = [], properties, clusterId }: BrokerOptions,
  { port, dataDir }: { readonly port: number; readonly dataDir: string },
): Promise<readonly string[]> {
  const args = ["start", "--port", String(port), "--data", dataDir];
  if (autoCreate) args.push("--auto-create");
  if (tls) args.push("--tls");
  if (tlsClientAuth) args.push("--tls-client-auth");
  if (sasl) args.push("--sasl");
  for (const line of [...QUICK_RESTART, ...conf]) args.push("--conf", line);
  if (clusterId !== undefined) args.push("--cluster-id", clusterId);
  if (properties !== undefined) {
    const file = `${dataDir}/given.properties`;
    await Deno.writeTextFile(file, properties);
    args.push("--properties", file);
  }
  return args;
}

/** Ends the broker of a data directory, however it is, and removes the directory. */
async function wipe(dataDir: string): Promise<void> {
  await runScript("kafka-broker.sh", ["stop", "--data", dataDir, "--kill"]);
  await Deno.remove(dataDir, { recursive: true });
}

class LocalBroker implements Broker {
  readonly bootstrap: string;
  readonly tlsBootstrap: string;
  readonly saslBootstrap: string;
  readonly dataDir: string;
  readonly #startArgs: readonly string[];
  readonly #ports: Disposable;

  constructor(startArgs: readonly string[], { port, dataDir, ports, hasTls }: {
    readonly port: number;
    readonly dataDir: string;
    readonly ports: Disposable;
    readonly hasTls: boolean;
  }) {
    this.bootstrap = `127.0.0.1:${port}`;
    this.tlsBootstrap = `127.0.0.1:${port + 1}`;
    this.saslBootstrap = `127.0.0.1:${port + (hasTls ? 3 : 2)}`;
    this.dataDir = dataDir;
    this.#startArgs = startArgs;
    this.#ports = ports;
  }

  createTopic(
    name: string,
    partitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    return createTopic(this.bootstrap, { name, partitions, replicas: 1, config });
  }

  async kill(): Promise<void> {
    await this.#run("stop", "--kill");
  }

  async restart(): Promise<void> {
    await this.#run("stop");
    await runScript("kafka-broker.sh", this.#startArgs);
  }

  pause(): void {
    Deno.kill(this.#pid(), "SIGSTOP");
  }

  async resume(): Promise<void> {
    Deno.kill(this.#pid(), "SIGCONT");
    await this.#run("wait");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await wipe(this.dataDir);
    this.#ports[Symbol.dispose]();
  }

  #pid(): number {
    return Number(Deno.readTextFileSync(`${this.dataDir}/kafka.pid`));
  }

  async #run(verb: string, ...options: readonly string[]): Promise<void> {
    await runScript("kafka-broker.sh", [verb, "--data", this.dataDir, ...options]);
  }
}

/** The broker of KAFKA_TEST_BOOTSTRAP_SERVERS: topics are created and deleted, all else is left alone. */
function externalBroker(bootstrap: string, options: BrokerOptions): Broker {
  const refuse = (what: string) => {
    return new Error(
      `Cannot ${what}: KAFKA_TEST_BOOTSTRAP_SERVERS names a broker of somebody else's`,
    );
  };
  if (Object.values(options).some((value) => value)) {
    throw refuse(`start a broker with ${Object.keys(options).join(", ")}`);
  }
  const created: string[] = [];
  return {
    bootstrap,
    dataDir: "",
    get tlsBootstrap(): string {
      throw refuse("use TLS");
    },
    get saslBootstrap(): string {
      throw refuse("use SASL");
    },
    async createTopic(name, partitions, config = {}) {
      await createTopic(bootstrap, { name, partitions, replicas: 1, config });
      created.push(name);
    },
    kill: () => Promise.reject(refuse("kill the broker")),
    restart: () => Promise.reject(refuse("restart the broker")),
    pause: () => {
      throw refuse("pause the broker");
    },
    resume: () => Promise.reject(refuse("resume the broker")),
    async [Symbol.asyncDispose]() {
      if (created.length === 0) return;
      await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: created }));
    },
  };
}
