import type { Random } from "../../src/simulation/random.ts";
import { type ConsumerCase, startConsumer } from "../kafka/numbered_events.ts";
import type { OrillaProcess, OrillaResult } from "../orilla_process.ts";

/** How long after it woke a consumer may take to find out that a commit of its can not be acknowledged. */
const WAKING_MS = 5_000;

/** A commit of one instance. */
export interface CommitOf {
  readonly name: string;
  readonly sequence: number;
}

export interface CastOptions {
  readonly names: readonly string[];
  /** How an instance runs. */
  readonly caseOf: (name: string) => ConsumerCase;
  /** Where the instances' logs are kept, `NAME.log`. */
  readonly logFolder: string;
  readonly random: Random;
  /** The session timeout that the instances have. */
  readonly sessionMs: number;
  /** Whether what starts a consumer waits until it has its partitions. */
  readonly waitsForAssignment: boolean;
}

interface RunningConsumer {
  readonly consumer: OrillaProcess;
  /** Resolves when it ended, and its log is kept. */
  readonly ended: Promise<void>;
}

/** The consumers of a soak, all of one group, and what can happen to them. */
export class Cast {
  /** How often what happened, by name. */
  readonly happened: Record<string, number> = {};
  /** Consumers that ended without being told to. */
  readonly surprises: string[] = [];
  readonly #options: CastOptions;
  readonly #running = new Map<string, RunningConsumer>();
  /** Those that something is happening to, which nothing else may happen to meanwhile. */
  readonly #engaged = new Set<string>();
  readonly #sleeps: { readonly name: string; readonly fromMs: number; readonly toMs: number }[] =
    [];

  constructor(options: CastOptions) {
    this.#options = options;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Whether none can join. */
  get isComplete(): boolean {
    return this.#absent() === undefined;
  }

  /** All instances, running or not. */
  instances(): ConsumerCase[] {
    return this.#options.names.map((name) => this.#options.caseOf(name));
  }

  /** Kills one with SIGKILL, and starts it again. */
  async kill(): Promise<string> {
    return await this.#engage(this.#free(), "consumer killed", async (name) => {
      await this.#delay(this.#options.random() * 300);
      await this.#stop(name, "SIGKILL");
      await this.#start(name);
    });
  }

  /** Starts one that does not run. */
  async join(): Promise<string> {
    return await this.#engage(this.#absent(), "consumer joined", (name) => this.#start(name));
  }

  /** Ends one in good order. */
  async leave(): Promise<string> {
    return await this.#engage(this.#free(), "consumer left", (name) => this.#stop(name, "SIGTERM"));
  }

  /** Stops one with SIGSTOP until the group has evicted it, and lets it go on. */
  async sleep(): Promise<string> {
    return await this.#engage(this.#free(), "consumer slept past its eviction", async (name) => {
      const fromMs = Date.now();
      this.#signal(name, "SIGSTOP");
      await this.#delay(this.#options.sessionMs * 1.5);
      this.#sleeps.push({ name, fromMs, toMs: Date.now() });
      this.#signal(name, "SIGCONT");
    });
  }

  /** Notes that no running consumer could reach the broker from then to now. */
  noteCutOff(fromMs: number): void {
    for (const name of this.#running.keys()) this.#sleeps.push({ name, fromMs, toMs: Date.now() });
  }

  /** Ends all in good order. */
  async finish(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name, "SIGTERM")));
  }

  /**
   * The commits that their instances slept over, or were cut off in, between transaction and acknowledgement:
   * with a checkpoint for each instance the next owner of their partitions published their records again, the
   * limit that README names.
   */
  async sleptOver(): Promise<readonly CommitOf[]> {
    const found: CommitOf[] = [];
    for (const name of this.#options.names) {
      const log = await Deno.readTextFile(this.#logOf(name));
      for (const line of log.split("\n")) {
        if (!line.includes("the group's offsets could not be written")) continue;
        const { time, sequence } = JSON.parse(line);
        const ms = Date.parse(time);
        const isAsleep = this.#sleeps.some((sleep) =>
          sleep.name === name && ms >= sleep.fromMs && ms <= sleep.toMs + WAKING_MS
        );
        if (isAsleep) found.push({ name, sequence });
      }
    }
    return found;
  }

  /** Counts something that happened; returns its name. */
  note(what: string): string {
    this.happened[what] = (this.happened[what] ?? 0) + 1;
    return what;
  }

  #logOf(name: string): string {
    return `${this.#options.logFolder}/${name}.log`;
  }

  /** Lets something happen to one; says what. */
  async #engage(
    name: string | undefined,
    what: string,
    happen: (name: string) => Promise<void>,
  ): Promise<string> {
    if (name === undefined) return this.note(`no ${what}`);
    this.#engaged.add(name);
    try {
      await happen(name);
    } finally {
      this.#engaged.delete(name);
    }
    return this.note(what);
  }

  async #start(name: string): Promise<void> {
    const consumer = startConsumer(this.#options.caseOf(name));
    const ended = consumer.result.then((result) => this.#ended(name, { consumer, ...result }));
    this.#running.set(name, { consumer, ended });
    if (this.#options.waitsForAssignment) await consumer.untilStderr(/"assigned"/);
  }

  async #ended(
    name: string,
    { consumer, code, stderr }: OrillaResult & { readonly consumer: OrillaProcess },
  ): Promise<void> {
    await Deno.writeTextFile(this.#logOf(name), stderr, { append: true });
    // One that was told to end is none of the running any more.
    if (this.#running.get(name)?.consumer !== consumer) return;
    this.#running.delete(name);
    const lastLines = stderr.split("\n").slice(-4).join("\n");
    this.surprises.push(`${name} ended by itself with ${code}: ${lastLines}`);
  }

  async #stop(name: string, signal: Deno.Signal): Promise<void> {
    const running = this.#running.get(name);
    this.#signal(name, signal);
    this.#running.delete(name);
    await running?.ended;
  }

  #signal(name: string, signal: Deno.Signal): void {
    try {
      this.#running.get(name)?.consumer.kill(signal);
    } catch (error) {
      // It ended by itself a moment ago, which is noted as a surprise.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** One that runs, by chance, and that nothing happens to. */
  #free(): string | undefined {
    const names = [...this.#running.keys()].filter((name) => !this.#engaged.has(name));
    return names[Math.floor(this.#options.random() * names.length)];
  }

  /** One that does not run, and that nothing happens to. */
  #absent(): string | undefined {
    return this.#options.names.find((name) => !this.#running.has(name) && !this.#engaged.has(name));
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
