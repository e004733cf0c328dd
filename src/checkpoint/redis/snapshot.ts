import { damagedError } from "../../core/errors.ts";
import type { Committed } from "../../core/commit.ts";
import { type CounterRow, countersOf } from "../../core/counters.ts";
import type { PurgedFile } from "../../core/purge.ts";
import type { MarkedReplay } from "../../core/replay.ts";
import { KEYS_VERSION, versionError } from "./opening.ts";
import { counterRowOf, markedReplayOf, partitionStateOf, purgedFileOf } from "./records.ts";
import type { RedisLake } from "./redis_lake.ts";
import { fieldsOf, listOf, numberOf, textOf } from "./replies.ts";

/** Everything that Redis holds of a lake but the commits themselves, as of one moment. */
export interface LakeSnapshot {
  readonly committed: Committed;
  readonly lastCommitMs: number | null;
  /** The first so many commits belong to it. */
  readonly commitCount: number;
  /** Paths of files of these commits that were merged into others. */
  readonly replaced: ReadonlySet<string>;
  /** Sequences of commits whose files are not known to be published. */
  readonly unpublished: ReadonlySet<number>;
  readonly purges: readonly PurgedFile[];
  /** Empty unless asked for. */
  readonly replays: readonly MarkedReplay[];
  readonly replayCount: number;
  readonly instanceIds: readonly string[];
  /** Event ids, as counted commit by commit. */
  readonly seenIdCounter: number;
  /** Event ids held, and recorded duplicates; 0 unless asked for. */
  readonly seenIdCount: number;
  readonly recordedDuplicateCount: number;
  /** How long ago a process gave the last sign of life, milliseconds; null where none has the lake open. */
  readonly silentMs: number | null;
}

/**
 * Reads a snapshot.
 *
 * @param withTraces whether replays are read, and ids and duplicates counted one by one
 * @throws OrillaError with exit code 3 where there is no such lake, or it is of another version
 */
export async function readSnapshot(lake: RedisLake, withTraces: boolean): Promise<LakeSnapshot> {
  const answer = await lake.run("snapshot", [withTraces ? "1" : "0"]);
  if (answer === null) {
    throw damagedError(`${lake.name} holds no checkpoint. See CHECKPOINT_URL, or start a consumer`);
  }
  const [own, length, partitions, counters, unpublished, purges, ...rest] = listOf(answer);
  const [replays, replayCount, instances, ids, duplicates, silent, replaced] = rest;
  const fields = fieldsOf(own);
  const version = fields.get("schema_version") ?? "none";
  if (version !== KEYS_VERSION) throw versionError(lake, version);
  const lastCommitMs = fields.get("last_commit_ms");
  const [seenIdCounter, seenIdCount] = listOf(ids).map(numberOf);
  return {
    committed: {
      sequence: Number(fields.get("last_sequence") ?? 0),
      partitions: Array.from(
        fieldsOf(partitions),
        ([field, state]) => partitionStateOf(field, state),
      ),
      counters: countersOf(addUp(listOf(counters).map(fieldsOf))),
    },
    lastCommitMs: lastCommitMs === undefined ? null : Number(lastCommitMs),
    commitCount: numberOf(length),
    replaced: new Set(listOf(replaced).map(textOf)),
    unpublished: new Set(listOf(unpublished).map(numberOf)),
    purges: listOf(purges).map((text) => purgedFileOf(textOf(text))).sort(byPath),
    replays: Array.from(fieldsOf(replays), ([field, text]) => markedReplayOf(field, text))
      .filter((replay) => replay !== null),
    replayCount: numberOf(replayCount),
    instanceIds: listOf(instances).map(textOf),
    seenIdCounter: seenIdCounter ?? 0,
    seenIdCount: seenIdCount ?? 0,
    recordedDuplicateCount: numberOf(duplicates),
    silentMs: textOf(silent) === "" ? null : numberOf(silent),
  };
}

/** The counters of all instances, each counter once. */
function addUp(ofInstances: readonly ReadonlyMap<string, string>[]): CounterRow[] {
  const sums = new Map<string, number>();
  for (const [field, value] of ofInstances.flatMap((counters) => [...counters])) {
    sums.set(field, (sums.get(field) ?? 0) + Number(value));
  }
  return Array.from(sums, ([field, sum]) => counterRowOf([field, String(sum)]));
}

function byPath(a: PurgedFile, b: PurgedFile): number {
  return a.path < b.path ? -1 : 1;
}
