import type { RedisConnection } from "./connection.ts";
import { type CommitRecord, commitRecordOf } from "./records.ts";
import { listOf, numberOf, textOf } from "./replies.ts";

/** Commits read at once: some hundred kilobytes, so that the server serves others in between. */
const PAGE_COMMITS = 1_000;

/** The list of a lake's commits, which only grows. */
export class CommitList {
  readonly #connection: RedisConnection;
  readonly #key: string;

  /** @param key of the list */
  constructor(connection: RedisConnection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  async length(): Promise<number> {
    return numberOf(await this.#connection.send(["LLEN", this.#key]));
  }

  /** The first so many commits, a page at a time, in the order in which they were made. */
  async *pages(length: number): AsyncGenerator<readonly CommitRecord[]> {
    for (let first = 0; first < length; first += PAGE_COMMITS) {
      yield await this.#page(first, Math.min(length, first + PAGE_COMMITS));
    }
  }

  /** All commits, the last one first. */
  async *latestFirst(): AsyncGenerator<CommitRecord> {
    for (let end = await this.length(); end > 0; end -= PAGE_COMMITS) {
      yield* (await this.#page(Math.max(0, end - PAGE_COMMITS), end)).toReversed();
    }
  }

  async #page(first: number, end: number): Promise<readonly CommitRecord[]> {
    const range = ["LRANGE", this.#key, String(first), String(end - 1)];
    return listOf(await this.#connection.send(range)).map((text) => commitRecordOf(textOf(text)));
  }
}
