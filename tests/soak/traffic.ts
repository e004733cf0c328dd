import { type Message, Partitioners, type Producer } from "kafkajs";
import type { Random } from "../../src/simulation/random.ts";
import { numberedEvents } from "../kafka/numbered_events.ts";
import { testClient } from "../kafka/topics.ts";

/** Sends events, some of them again, some invalid, and remembers what was acknowledged. */
export class Traffic {
  readonly sentIds = new Set<string>();
  readonly acknowledgedIds = new Set<string>();
  repeatedCount = 0;
  uncertainCount = 0;
  invalidCount = 0;
  readonly #options: {
    readonly bootstrap: string;
    readonly topic: string;
    readonly random: Random;
  };
  #producer: Producer | null = null;
  #next = 0;

  constructor(
    options: { readonly bootstrap: string; readonly topic: string; readonly random: Random },
  ) {
    this.#options = options;
  }

  /** Sends `count` new events, tries until they are acknowledged, and some earlier ones with them. */
  async send(count: number): Promise<void> {
    const { random } = this.#options;
    const fresh = numberedEvents(this.#next, count);
    this.#next += count;
    const repeated = fresh.filter(() => random() < 0.03)
      .flatMap(() => numberedEvents(Math.floor(random() * this.#next), 1));
    const invalid = fresh.filter(() => random() < 0.01).map(({ key }): Message => ({
      key: key ?? null,
      value: "{",
    }));
    this.repeatedCount += repeated.length;
    this.invalidCount += invalid.length;
    for (const { key } of fresh) this.sentIds.add(String(key));
    await this.#sendAll([...fresh, ...repeated, ...invalid]);
    for (const { key } of fresh) this.acknowledgedIds.add(String(key));
  }

  async #sendAll(messages: Message[]): Promise<void> {
    for (;;) {
      try {
        this.#producer ??= await this.#connect();
        await this.#producer.send({ topic: this.#options.topic, acks: -1, messages });
        return;
      } catch (error) {
        // The broker is away. It may have them already: then they are duplicates, which is as it should be.
        if (!(error instanceof Error)) throw error;
        this.uncertainCount += messages.length;
        this.#producer = null;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  async #connect(): Promise<Producer> {
    const createPartitioner = Partitioners.DefaultPartitioner;
    const producer = testClient(this.#options.bootstrap).producer({ createPartitioner });
    await producer.connect();
    return producer;
  }
}
