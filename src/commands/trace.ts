import { damagedError, usageError } from "../core/errors.ts";
import { isReason, REASONS } from "../core/outcome.ts";
import { partitionName, type Position } from "../core/record.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { isoMicroseconds } from "../core/timestamp.ts";
import { type EventTrace, type RowPlace, traceEvent } from "../pipeline/trace.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommandContext } from "./context.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { thousands } from "../core/count_text.ts";

/** Whether another copy of an event would be a duplicate. */
type Seen =
  /** It would be, until then; null is for ever. */
  | { readonly state: "seen"; readonly untilMs: number | null }
  /** It would be published again. */
  | { readonly state: "expired"; readonly sinceMs: number }
  | { readonly state: "never" };

/**
 * Prints where an event is. That it was never seen here is an answer too.
 *
 * @throws OrillaError with exit code 2 where no id is given, 3 where a file that may hold it cannot be read
 */
export async function traceId(context: CommandContext): Promise<void> {
  const { config, outDir, reporter } = context;
  const { id, dedupeTtl, json } = config;
  if (id === null) {
    throw usageError("Cannot trace: expected an event_id, got none. Try: orilla trace EVENT_ID");
  }
  await using lake = await lakeOf(context);
  const trace = await traceEvent(lake, id);
  const seen = seenState(trace, { ttlMs: dedupeTtl, nowMs: systemClock.nowMs() });
  reporter.print(json ? jsonText(jsonOf(trace, seen)) : reportText(trace, seen));
  if (trace.unreadable.length > 0) {
    throw damagedError(
      `${trace.unreadable.length} files of ${outDir} may hold the event and cannot be read. See orilla verify`,
    );
  }
}

/** By the time of its last commit, which is what the seen ids go by too. */
export function seenState(
  { published }: Pick<EventTrace, "published">,
  { ttlMs, nowMs }: { readonly ttlMs: number; readonly nowMs: number },
): Seen {
  const last = published.at(-1);
  if (last === undefined) return { state: "never" };
  if (ttlMs === 0) return { state: "seen", untilMs: null };
  const endMs = last.committedAtMs + ttlMs;
  return nowMs < endMs ? { state: "seen", untilMs: endMs } : { state: "expired", sinceMs: endMs };
}

/** The outcome in a word. */
function outcomeOf({ published, duplicates, rejected }: EventTrace) {
  if (published.length > 0) return "published";
  if (duplicates.length > 0) return "duplicate";
  return rejected.length > 0 ? "rejected" : "never_seen";
}

function jsonOf(trace: EventTrace, seen: Seen) {
  const place = (
    { topic, partition, offset, file, sequence, committedAtMs }: Position & RowPlace,
  ) => ({
    topic,
    partition,
    offset,
    file,
    sequence,
    committedAt: isoMs(committedAtMs),
  });
  return {
    eventId: trace.eventId,
    outcome: outcomeOf(trace),
    published: trace.published.map((row) => ({
      ...place(row),
      ts: isoMicroseconds(row.tsMicroseconds),
      processingTs: isoMicroseconds(row.processingTsMicroseconds),
    })),
    seenIds: seen.state === "seen"
      ? { state: seen.state, until: seen.untilMs === null ? null : isoMs(seen.untilMs) }
      : seen.state === "expired"
      ? { state: seen.state, since: isoMs(seen.sinceMs) }
      : { state: seen.state },
    duplicates: trace.duplicates.map(({ foundAtMs, ...duplicate }) => ({
      ...duplicate,
      foundAt: isoMs(foundAtMs),
    })),
    rejected: trace.rejected.map((row) => ({
      ...place(row),
      reason: row.reason,
      path: row.path,
      attempts: row.attempts,
      replay: row.replay && {
        outcome: row.replay.outcome,
        detail: row.replay.detail,
        sequence: row.replay.sequence,
        replayedAt: isoMs(row.replay.replayedAtMs),
      },
      rejectedAt: isoMicroseconds(row.rejectedAtMicroseconds),
    })),
    unreadable: trace.unreadable,
    files: trace.fileCount,
    filesOpened: trace.openedCount,
  };
}

/** Duplicates shown to people at most, the latest ones; JSON has all. */
const MAX_DUPLICATES = 20;

/** The answer for people. */
export function reportText(trace: EventTrace, seen: Seen): string {
  return [
    `event_id ${JSON.stringify(trace.eventId)}, looked for in ${thousands(trace.fileCount)} files`,
    "",
    ...trace.published.flatMap(publishedLines),
    ...seenLines(seen),
    ...duplicateLines(trace),
    ...trace.rejected.flatMap(rejectedLines),
    ...trace.unreadable.map(({ file, reason }) => line("unreadable", `${file}: ${reason}`)),
    ...(outcomeOf(trace) === "never_seen" && trace.unreadable.length === 0
      ? [
        "Never seen here: no row, no dead letter and no recorded duplicate has this event_id.",
        "A record whose event_id could not be read is in the dead letters without one.",
      ]
      : []),
    "",
  ].join("\n");
}

function publishedLines(row: EventTrace["published"][number]): string[] {
  return [
    line("published", `${commitText(row)}: ${positionText(row)}`),
    line("", `ts ${isoMicroseconds(row.tsMicroseconds)}`),
    line("", `processing_ts ${isoMicroseconds(row.processingTsMicroseconds)}`),
    line("", row.file),
  ];
}

function seenLines(seen: Seen): string[] {
  switch (seen.state) {
    case "never":
      return [];
    case "expired":
      return [
        line("seen ids", `expired ${isoMs(seen.sinceMs)}: another copy would be published again`),
      ];
    case "seen":
      return [
        line(
          "seen ids",
          `another copy is a duplicate${
            seen.untilMs === null ? "" : ` until ${isoMs(seen.untilMs)}`
          }`,
        ),
      ];
    default:
      return seen satisfies never;
  }
}

function duplicateLines({ duplicates }: EventTrace): string[] {
  const shown = duplicates.slice(-MAX_DUPLICATES);
  const left = duplicates.length - shown.length;
  return [
    ...(left > 0 ? [line("duplicate", `${thousands(left)} earlier ones; --json has all`)] : []),
    ...shown.map((duplicate) =>
      line(
        "duplicate",
        `${commitText({ ...duplicate, committedAtMs: duplicate.foundAtMs })}: ${
          positionText(duplicate)
        }`,
      )
    ),
  ];
}

function rejectedLines(row: EventTrace["rejected"][number]): string[] {
  const meaning = isReason(row.reason) ? `, ${REASONS[row.reason]}` : "";
  return [
    line("rejected", `${commitText(row)}: ${positionText(row)}`),
    line("", `${row.reason}${meaning}`),
    ...(row.replay === null ? [] : [line("", replayText(row.replay))]),
    line("", row.file),
  ];
}

function replayText({ outcome, detail, replayedAtMs }: MarkedReplay): string {
  return `replayed ${isoMs(replayedAtMs)}: ${outcome}${detail === null ? "" : ` (${detail})`}`;
}

function line(label: string, text: string): string {
  return `  ${label.padEnd(10)}  ${text}`;
}

function commitText({ sequence, committedAtMs }: Pick<RowPlace, "sequence" | "committedAtMs">) {
  const commit = sequence === null
    ? "a commit that the checkpoint does not know"
    : `commit ${sequence}`;
  return `${commit}, ${isoMs(committedAtMs)}`;
}

function positionText(position: Position): string {
  return `${partitionName(position)}, offset ${position.offset}`;
}

function isoMs(ms: number): string {
  return new Date(ms).toISOString();
}
