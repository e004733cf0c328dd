import type { RunMonitor } from "./monitor.ts";

/** Streams at one time; the other connections stay free for probes and scrapes. */
export const MAX_STREAMS = 16;

/** How soon a browser tries again after a stream ended, milliseconds. */
const RETRY_MS = 2_000;

/**
 * The state of a run as server-sent events: the history once, then each second the status and a new row of the
 * history. A client that is slow misses rows; nothing is queued for it.
 */
export class EventStreams {
  readonly #monitor: RunMonitor;
  #count = 0;

  constructor(monitor: RunMonitor) {
    this.#monitor = monitor;
  }

  get isFull(): boolean {
    return this.#count >= MAX_STREAMS;
  }

  async *open(): AsyncGenerator<string> {
    this.#count++;
    try {
      yield `retry: ${RETRY_MS}\n\n`;
      yield event("history", this.#monitor.history());
      for (;;) {
        yield event("status", this.#monitor.status());
        const row = await this.#monitor.nextRow();
        if (row === null) return;
        yield event("row", row);
      }
    } finally {
      this.#count--;
    }
  }
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
