import type { CommitOutcome } from "../../core/lake_report.ts";
import type { CommittedFile, LakeHistory } from "../history.ts";
import type { CheckpointContent } from "../inspection.ts";
import type { DateAndKindTotals, FileTotals, LakeStatus } from "../lake_status.ts";
import type { Row, Run } from "./connection.ts";
import { readCounters, readInstanceIds, readSeenIdCounter } from "./instances.ts";
import { readCommitted, readLastCommitMs } from "./lake_rows.ts";
import { manifestFileOf, markedReplayOf, offsetRangeOf, purgedFileOf } from "./rows.ts";

/** Everything that a store says of its lake. */
export async function readContent(run: Run): Promise<CheckpointContent> {
  const commits = await run((sql) =>
    sql<Row[]>`SELECT sequence, is_published FROM commits ORDER BY sequence`
  );
  const files = await run((sql) =>
    sql<Row[]>`
      SELECT sequence, final_path, staged_path, kind, row_count, bytes, checksum, min_ts_us, max_ts_us
      FROM files ORDER BY final_path COLLATE "C"`
  );
  const ranges = await run((sql) =>
    sql<Row[]>`SELECT * FROM offset_ranges ORDER BY topic, partition, first_offset`
  );
  const purges = await run((sql) => sql<Row[]>`SELECT * FROM purges ORDER BY path COLLATE "C"`);
  const replays = await run((sql) => sql<Row[]>`SELECT * FROM replays`);
  return {
    instanceIds: await readInstanceIds(run),
    committed: await readCommitted(run, null),
    commits: commits.map((row) => ({
      sequence: Number(row["sequence"]),
      isPublished: row["is_published"] === true,
    })),
    files: files.map((row) => ({ ...manifestFileOf(row), sequence: Number(row["sequence"]) })),
    ranges: ranges.map(offsetRangeOf),
    purges: purges.map(purgedFileOf),
    replays: replays.map(markedReplayOf),
    seenIdCount: await numberOf(run, "SELECT count(*) AS n FROM seen_ids"),
    seenIdCounter: await readSeenIdCounter(run),
    recordedDuplicateCount: await numberOf(
      run,
      "SELECT coalesce(sum(count), 0)::bigint AS n FROM duplicates",
    ),
  };
}

const KEPT = "files WHERE final_path NOT IN (SELECT path FROM purges)";
const SUMS = `count(*) AS files, coalesce(sum(row_count), 0)::bigint AS "rows",
  coalesce(sum(bytes), 0)::bigint AS bytes`;
/** `date=2026-11-24` at its place in a final path. */
const DATE = "substr(final_path, position('date=' IN final_path) + 5, 10)";

/** The figures of a store. */
export async function readStatus(run: Run, dateLimit: number): Promise<LakeStatus> {
  const totals = await run((sql) =>
    sql.unsafe<Row[]>(`SELECT kind, ${SUMS} FROM ${KEPT} GROUP BY kind`)
  );
  const of = (kind: string) => fileTotals(totals.find((row) => row["kind"] === kind) ?? {});
  const dates = await run((sql) =>
    sql.unsafe<Row[]>(
      `WITH dated AS (SELECT ${DATE} AS date, kind, row_count, bytes FROM ${KEPT})
       SELECT date, kind, ${SUMS} FROM dated
       WHERE date IN (SELECT DISTINCT date FROM dated ORDER BY date DESC LIMIT $1)
       GROUP BY date, kind ORDER BY date DESC, kind DESC`,
      [dateLimit],
    )
  );
  const unpublished = await run((sql) =>
    sql<Row[]>`
      SELECT staged_path FROM commits JOIN files USING (sequence) WHERE NOT is_published`
  );
  return {
    committed: await readCommitted(run, null),
    lastCommitMs: await readLastCommitMs(run),
    events: of("events"),
    deadLetters: of("dead_letters"),
    dateCount: await numberOf(run, `SELECT count(DISTINCT ${DATE}) AS n FROM ${KEPT}`),
    dates: dates.map((row): DateAndKindTotals => ({
      ...fileTotals(row),
      kind: row["kind"] === "events" ? "events" : "dead_letters",
      date: String(row["date"]),
    })),
    seenIdCount: await readSeenIdCounter(run),
    purgedLetterCount: await numberOf(
      run,
      "SELECT coalesce(sum(letters), 0)::bigint AS n FROM purges",
    ),
    replayedLetterCount: await numberOf(run, "SELECT count(*) AS n FROM replays"),
    unpublishedPaths: unpublished.map((row) => String(row["staged_path"])),
  };
}

/** All commits and files of a store. */
export async function readHistory(run: Run): Promise<LakeHistory> {
  const commits = await run((sql) =>
    sql<Row[]>`
      SELECT sequence, committed_at_ms, coalesce(sum(published), 0)::bigint AS published,
        coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(rejected), 0)::bigint AS rejected
      FROM commits LEFT JOIN offset_ranges USING (sequence)
      GROUP BY sequence, committed_at_ms ORDER BY sequence`
  );
  const files = await run((sql) =>
    sql.unsafe<Row[]>(
      `SELECT kind, final_path, staged_path, row_count, bytes FROM ${KEPT}
       ORDER BY final_path COLLATE "C"`,
    )
  );
  return {
    counters: await readCounters(run, null),
    seenIdCount: await readSeenIdCounter(run),
    commits: commits.map((row): CommitOutcome => ({
      sequence: Number(row["sequence"]),
      committedAtMs: Number(row["committed_at_ms"]),
      published: Number(row["published"]),
      duplicate: Number(row["duplicate"]),
      rejected: Number(row["rejected"]),
    })),
    files: files.map((row): CommittedFile => ({
      kind: row["kind"] === "events" ? "events" : "dead_letters",
      finalPath: String(row["final_path"]),
      stagedPath: String(row["staged_path"]),
      rowCount: Number(row["row_count"]),
      bytes: Number(row["bytes"]),
    })),
  };
}

function fileTotals(row: Row): FileTotals {
  return {
    files: Number(row["files"] ?? 0),
    rows: Number(row["rows"] ?? 0),
    bytes: Number(row["bytes"] ?? 0),
  };
}

async function numberOf(run: Run, query: string): Promise<number> {
  const [row] = await run((sql) => sql.unsafe<Row[]>(query));
  return Number(row?.["n"] ?? 0);
}
