import type { Committed, ManifestFile } from "../../core/commit.ts";
import type { Origin } from "../../core/record.ts";
import type { CommitCounts } from "../../core/reject_window.ts";
import { REPLAY_PARTITION } from "../../core/replay.ts";
import type { MarkedReplay } from "../../core/replay.ts";
import type { UnpublishedCommit } from "../commit_store.ts";
import type { DateTotals } from "../date_totals.ts";
import type { Row, Run } from "./connection.ts";
import { readCounters } from "./instances.ts";
import { manifestFileOf, markedReplayOf, partitionStateOf } from "./rows.ts";

/**
 * What the last commit left.
 *
 * @param instanceId whose counters; null for those of all processes added up
 */
export async function readCommitted(run: Run, instanceId: string | null): Promise<Committed> {
  const [last] = await run((sql) => sql<Row[]>`SELECT max(sequence) AS sequence FROM commits`);
  const partitions = await run((sql) =>
    sql<Row[]>`SELECT * FROM partitions WHERE next_offset IS NOT NULL ORDER BY topic, partition`
  );
  return {
    sequence: Number(last?.["sequence"] ?? 0),
    partitions: partitions.map(partitionStateOf),
    counters: await readCounters(run, instanceId),
  };
}

/** When the last commit was made; null before the first. */
export async function readLastCommitMs(run: Run): Promise<number | null> {
  const [row] = await run((sql) => sql<Row[]>`SELECT max(committed_at_ms) AS ms FROM commits`);
  return typeof row?.["ms"] === "bigint" ? Number(row["ms"]) : null;
}

/** See `CommitStore.recentCounts`; commits of a few ranges are read at a time. */
export async function readRecentCounts(run: Run, recordCount: number): Promise<CommitCounts[]> {
  const counts: CommitCounts[] = [];
  let sum = 0, before: bigint | null = null;
  while (sum < recordCount) {
    const rows: readonly Row[] = await run((sql) =>
      sql<Row[]>`
        SELECT sequence, sum(published + duplicate + rejected)::bigint AS received,
          sum(rejected)::bigint AS rejected
        FROM offset_ranges
        WHERE topic <> ${REPLAY_PARTITION.topic} AND (${before}::bigint IS NULL OR sequence < ${before}::bigint)
        GROUP BY sequence ORDER BY sequence DESC LIMIT 100`
    );
    for (const row of rows) {
      if (sum >= recordCount) break;
      const receivedCount = Number(row["received"]);
      counts.push({ receivedCount, rejectedCount: Number(row["rejected"]) });
      sum += receivedCount;
    }
    const last = rows.at(-1)?.["sequence"];
    if (typeof last !== "bigint") break;
    before = last;
  }
  return counts;
}

/** Files of events by date. Their folder is `date=` and ten characters. */
export async function readDateTotals(run: Run): Promise<readonly DateTotals[]> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT substr(final_path, 6, 10) AS date, count(*) AS files, sum(row_count)::bigint AS row_count,
        sum(bytes)::bigint AS bytes
      FROM files WHERE kind = 'events' GROUP BY 1 ORDER BY 1`
  );
  return rows.map((row) => ({
    date: String(row["date"]),
    fileCount: Number(row["files"]),
    rowCount: Number(row["row_count"]),
    bytes: Number(row["bytes"]),
  }));
}

/** The event files of the commits in a stretch of sequences, commit by commit. */
export async function readEventFiles(
  run: Run,
  { first, end }: { readonly first: number; readonly end: number },
): Promise<readonly ManifestFile[]> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT * FROM files WHERE kind = 'events' AND sequence >= ${first} AND sequence < ${end}
      ORDER BY sequence, final_path COLLATE "C"`
  );
  return rows.map(manifestFileOf);
}

/** Commits whose files are not known to be published. */
export async function readUnpublished(run: Run): Promise<readonly UnpublishedCommit[]> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT c.instance_id, f.* FROM commits AS c JOIN files AS f USING (sequence)
      WHERE NOT c.is_published ORDER BY f.sequence, f.final_path`
  );
  return Array.from(
    Map.groupBy(rows, ({ sequence }) => Number(sequence)),
    ([sequence, files]) => ({
      sequence,
      instanceId: String(files[0]?.["instance_id"]),
      files: files.map(manifestFileOf),
    }),
  );
}

/** What became of a dead letter, null where it waits. */
export async function readMark(run: Run, letter: Origin): Promise<MarkedReplay | null> {
  const { topic, partition, offset, attempts } = letter;
  const [row] = await run((sql) =>
    sql<Row[]>`
      SELECT * FROM replays WHERE topic = ${topic} AND partition = ${partition}
        AND "offset" = ${offset} AND attempts = ${attempts}`
  );
  return row === undefined ? null : markedReplayOf(row);
}
