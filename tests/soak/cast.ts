import type { Random } from "../../src/simulation/random.ts";
import type { Broker } from "../kafka/broker.ts";
import { type ConsumerCase, startConsumer } from "../kafka/numbered_events.ts";
import type { OrillaProcess } from "../orilla_process.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

const SESSION_MS = 6_000;
/** How long after it woke a consumer may take to find out that a commit of its can not be acknowledged. */
const WAKING_MS = 5_000;

/** A commit of one instance. */
export interface CommitOf {
  readonly name: string;
  readonly sequence: number;
}

/**
 * The consumers of a soak and what happens to them. All are of one group, each with its own OUT_DIR. One that
 * runs alone may be killed; several come and go in good order, or sleep past their eviction. What may stand
 * twice then are the commits that `sleptOver` names, and nothing else (README, Guarantees).
 */
export class Cast {
  readonly faults: Record<string, number> = {};
  /** Consumers that ended without being told to. */
  readonly surprises: string[] = [];
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #folder: string;
  readonly #random: Random;
  readonly #limitMs: number;
  readonly #running = new Map<Name, OrillaProcess>();
  readonly #sleeps: { readonly name: Name; readonly fromMs: number; readonly toMs: number }[] = [];

  constructor({ broker, topic, folder, random, limitMs }: {
    readonly broker: Broker;
    readonly topic: string;
    readonly folder: string;
    readonly random: Random;
    readonly limitMs: number;
  }) {
    this.#limitMs = limitMs;
    this.#broker = broker;
    this.#topic = topic;
    this.#folder = folder;
    this.#random = random;
  }

  /** All instances, running or not. */
  instances(): ConsumerCase[] {
    return NAMES.map((name) => this.#caseOf(name));
  }

  async begin(): Promise<void> {
    await this.#start("a");
  }

  /** Lets something happen; says what. */
  async fault(): Promise<string> {
    if (this.#running.size === 0) await this.#start("a");
    const actions = [
      ...(this.#running.size === 1
        ? [this.#kill, this.#kill, this.#join]
        : [this.#leave, this.#sleep]),
      ...(this.#running.size < NAMES.length ? [this.#join] : []),
      this.#killBroker,
      this.#pauseBroker,
    ];
    const action = actions[Math.floor(this.#random() * actions.length)] ?? this.#kill;
    const what = await action.call(this);
    this.faults[what] = (this.faults[what] ?? 0) + 1;
    return what;
  }

  /** Ends all in good order. */
  async finish(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.#stop(name, "SIGTERM");
  }

  /**
   * The commits that their instances slept over, between transaction and acknowledgement: the next owner of
   * their partitions published their records again, which is the limit that README names.
   */
  async sleptOver(): Promise<readonly CommitOf[]> {
    const found: CommitOf[] = [];
    for (const name of NAMES) {
      const log = await Deno.readTextFile(`${this.#folder}/${name}.log`);
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

  #caseOf(name: Name): ConsumerCase {
    return {
      bootstrap: this.#broker.bootstrap,
      topic: this.#topic,
      outDir: `${this.#folder}/${name}`,
      args: ["--session-timeout-ms", String(SESSION_MS), "--log-level", "debug"],
      limitMs: this.#limitMs,
    };
  }

  async #start(name: Name): Promise<void> {
    const consumer = startConsumer(this.#caseOf(name));
    this.#running.set(name, consumer);
    void consumer.result.then(async ({ code, stderr }) => {
      await Deno.writeTextFile(`${this.#folder}/${name}.log`, stderr, { append: true });
      if (this.#running.get(name) !== consumer) return;
      this.#running.delete(name);
      this.surprises.push(
        `${name} ended by itself with ${code}: ${stderr.split("\n").slice(-4).join("\n")}`,
      );
    });
    await consumer.untilStderr(/"assigned"/);
  }

  async #stop(name: Name, signal: Deno.Signal): Promise<void> {
    const consumer = this.#running.get(name);
    this.#running.delete(name);
    consumer?.kill(signal);
    await consumer?.result;
  }

  #any(): Name {
    const names = [...this.#running.keys()];
    return names[Math.floor(this.#random() * names.length)] ?? "a";
  }

  async #kill(): Promise<string> {
    const name = this.#any();
    await this.#delay(this.#random() * 300);
    await this.#stop(name, "SIGKILL");
    await this.#start(name);
    return "consumer killed";
  }

  async #join(): Promise<string> {
    const name = NAMES.find((candidate) => !this.#running.has(candidate));
    if (name !== undefined) await this.#start(name);
    return "consumer joined";
  }

  async #leave(): Promise<string> {
    await this.#stop(this.#any(), "SIGTERM");
    return "consumer left";
  }

  async #sleep(): Promise<string> {
    const name = this.#any();
    const consumer = this.#running.get(name);
    const fromMs = Date.now();
    consumer?.kill("SIGSTOP");
    await this.#delay(SESSION_MS * 1.5);
    this.#sleeps.push({ name, fromMs, toMs: Date.now() });
    consumer?.kill("SIGCONT");
    return "consumer slept past its eviction";
  }

  async #killBroker(): Promise<string> {
    await this.#broker.kill();
    await this.#broker.restart();
    return "broker killed";
  }

  async #pauseBroker(): Promise<string> {
    const isAlone = this.#running.size === 1;
    this.#broker.pause();
    await this.#delay(isAlone ? SESSION_MS * 1.5 : SESSION_MS / 4);
    await this.#broker.resume();
    return isAlone ? "broker paused past the session" : "broker paused";
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
