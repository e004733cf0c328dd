import type { Commit, ManifestFile, OffsetRange, PartitionState } from "../../core/commit.ts";
import type { CounterRow } from "../../core/counters.ts";
import type { PurgedFile } from "../../core/purge.ts";
import type { Origin, TopicPartition } from "../../core/record.ts";
import { type MarkedReplay, REPLAY_OUTCOMES } from "../../core/replay.ts";

/** A commit as Redis keeps it, without its ids, counters and traces. */
export interface CommitRecord {
  readonly sequence: number;
  readonly instanceId: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly committedAtMs: number;
  readonly trigger: string;
  readonly files: readonly ManifestFile[];
  readonly ranges: readonly OffsetRange[];
  /** Duplicates whose positions were recorded with it. */
  readonly duplicateCount: number;
}

/** Without names, since all of them are kept in memory. */
type StoredCommit = readonly [
  sequence: number,
  instanceId: string,
  committedAtMs: number,
  trigger: string,
  files: readonly StoredFile[],
  ranges: readonly StoredRange[],
  duplicateCount: number,
];

type StoredFile = readonly [
  kind: ManifestFile["kind"],
  finalPath: string,
  stagedPath: string,
  rowCount: number,
  bytes: number,
  checksum: string,
  minTsMicroseconds: string,
  maxTsMicroseconds: string,
];

type StoredRange = readonly [
  topic: string,
  partition: number,
  firstOffset: string,
  nextOffset: string,
  publishedCount: number,
  duplicateCount: number,
  rejectedCount: number,
];

/** What Redis keeps of a commit. */
export function commitText(commit: Commit, instanceId: string): string {
  const { sequence, committedAtMs, trigger, files, ranges, traces } = commit;
  const stored: StoredCommit = [
    sequence,
    instanceId,
    committedAtMs,
    trigger,
    files.map((file) => [
      file.kind,
      file.finalPath,
      file.stagedPath,
      file.rowCount,
      file.bytes,
      file.checksum,
      String(file.minTsMicroseconds),
      String(file.maxTsMicroseconds),
    ]),
    ranges.map((range) => [
      range.topic,
      range.partition,
      String(range.firstOffset),
      String(range.nextOffset),
      range.publishedCount,
      range.duplicateCount,
      range.rejectedCount,
    ]),
    traces.duplicates?.count ?? 0,
  ];
  return JSON.stringify(stored);
}

/** Reads what `commitText` wrote. */
export function commitRecordOf(text: string): CommitRecord {
  const stored: StoredCommit = JSON.parse(text);
  const [sequence, instanceId, committedAtMs, trigger, files, ranges, duplicateCount] = stored;
  return {
    ...{ sequence, instanceId, committedAtMs, trigger, duplicateCount },
    files: files.map(([kind, finalPath, stagedPath, rowCount, bytes, checksum, min, max]) => {
      const bounds = { minTsMicroseconds: BigInt(min), maxTsMicroseconds: BigInt(max) };
      return { kind, finalPath, stagedPath, rowCount, bytes, checksum, ...bounds };
    }),
    ranges: ranges.map(([topic, partition, first, next, published, duplicate, rejected]) => ({
      ...{ topic, partition, firstOffset: BigInt(first), nextOffset: BigInt(next) },
      ...{ publishedCount: published, duplicateCount: duplicate, rejectedCount: rejected },
    })),
  };
}

/** The field of a topic-partition. */
export function partitionField({ topic, partition }: TopicPartition): string {
  return `${partition}:${topic}`;
}

/** Where a topic-partition stands, from its field and what the scripts wrote there. */
export function partitionStateOf(field: string, state: string): PartitionState {
  const colon = field.indexOf(":");
  const [next = "0", published, duplicate, rejected] = state.split(" ");
  return {
    topic: field.slice(colon + 1),
    partition: Number(field.slice(0, colon)),
    nextOffset: BigInt(next),
    publishedCount: Number(published),
    duplicateCount: Number(duplicate),
    rejectedCount: Number(rejected),
  };
}

/** The field of a counter. */
export function counterField(name: string, label: string): string {
  return `${name} ${label}`;
}

/** A counter from its field and value. */
export function counterRowOf([field, value]: readonly [string, string]): CounterRow {
  const space = field.indexOf(" ");
  return [field.slice(0, space), field.slice(space + 1), Number(value)];
}

/** The field of a dead letter that was replayed. */
export function letterField({ topic, partition, offset, attempts }: Origin): string {
  return `${attempts} ${offset} ${partition}:${topic}`;
}

type Mark = Omit<MarkedReplay, "letter">;

/** What Redis keeps of a replay. */
export function markText({ outcome, detail, sequence, replayedAtMs }: Mark): string {
  return JSON.stringify([outcome, detail, sequence, replayedAtMs]);
}

/** Reads what `letterField` and `markText` wrote; null where the outcome is none that is known. */
export function markedReplayOf(field: string, text: string): MarkedReplay | null {
  const [, attempts, offset, partition, topic] = /^(\d+) (\d+) (\d+):(.*)$/s.exec(field) ?? [];
  const [stored, detail, sequence, replayedAtMs] = JSON.parse(text);
  const outcome = REPLAY_OUTCOMES.find((known) => known === stored);
  if (outcome === undefined || offset === undefined || topic === undefined) return null;
  const place = { topic, partition: Number(partition), offset: BigInt(offset) };
  return {
    letter: { ...place, attempts: Number(attempts) },
    outcome,
    detail,
    sequence,
    replayedAtMs,
  };
}

/** What Redis keeps of a purged file. */
export function purgeText(file: PurgedFile): string {
  return JSON.stringify(file);
}

/** Reads what `purgeText` wrote. */
export function purgedFileOf(text: string): PurgedFile {
  return JSON.parse(text);
}

/** The name of the key with a file's filter; of that of a commit's duplicates where the path is empty. */
export function filterKey(sequence: number, finalPath: string): string {
  return `filter:${sequence}:${finalPath}`;
}
