import { messageOf, operatingError, OrillaError } from "../../core/errors.ts";
import type { Origin } from "../../core/record.ts";
import type { MarkedReplay } from "../../core/replay.ts";
import type { CheckpointPositions, CheckpointReader, ServerCheck } from "../checkpoint_reader.ts";
import type { CommittedFile, LakeHistory } from "../history.ts";
import { WRITING_MS } from "../instances.ts";
import type { CheckpointContent } from "../inspection.ts";
import type { LakeStatus } from "../lake_status.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "../small_files.ts";
import type { Soundness } from "../soundness.ts";
import type { CheckpointTrace, TracedFile } from "../traces.ts";
import type { RedisAddress } from "./address.ts";
import { CommitList } from "./commit_list.ts";
import { RedisUnavailable } from "./failures.ts";
import { FileFigures } from "./figures.ts";
import { KEYS_VERSION } from "./opening.ts";
import { type CommitRecord, filterKey } from "./records.ts";
import { RedisLake } from "./redis_lake.ts";
import { readMark } from "./redis_marks.ts";
import { listOf, textOf } from "./replies.ts";
import { serverChecks } from "./server_checks.ts";
import { SmallFiles } from "./small_files.ts";
import { type LakeSnapshot, readSnapshot } from "./snapshot.ts";
import { traceInCommits } from "./traces.ts";

/** Looks at a lake in Redis, beside its writers. */
export class RedisReader implements CheckpointReader {
  readonly isShared = true;
  readonly name: string;
  readonly #address: RedisAddress;
  readonly #lake: RedisLake;
  readonly #commits: CommitList;
  readonly #small: SmallFiles;

  constructor(address: RedisAddress) {
    this.#address = address;
    this.#lake = new RedisLake(address);
    this.name = this.#lake.name;
    this.#commits = new CommitList(this.#lake.connection, this.#lake.key("commits"));
    this.#small = new SmallFiles(this.#lake, this.#commits);
  }

  exists(): Promise<boolean> {
    return looking(async () => await this.#lake.send("EXISTS", "lake") === 1);
  }

  isWriting(): Promise<boolean> {
    return looking(async () => {
      if (await this.#lake.send("EXISTS", "lake") === 0) return false;
      const { silentMs } = await readSnapshot(this.#lake, false);
      return silentMs !== null && silentMs < WRITING_MS;
    });
  }

  content(): Promise<CheckpointContent> {
    return looking(async () => {
      const snapshot = await readSnapshot(this.#lake, true);
      const commits = await this.#read(snapshot);
      const { unpublished } = snapshot;
      const files = commits.flatMap(({ sequence, files }) =>
        files.map((file) => ({ ...file, sequence }))
      );
      const ranges = commits.flatMap(({ sequence, ranges }) =>
        ranges.map((range) => ({ ...range, sequence }))
      );
      return {
        instanceIds: snapshot.instanceIds,
        committed: snapshot.committed,
        commits: commits.map(({ sequence }) => ({
          sequence,
          isPublished: !unpublished.has(sequence),
        })),
        files: files.sort(byFinalPath),
        ranges: ranges.sort((a, b) =>
          compare(a.topic, b.topic) || a.partition - b.partition ||
          compare(a.firstOffset, b.firstOffset)
        ),
        purges: snapshot.purges,
        replays: snapshot.replays,
        seenIdCount: snapshot.seenIdCount,
        seenIdCounter: snapshot.seenIdCounter,
        recordedDuplicateCount: snapshot.recordedDuplicateCount,
      };
    });
  }

  isReplaced(path: string): Promise<boolean> {
    return looking(async () => await this.#lake.send("HEXISTS", "replaced", path) === 1);
  }

  unremovedReplaced(): Promise<readonly string[]> {
    return looking(async () =>
      listOf(await this.#lake.send("ZRANGE", "unremoved_replaced", "0", "-1")).map(textOf).sort()
    );
  }

  smallFiles(rule: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]> {
    return looking(async () => await this.#small.find(rule));
  }

  sequenceAt(timeMs: number): Promise<number | null> {
    return looking(async () => {
      const { commitCount } = await readSnapshot(this.#lake, false);
      for await (const page of this.#commits.pages(commitCount)) {
        const found = page.find(({ committedAtMs, trigger }) =>
          committedAtMs === timeMs && trigger !== "compact"
        );
        if (found !== undefined) return found.sequence;
      }
      return null;
    });
  }

  positions(): Promise<CheckpointPositions> {
    return looking(async () => {
      const { instanceIds, committed } = await readSnapshot(this.#lake, false);
      const rebuilt = listOf(await this.#lake.send("SMEMBERS", "rebuilt"));
      return { instanceIds, rebuiltInstanceIds: rebuilt.map(textOf), committed };
    });
  }

  status(dateLimit: number): Promise<LakeStatus> {
    return looking(async () => {
      const snapshot = await readSnapshot(this.#lake, false);
      const { committed, lastCommitMs, unpublished, purges } = snapshot;
      const figures = new FileFigures(new Set(purges.map(({ path }) => path)));
      const unpublishedPaths: string[] = [];
      const { replaced } = snapshot;
      for await (const page of this.#commits.pages(snapshot.commitCount, { replaced })) {
        figures.add(page);
        const left = page.filter(({ sequence }) => unpublished.has(sequence));
        unpublishedPaths.push(...left.flatMap(({ files }) => files).map((file) => file.stagedPath));
      }
      return {
        ...{ committed, lastCommitMs, unpublishedPaths, ...figures.figures(dateLimit) },
        seenIdCount: snapshot.seenIdCounter,
        purgedLetterCount: purges.reduce((sum, { letterCount }) => sum + letterCount, 0),
        replayedLetterCount: snapshot.replayCount,
      };
    });
  }

  history(): Promise<LakeHistory> {
    return looking(async () => {
      const snapshot = await readSnapshot(this.#lake, false);
      const purged = new Set(snapshot.purges.map(({ path }) => path));
      const commits = await this.#read(snapshot);
      return {
        counters: snapshot.committed.counters,
        seenIdCount: snapshot.seenIdCounter,
        commits: commits.map(({ sequence, committedAtMs, ranges }) => ({
          ...{ sequence, committedAtMs },
          published: ranges.reduce((sum, { publishedCount }) => sum + publishedCount, 0),
          duplicate: ranges.reduce((sum, { duplicateCount }) => sum + duplicateCount, 0),
          rejected: ranges.reduce((sum, { rejectedCount }) => sum + rejectedCount, 0),
        })),
        files: commits.flatMap(({ files }) => files)
          .filter(({ finalPath }) => !purged.has(finalPath))
          .sort(byFinalPath)
          .map(({ kind, finalPath, stagedPath, rowCount, bytes }): CommittedFile => ({
            ...{ kind, finalPath, stagedPath, rowCount, bytes },
          })),
      };
    });
  }

  trace(eventId: string): Promise<CheckpointTrace> {
    return looking(async () => {
      const { purges, commitCount, replaced, instanceIds } = await readSnapshot(this.#lake, false);
      const purged = new Set(purges.map(({ path }) => path));
      const pages = this.#commits.pages(commitCount, { replaced });
      return await traceInCommits(this.#lake, pages, { eventId, purged, instanceIds });
    });
  }

  fileFilter(
    { sequence, finalPath }: Pick<TracedFile, "sequence" | "finalPath">,
  ): Promise<Uint8Array | null> {
    return looking(async () => {
      const filter = await this.#lake.send("GET", filterKey(sequence, finalPath));
      return filter instanceof Uint8Array ? new Uint8Array(filter) : null;
    });
  }

  isPurged(path: string): Promise<boolean> {
    return looking(async () => await this.#lake.send("HEXISTS", "purges", path) === 1);
  }

  async deadLetterCount(): Promise<number> {
    return (await this.status(0)).deadLetters.rows;
  }

  markOf(letter: Origin): Promise<MarkedReplay | null> {
    return looking(() => readMark(this.#lake, letter));
  }

  async soundness(): Promise<Soundness> {
    try {
      const snapshot = await looking(() => readSnapshot(this.#lake, true));
      const { seenIdCount, seenIdCounter, committed, lastCommitMs } = snapshot;
      if (seenIdCount !== seenIdCounter) {
        const detail = `it holds ${seenIdCount} event ids, and ${seenIdCounter} were counted`;
        return { kind: "damaged", detail };
      }
      return {
        kind: "sound",
        schemaVersion: Number(KEYS_VERSION),
        instanceId: snapshot.instanceIds.at(-1) ?? "",
        sequence: committed.sequence,
        lastCommitMs,
        isWhole: true,
      };
    } catch (error) {
      if (!(error instanceof OrillaError)) throw error;
      return { kind: error.exitCode === 3 ? "damaged" : "out_of_reach", detail: error.message };
    }
  }

  serverChecks(): readonly ServerCheck[] {
    return serverChecks(this.#lake.connection, this.#address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lake[Symbol.asyncDispose]();
  }

  /** All commits of a snapshot, in the order of their numbers. */
  async #read({ commitCount, replaced }: LakeSnapshot): Promise<readonly CommitRecord[]> {
    const commits: CommitRecord[] = [];
    for await (const page of this.#commits.pages(commitCount, { replaced })) commits.push(...page);
    return commits.sort((a, b) => a.sequence - b.sequence);
  }
}

/** A server that cannot be reached ends a look at it: nothing is tried again. */
async function looking<T>(look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) throw error;
    throw operatingError(messageOf(error), error);
  }
}

function byFinalPath(a: { readonly finalPath: string }, b: { readonly finalPath: string }): number {
  return compare(a.finalPath, b.finalPath);
}

function compare<T extends string | bigint>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
