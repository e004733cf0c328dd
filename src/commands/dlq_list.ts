import { isMeant } from "../core/dead_letter.ts";
import { loadParquet } from "../lake/parquet.ts";
import { readDeadLetters } from "../lake/dead_letter_reader.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import type { CommandContext } from "./context.ts";
import { filterOf } from "./dead_letter_filter.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseUnreadable } from "./lake_there.ts";
import { thousands } from "../core/count_text.ts";
import { tableLines } from "./table.ts";

/** Dead letters of one reason and date, by what became of them. */
interface Counts {
  readonly reason: string;
  /** The UTC date of their rejection. */
  readonly date: string;
  waiting: number;
  /** Of those that wait: a replay rejected them once more. */
  rejectedAgain: number;
  published: number;
  duplicate: number;
  sent: number;
}

/** Counts the dead letters by reason and date. Never prints what is in them. */
export async function listDeadLetters(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  const counts = await countLetters(context);
  if (config.json) {
    reporter.print(jsonText({ outDir, ...totalsOf(counts), byReasonAndDate: counts }));
    return;
  }
  reporter.print(listText(counts, outDir));
}

async function countLetters(context: CommandContext): Promise<Counts[]> {
  const { config, reporter } = context;
  await using lake = await lakeOf(context);
  await refuseUnreadable(lake.reader);
  await loadParquet();
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const onProgress = (done: number, total: number) => meter.update(done, total);
  const filter = filterOf(config);
  const groups = new Map<string, Counts>();
  const reading = { sinceMs: filter.sinceMs, onProgress };
  for await (const letter of readDeadLetters(lake.files, reading)) {
    if (!isMeant(letter, filter)) continue;
    const { position, attempts, reason, rejectedAtMs } = letter;
    const mark = await lake.reader.markOf({ ...position, attempts });
    // The dead letter that this one became stands for the record.
    if (mark?.outcome === "rejected") continue;
    const date = new Date(rejectedAtMs).toISOString().slice(0, 10);
    const key = `${reason} ${date}`;
    const group = groups.get(key) ??
      { reason, date, waiting: 0, rejectedAgain: 0, published: 0, duplicate: 0, sent: 0 };
    groups.set(key, group);
    group[mark?.outcome ?? "waiting"]++;
    if (mark === null && attempts > 1) group.rejectedAgain++;
  }
  return [...groups.entries()].sort(([a], [b]) => a < b ? -1 : 1).map(([, group]) => group);
}

function totalsOf(counts: readonly Counts[]) {
  const sum = (of: (group: Counts) => number) =>
    counts.reduce((total, group) => total + of(group), 0);
  return {
    waiting: sum(({ waiting }) => waiting),
    rejectedAgain: sum(({ rejectedAgain }) => rejectedAgain),
    published: sum(({ published }) => published),
    duplicate: sum(({ duplicate }) => duplicate),
    sent: sum(({ sent }) => sent),
  };
}

function listText(counts: readonly Counts[], outDir: string): string {
  if (counts.length === 0) return `${outDir}: no such dead letters\n`;
  const { waiting, rejectedAgain, published, duplicate, sent } = totalsOf(counts);
  const rows = counts.map((group) => [
    group.reason,
    group.date,
    ...[group.waiting, group.published, group.duplicate, group.sent].map(thousands),
  ]);
  const again = rejectedAgain === 0
    ? []
    : [`  ${thousands(rejectedAgain)} of those that wait were rejected again by a replay`];
  return [
    `${outDir}: ${thousands(waiting)} dead letters wait; replayed: ${thousands(published)} ` +
    `published, ${thousands(duplicate)} duplicates, ${thousands(sent)} sent to a topic`,
    "",
    ...tableLines(["reason", "date", "waiting", "published", "duplicate", "sent"], rows, 2),
    ...again,
    "",
    "  look at one:  orilla dlq show TOPIC/PARTITION/OFFSET  (positions: orilla dlq export)",
    "",
  ].join("\n");
}
