import type { DateAndKindTotals, LakeStatus } from "../checkpoint/lake_status.ts";
import { mostFrequent, totalOf } from "../core/counters.ts";
import { OrillaError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import { type LakeFile, listStaged } from "../lake/lake_reader.ts";
import { readTable } from "../pipeline/lake_table.ts";
import type { TableState } from "../pipeline/verify_table.ts";
import { systemClock } from "../runtime/clock.ts";
import type { LakeFiles } from "../lake/storage.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseWithoutCheckpoint } from "./lake_there.ts";
import { counted, thousands } from "../core/count_text.ts";
import { agoText, byteText } from "./summary.ts";
import { tableLines } from "./table.ts";

/** What status knows beside the checkpoint. */
interface Around {
  readonly outDir: string;
  /** Whether a process is writing to the lake. */
  readonly isLocked: boolean;
  readonly staged: StagedCounts;
  /** Null where the lake is no table. */
  readonly table: TableAround | null;
  readonly nowMs: number;
}

/** The lake as a table, or why its log cannot be read. */
type TableAround = TableState | { readonly problem: string };

/** Files that have no final names yet. */
interface StagedCounts {
  /** Of a commit. */
  readonly committed: number;
  /** Of a batch under way, or left by a crash. */
  readonly uncommitted: number;
}

/**
 * Prints what the last commit left, also beside a running consumer.
 *
 * @throws OrillaError with exit code 3 where there is no checkpoint, or it cannot be read
 */
export async function showStatus(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  await using lake = await lakeOf(context);
  const { files, reader } = lake;
  await refuseWithoutCheckpoint(reader);
  // In this order: what is committed meanwhile is known then.
  const staged = await listStaged(files);
  const status = await reader.status(config.dates);
  const around: Around = {
    outDir,
    isLocked: await reader.isWriting(),
    staged: await countStaged(files, staged, status),
    table: await tableAround(files),
    nowMs: systemClock.nowMs(),
  };
  reporter.print(config.json ? jsonText(jsonOf(status, around)) : statusText(status, around));
}

async function tableAround(files: LakeFiles): Promise<TableAround | null> {
  try {
    const content = await readTable(files);
    return content === null
      ? null
      : { version: content.version, fileCount: content.snapshot.files.size };
  } catch (error) {
    if (!(error instanceof OrillaError)) throw error;
    return { problem: error.message };
  }
}

/** Which of the staged files that were listed belong to a commit. */
export async function countStaged(
  files: LakeFiles,
  staged: readonly Pick<LakeFile, "path">[],
  { unpublishedPaths }: Pick<LakeStatus, "unpublishedPaths">,
): Promise<StagedCounts> {
  const known = new Set(unpublishedPaths);
  let committed = 0, uncommitted = 0;
  for (const { path } of staged) {
    // A writer beside us may have published it since.
    if (!await files.exists(path)) continue;
    if (known.has(path)) committed++;
    else uncommitted++;
  }
  return { committed, uncommitted };
}

/** How many dead letters wait for a replay: exactly, but where both purges and replays took some away. */
export function waitingLetters(
  { deadLetters, purgedLetterCount, replayedLetterCount }: Pick<
    LakeStatus,
    "deadLetters" | "purgedLetterCount" | "replayedLetterCount"
  >,
): { readonly atLeast: number; readonly atMost: number } {
  const there = deadLetters.rows, unmarked = there - replayedLetterCount;
  const atLeast = Math.max(0, unmarked);
  // A letter may have been replayed first, and purged then.
  const most = unmarked + Math.min(replayedLetterCount, purgedLetterCount);
  return { atLeast, atMost: Math.max(atLeast, Math.min(there, most)) };
}

function jsonOf(status: LakeStatus, { outDir, isLocked, staged, table, nowMs }: Around) {
  const { committed: { sequence, counters, partitions }, lastCommitMs, deadLetters } = status;
  return {
    outDir,
    lastCommit: lastCommitMs === null ? null : {
      sequence,
      committedAt: new Date(lastCommitMs).toISOString(),
      ageMs: nowMs - lastCommitMs,
    },
    isLocked,
    counters: {
      received: counters.received,
      published: counters.published,
      duplicate: counters.duplicate,
      rejected: totalOf(counters.rejected),
      rejectedByReason: Object.fromEntries(mostFrequent(counters.rejected)),
    },
    partitions: partitions.map(({ topic, partition, nextOffset, ...counts }) => ({
      topic,
      partition,
      nextOffset,
      published: counts.publishedCount,
      duplicate: counts.duplicateCount,
      rejected: counts.rejectedCount,
    })),
    events: status.events,
    deadLetters: {
      ...deadLetters,
      waiting: waitingLetters(status),
      replayed: status.replayedLetterCount,
      purged: status.purgedLetterCount,
    },
    seenIds: status.seenIdCount,
    staged,
    table,
    dateCount: status.dateCount,
    dates: status.dates,
  };
}

/** The status for people. */
export function statusText(status: LakeStatus, around: Around): string {
  const { committed: { sequence, counters }, lastCommitMs, seenIdCount } = status;
  const line = (label: string, text: string) => `  ${label.padEnd(13)} ${text}`;
  return [
    around.outDir,
    "",
    line(
      "last commit",
      lastCommitMs === null
        ? "none yet"
        : `${thousands(sequence)}, ${new Date(lastCommitMs).toISOString()} (${
          agoText(around.nowMs - lastCommitMs)
        })`,
    ),
    line("process", around.isLocked ? "an orilla is writing here" : "none is writing here"),
    line("received", thousands(counters.received)),
    line("published", thousands(counters.published)),
    line("duplicate", thousands(counters.duplicate)),
    line("rejected", thousands(totalOf(counters.rejected))),
    ...mostFrequent(counters.rejected).map(([reason, count]) =>
      `    ${reason.padEnd(24)} ${thousands(count)}`
    ),
    line("dead letters", lettersText(status)),
    line("seen ids", thousands(seenIdCount)),
    ...stagedTexts(around).map((text) => line("staged", text)),
    ...tableTexts(status, around).map((text) => line("table", text)),
    "",
    ...partitionLines(status),
    ...dateLines(status),
    "",
  ].join("\n");
}

function lettersText(status: LakeStatus): string {
  const { atLeast, atMost } = waitingLetters(status);
  const waiting = atLeast === atMost
    ? `${thousands(atMost)} wait`
    : `${thousands(atLeast)} to ${thousands(atMost)} wait (orilla dlq list counts them)`;
  return `${waiting}; ${thousands(status.replayedLetterCount)} replayed, ${
    thousands(status.purgedLetterCount)
  } purged`;
}

function stagedTexts({ staged: { committed, uncommitted }, isLocked }: Around): readonly string[] {
  const [published, whose] = isLocked ? ["being published", "of the batch under way"] : [
    "not published yet; the next start does it",
    "of a batch that was not committed; the next start deletes them",
  ];
  return [
    ...(committed === 0 ? [] : [`${counted(committed, "file")} of the last commit, ${published}`]),
    ...(uncommitted === 0 ? [] : [`${counted(uncommitted, "file")} ${whose}`]),
    ...(committed + uncommitted === 0 ? ["nothing"] : []),
  ];
}

function tableTexts({ events }: LakeStatus, { table, isLocked }: Around): readonly string[] {
  if (table === null) return [];
  if ("problem" in table) return [table.problem];
  const { version, fileCount } = table, lacking = events.files - fileCount;
  const whose = isLocked ? "" : "; the next start appends them";
  return [
    `Delta Lake, version ${version}, ${counted(fileCount, "file")}${
      lacking > 0 ? `; lacks ${counted(lacking, "file")}${whose}` : ""
    }`,
  ];
}

function partitionLines({ committed: { partitions } }: LakeStatus): readonly string[] {
  if (partitions.length === 0) return [];
  const titles = ["partition", "next offset", "published", "duplicate", "rejected"];
  const rows = partitions.map((partition) => [
    partitionName(partition),
    String(partition.nextOffset),
    thousands(partition.publishedCount),
    thousands(partition.duplicateCount),
    thousands(partition.rejectedCount),
  ]);
  return [...tableLines(titles, rows, 1), ""];
}

function dateLines({ events, deadLetters, dates, dateCount }: LakeStatus): readonly string[] {
  const cells = ({ files, rows, bytes }: Omit<DateAndKindTotals, "kind" | "date">) => [
    thousands(files),
    thousands(rows),
    byteText(bytes),
  ];
  const left = dateCount - new Set(dates.map(({ date }) => date)).size;
  return [
    ...tableLines(["", "files", "rows", "size"], [
      ["events", ...cells(events)],
      ["dead letters", ...cells(deadLetters)],
      ...dates.map(({ kind, date, ...totals }) => [
        `${kind === "events" ? "" : "_dead_letters/"}date=${date}`,
        ...cells(totals),
      ]),
    ], 1),
    ...(left > 0 ? [`  … and ${thousands(left)} earlier dates: --dates lists more`] : []),
  ];
}
