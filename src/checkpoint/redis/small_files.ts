import type { SourceFile } from "../../core/compaction.ts";
import { folderOf } from "../../core/lake_path.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "../small_files.ts";
import type { CommitList } from "./commit_list.ts";
import type { RedisLake } from "./redis_lake.ts";
import { listOf, numberOf } from "./replies.ts";

/** Files asked about in one command. */
const ASK_FILES = 4_096;

/**
 * Finds files to merge among those of a lake's commits. The list of these only grows, so each is read once; what is
 * kept of it are the small files that were not merged yet.
 */
export class SmallFiles {
  readonly #lake: RedisLake;
  readonly #commits: CommitList;
  #belowBytes = 0;
  /** How many commits were read. */
  #readCount = 0;
  /** By path: those that are small, and were not merged when they were last asked about. */
  readonly #small = new Map<string, SourceFile>();

  constructor(lake: RedisLake, commits: CommitList) {
    this.#lake = lake;
    this.#commits = commits;
  }

  /** The small files of all lake partitions that have enough of them, by folder. */
  async find({ belowBytes, minFiles }: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]> {
    // In this order: of the commits that are counted, those that are not published are known.
    const [length, left] = await this.#lake.sendAll([["LLEN", "commits"], [
      "HKEYS",
      "unpublished",
    ]]);
    const unpublished = new Set(listOf(left).map(numberOf));
    await this.#readOn(numberOf(length), belowBytes);
    await this.#forgetReplaced();
    // Whoever made a commit, or another process for it, may still be giving its files their names.
    const published = [...this.#small.values()].filter(({ sequence }) =>
      !unpublished.has(sequence)
    );
    const folders = Map.groupBy(published, ({ finalPath }) => folderOf(finalPath));
    return Array.from(folders, ([folder, files]) => ({ folder, files }))
      .filter(({ files }) => files.length >= minFiles)
      .sort((a, b) => a.folder < b.folder ? -1 : 1);
  }

  async #readOn(length: number, belowBytes: number): Promise<void> {
    if (belowBytes !== this.#belowBytes) {
      this.#belowBytes = belowBytes;
      this.#readCount = 0;
      this.#small.clear();
    }
    for await (const page of this.#commits.pages(length, { first: this.#readCount })) {
      for (const { sequence, files } of page) {
        for (const file of files) {
          if (file.kind !== "events" || file.bytes >= belowBytes) continue;
          this.#small.set(file.finalPath, { ...file, sequence });
        }
      }
      this.#readCount += page.length;
    }
  }

  async #forgetReplaced(): Promise<void> {
    const paths = [...this.#small.keys()];
    for (let first = 0; first < paths.length; first += ASK_FILES) {
      for (const path of await replacedAmong(this.#lake, paths.slice(first, first + ASK_FILES))) {
        this.#small.delete(path);
      }
    }
  }
}

/** Which of some files were merged into others. */
export async function replacedAmong(
  lake: RedisLake,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  if (paths.length === 0) return new Set();
  const found = listOf(await lake.send("HMGET", "replaced", ...paths));
  return new Set(paths.filter((_, place) => (found[place] ?? null) !== null));
}
