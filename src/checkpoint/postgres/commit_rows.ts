import type { Commit, OffsetRange } from "../../core/commit.ts";
import { partitionName } from "../../core/record.ts";
import type { Replay } from "../../core/replay.ts";
import { compressed } from "../duplicates.ts";
import type { ReplayedAt } from "../replays.ts";
import type { Run } from "./connection.ts";

/** Parameters of one statement: the protocol has 16 bits for their number. */
const FILES_AT_ONCE = 1_000;

/**
 * Stores a commit itself. Where it is there already, it was made, and its answer was lost: what an earlier
 * connection has begun is waited for.
 *
 * @returns false where it is there
 */
export async function insertCommit(
  run: Run,
  { sequence, committedAtMs, trigger }: Commit,
  instanceId: string,
): Promise<boolean> {
  const { count } = await run((sql) =>
    sql`
      INSERT INTO commits VALUES (${sequence}, ${instanceId}, ${committedAtMs}, ${trigger}, false)
      ON CONFLICT (sequence) DO NOTHING`
  );
  return count === 1;
}

/** Stores a commit's manifest, with the filters of its files, and its duplicates. */
export async function insertFiles(run: Run, commit: Commit): Promise<void> {
  const { sequence, committedAtMs, traces } = commit;
  const filters = new Map(traces.filters.map(({ finalPath, filter }) => [finalPath, filter]));
  const rows = commit.files.map((file) => ({
    sequence,
    final_path: file.finalPath,
    staged_path: file.stagedPath,
    kind: file.kind,
    row_count: file.rowCount,
    bytes: file.bytes,
    checksum: file.checksum,
    min_ts_us: file.minTsMicroseconds,
    max_ts_us: file.maxTsMicroseconds,
    filter: filters.get(file.finalPath) ?? null,
  }));
  for (let at = 0; at < rows.length; at += FILES_AT_ONCE) {
    const some = rows.slice(at, at + FILES_AT_ONCE);
    await run((sql) => sql`INSERT INTO files ${sql(some)}`);
  }
  if (traces.duplicates === null) return;
  const { count, partitions, filter, records } = traces.duplicates;
  await run((sql) =>
    sql`
      INSERT INTO duplicates VALUES (${sequence}, ${committedAtMs}, ${count},
        ${JSON.stringify(partitions)}, ${filter}, ${compressed(records)})`
  );
}

/** Stores what a commit handled of each topic-partition. */
export async function insertRanges(
  run: Run,
  sequence: number,
  ranges: readonly OffsetRange[],
): Promise<void> {
  if (ranges.length === 0) return;
  await run((sql) =>
    sql`
      INSERT INTO offset_ranges
        SELECT ${sequence}::bigint, topic, partition, first_offset, next_offset, published, duplicate, rejected
        FROM json_to_recordset(${rangesText(ranges)}::text::json) AS r ${sql.unsafe(RANGE_COLUMNS)}`
  );
}

const RANGE_COLUMNS = `(topic text, partition int, first_offset bigint, next_offset bigint,
  published bigint, duplicate bigint, rejected bigint, epoch bigint)`;

/**
 * Moves a commit's partitions forward.
 *
 * @param epochs by partition name, those of this process's claims
 * @returns false where one of them is not claimed by this process any more, or its next offset is beyond the range
 */
export async function movePartitions(
  run: Run,
  ranges: readonly OffsetRange[],
  { instanceId, epochs }: {
    readonly instanceId: string;
    readonly epochs: ReadonlyMap<string, bigint>;
  },
): Promise<boolean> {
  if (ranges.length === 0) return true;
  const { count } = await run((sql) =>
    sql`
      UPDATE partitions AS p SET next_offset = r.next_offset, published = p.published + r.published,
        duplicate = p.duplicate + r.duplicate, rejected = p.rejected + r.rejected
      FROM json_to_recordset(${rangesText(ranges, epochs)}::text::json) AS r ${
      sql.unsafe(RANGE_COLUMNS)
    }
      WHERE p.topic = r.topic AND p.partition = r.partition AND p.owner = ${instanceId}
        AND p.epoch = r.epoch AND r.first_offset >= coalesce(p.next_offset, 0)
        AND r.next_offset > coalesce(p.next_offset, 0)`
  );
  return count === ranges.length;
}

/** Adds ranges that may lie before the next offsets of their partitions, or over them. */
export async function adoptRanges(run: Run, ranges: readonly OffsetRange[]): Promise<void> {
  if (ranges.length === 0) return;
  await run((sql) =>
    sql`
      INSERT INTO partitions (topic, partition, next_offset, published, duplicate, rejected)
        SELECT topic, partition, next_offset, published, duplicate, rejected
        FROM json_to_recordset(${rangesText(ranges)}::text::json) AS r ${sql.unsafe(RANGE_COLUMNS)}
      ON CONFLICT (topic, partition) DO UPDATE SET
        next_offset = greatest(partitions.next_offset, excluded.next_offset),
        published = partitions.published + excluded.published,
        duplicate = partitions.duplicate + excluded.duplicate,
        rejected = partitions.rejected + excluded.rejected`
  );
}

/**
 * Marks replays. A mark that is there already stays as it is.
 *
 * @returns how many were marked
 */
export async function insertReplays(
  run: Run,
  replays: readonly Replay[],
  { sequence, replayedAtMs }: ReplayedAt,
): Promise<number> {
  if (replays.length === 0) return 0;
  const rows = replays.map(({ letter, outcome, detail }) => ({
    ...letter,
    offset: String(letter.offset),
    outcome,
    detail,
  }));
  const { count } = await run((sql) =>
    sql`
      INSERT INTO replays
        SELECT topic, partition, "offset", attempts, outcome, detail, ${sequence}::bigint, ${replayedAtMs}::bigint
        FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS r
          (topic text, partition int, "offset" bigint, attempts int, outcome text, detail text)
      ON CONFLICT DO NOTHING`
  );
  return count;
}

/** Ranges as JSON; 64-bit numbers as texts, which JSON's numbers need not hold exactly. */
function rangesText(
  ranges: readonly OffsetRange[],
  epochs: ReadonlyMap<string, bigint> = new Map(),
): string {
  return JSON.stringify(ranges.map((range) => ({
    topic: range.topic,
    partition: range.partition,
    first_offset: String(range.firstOffset),
    next_offset: String(range.nextOffset),
    published: range.publishedCount,
    duplicate: range.duplicateCount,
    rejected: range.rejectedCount,
    epoch: String(epochs.get(partitionName(range)) ?? -1n),
  })));
}
