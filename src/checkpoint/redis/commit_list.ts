import type { RedisConnection } from "./connection.ts";
import { type CommitRecord, commitRecordOf } from "./records.ts";
import { listOf, numberOf, textOf } from "./replies.ts";

/** Commits read at once: some hundred kilobytes, so that the server serves others in between. */
const PAGE_COMMITS = 1_000;

const NONE: ReadonlySet<string> = new Set();

/** The list of a lake's commits, which only grows: files that were merged into others stay in it. */
export class CommitList {
  readonly #connection: RedisConnection;
  readonly #key: string;

  /** @param key of the list */
  constructor(connection: RedisConnection, key: string) {
    this.#connection = connection;
    this.#key = key;
  }

  async #length(): Promise<number> {
    return numberOf(await this.#connection.send(["LLEN", this.#key]));
  }

  /**
   * The first so many commits, a page at a time, in the order in which they were made.
   *
   * @param options.replaced files to leave out, since they were merged into others
   * @param options.first how many of them to leave out
   */
  async *pages(
    length: number,
    { replaced = NONE, first = 0 }: {
      readonly replaced?: ReadonlySet<string>;
      readonly first?: number;
    } = {},
  ): AsyncGenerator<readonly CommitRecord[]> {
    for (let at = first; at < length; at += PAGE_COMMITS) {
      const page = await this.#page(at, Math.min(length, at + PAGE_COMMITS));
      yield replaced.size === 0 ? page : page.map((commit) => ({
        ...commit,
        files: commit.files.filter(({ finalPath }) => !replaced.has(finalPath)),
      }));
    }
  }

  /** All commits, the last one first. */
  async *latestFirst(): AsyncGenerator<CommitRecord> {
    for (let end = await this.#length(); end > 0; end -= PAGE_COMMITS) {
      yield* (await this.#page(Math.max(0, end - PAGE_COMMITS), end)).toReversed();
    }
  }

  async #page(first: number, end: number): Promise<readonly CommitRecord[]> {
    const range = ["LRANGE", this.#key, String(first), String(end - 1)];
    return listOf(await this.#connection.send(range)).map((text) => commitRecordOf(textOf(text)));
  }
}
