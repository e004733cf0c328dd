import type { SourceFile } from "../../core/compaction.ts";
import { folderOf } from "../../core/lake_path.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "../small_files.ts";
import type { CommitList } from "./commit_list.ts";
import { readManifest } from "./manifest.ts";
import type { RedisLake } from "./redis_lake.ts";

/** Finds files to merge among those of a lake's commits. */
export class SmallFiles {
  readonly #lake: RedisLake;
  readonly #commits: CommitList;

  constructor(lake: RedisLake, commits: CommitList) {
    this.#lake = lake;
    this.#commits = commits;
  }

  /** The small files of all lake partitions that have enough of them; goes through all commits. */
  async find({ belowBytes, minFiles }: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]> {
    const { commitCount, replaced, unpublished } = await readManifest(this.#lake);
    const small = new Map<string, SourceFile[]>();
    for await (const page of this.#commits.pages(commitCount, replaced)) {
      for (const { sequence, files } of page) {
        // Whoever made it, or another process for it, may still be giving its files their names.
        if (unpublished.has(sequence)) continue;
        for (const file of files) {
          if (file.kind !== "events" || file.bytes >= belowBytes) continue;
          const folder = folderOf(file.finalPath);
          const ofFolder = small.get(folder) ?? [];
          small.set(folder, ofFolder);
          ofFolder.push({ ...file, sequence });
        }
      }
    }
    return Array.from(small, ([folder, files]) => ({ folder, files }))
      .filter(({ files }) => files.length >= minFiles)
      .sort((a, b) => a.folder < b.folder ? -1 : 1);
  }
}
