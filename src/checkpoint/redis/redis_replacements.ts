import type { Commit } from "../../core/commit.ts";
import type { SourceFile } from "../../core/compaction.ts";
import { assert } from "../../core/errors.ts";
import type { ReplacedFile, Replacements } from "../commit_store.ts";
import type { SmallFilesRule } from "../small_files.ts";
import type { CommitList } from "./commit_list.ts";
import { counterArguments, filterArguments, traceMsOf } from "./commit_arguments.ts";
import type { Argument } from "./connection.ts";
import { readManifest } from "./manifest.ts";
import { commitText } from "./records.ts";
import type { RedisLake } from "./redis_lake.ts";
import { listOf, textOf } from "./replies.ts";
import { replacedAmong, SmallFiles } from "./small_files.ts";

/** The commit of a merged file, and what it replaces. */
export interface Replacement {
  readonly mode: "replace" | "adopt";
  readonly commit: Commit;
  readonly sources: readonly Pick<SourceFile, "finalPath" | "sequence" | "bytes">[];
}

/** What a lake in Redis notes of merged files. */
export class RedisReplacements implements Replacements {
  readonly #lake: RedisLake;
  readonly #commits: CommitList;
  readonly #small: SmallFiles;
  readonly #make: (replacement: Replacement) => Promise<boolean>;
  readonly #operate: <T>(name: "replaced", action: () => Promise<T>) => Promise<T>;

  /** @param make makes the commit of a merged file, as `Replacements.replace` says */
  constructor(lake: RedisLake, { commits, make, operate }: {
    readonly commits: CommitList;
    readonly make: (replacement: Replacement) => Promise<boolean>;
    readonly operate: <T>(name: "replaced", action: () => Promise<T>) => Promise<T>;
  }) {
    this.#lake = lake;
    this.#commits = commits;
    this.#small = new SmallFiles(lake, commits);
    this.#make = make;
    this.#operate = operate;
  }

  async replace(commit: Commit, sources: readonly SourceFile[]): Promise<boolean> {
    const rowsIn = (files: readonly Pick<SourceFile, "rowCount">[]) =>
      files.reduce((sum, { rowCount }) => sum + rowCount, 0);
    assert(rowsIn(commit.files) === rowsIn(sources), "a merged file has the rows that it replaces");
    return await this.#make({ mode: "replace", commit, sources });
  }

  async adopt(commit: Commit, paths: readonly string[]): Promise<void> {
    const known = new Map<string, Replacement["sources"][number]>();
    const { commitCount, replaced } = await readManifest(this.#lake);
    for await (const page of this.#commits.pages(commitCount, { replaced })) {
      for (const { sequence, files } of page) {
        for (const { finalPath, bytes } of files) {
          known.set(finalPath, { finalPath, bytes, sequence });
        }
      }
    }
    const sources = paths.map((finalPath) =>
      known.get(finalPath) ?? { finalPath, bytes: 0, sequence: 0 }
    );
    await this.#make({ mode: "adopt", commit, sources });
  }

  /** What is being replaced is asked for first: what is not unpublished after that was published then. */
  async unremoved(untilMs = Infinity): Promise<readonly string[]> {
    const until = untilMs === Infinity ? "+inf" : String(untilMs);
    const paths = listOf(
      await this.#lake.send("ZRANGEBYSCORE", "unremoved_replaced", "-inf", until),
    ).map(textOf);
    if (paths.length === 0) return [];
    const [by, left] = await this.#lake.sendAll([
      ["HMGET", "replaced", ...paths],
      ["HKEYS", "unpublished"],
    ]);
    const sequences = listOf(by).map(textOf);
    const unpublished = new Set(listOf(left).map(textOf));
    return paths.filter((_, place) => !unpublished.has(sequences[place] ?? "")).sort();
  }

  async replacedBy(path: string): Promise<readonly ReplacedFile[]> {
    const text = await this.#lake.send("HGET", "merged", path);
    return text === null ? [] : replacedFilesOf(textOf(text));
  }

  async replacedAmong(paths: readonly string[]): Promise<ReadonlySet<string>> {
    return await replacedAmong(this.#lake, paths);
  }

  async markRemoved(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await this.#operate(
      "replaced",
      () => this.#lake.send("ZREM", "unremoved_replaced", ...paths),
    );
  }

  async foldersWithSmall(rule: SmallFilesRule): Promise<readonly string[]> {
    return (await this.#small.find(rule)).map(({ folder }) => folder);
  }

  async smallFilesIn(folder: string, belowBytes: number): Promise<readonly SourceFile[]> {
    const found = await this.#small.find({ belowBytes, minFiles: 1 });
    return found.find((one) => one.folder === folder)?.files ?? [];
  }
}

/** What the script of a replacement takes, in its order. */
export function replaceArguments(
  { mode, commit, sources }: Replacement,
  { instanceId, lastSequence, duplicateTtlMs }: {
    readonly instanceId: string;
    readonly lastSequence: number;
    readonly duplicateTtlMs: number;
  },
): readonly Argument[] {
  const { sequence, committedAtMs, files, traces, counters } = commit;
  return [
    ...[mode, instanceId, String(sequence), String(lastSequence), String(committedAtMs)],
    ...[commitText(commit, instanceId), files[0]?.finalPath ?? "", replacedText(sources)],
    String(sources.length),
    ...sources.flatMap(({ finalPath, sequence }) => [finalPath, String(sequence)]),
    String(traceMsOf(duplicateTtlMs)),
    ...filterArguments(traces.filters),
    ...counterArguments(counters),
  ];
}

/** What Redis keeps of the files that a merged one replaced: an old copy of the table's log is brought up by it. */
export function replacedText(
  sources: readonly Pick<Replacement["sources"][number], "finalPath" | "bytes">[],
): string {
  return JSON.stringify(sources.map(({ finalPath, bytes }) => [finalPath, bytes]));
}

function replacedFilesOf(text: string): readonly ReplacedFile[] {
  const stored: readonly (readonly [string, number])[] = JSON.parse(text);
  return stored.map(([finalPath, bytes]) => ({ finalPath, bytes }))
    .sort((a, b) => a.finalPath < b.finalPath ? -1 : 1);
}
