import { openReader } from "../checkpoint/open_store.ts";
import { failure, type Finding, ok } from "../core/check.ts";
import { OrillaError } from "../core/errors.ts";
import { partitionName } from "../core/record.ts";
import { type KnownOffsets, type KnownWriters, startOffset } from "../kafka/positions.ts";
import { type AdminClient, groupOffsets, logBounds } from "../kafka/topic_offsets.ts";
import { type CommandContext, locationOf } from "./context.ts";
import { hasFolder } from "../options/s3_options.ts";
import type { Examination } from "./examination.ts";
import { thousands } from "../core/count_text.ts";
import { tableLines } from "./table.ts";

/** Partitions shown to people at most, those with the largest lag; JSON has all. */
const MAX_PARTITIONS = 20;

/** Checks how far the group is, and whether the next start can go on from there. */
export async function examineOffsets(
  context: CommandContext,
  { examination, admin }: { readonly examination: Examination; readonly admin: AdminClient },
): Promise<void> {
  const { config, checkpointDir } = context, { topic, groupId } = config;
  let known: readonly KnownOffsets[] = [];
  let writers: KnownWriters = { instanceIds: [], rebuiltInstanceIds: [] };
  await using reader = await openReader(locationOf(context));
  const isKnown = await examination.check("lag", async () => {
    // In this order: a consumer goes on meanwhile, and must not seem to be ahead of its checkpoint or the log.
    const ofGroup = await groupOffsets(admin, { topic, groupId });
    const mayExist = checkpointDir !== "" || !hasFolder(config);
    const hasCheckpoint = mayExist && await reader.exists();
    const positions = hasCheckpoint ? await reader.positions() : null;
    writers = positions ?? writers;
    const next = new Map(
      positions?.committed.partitions.map((at) => [partitionName(at), at.nextOffset]),
    );
    known = (await logBounds(admin, topic)).map((bounds) => ({
      ...bounds,
      group: ofGroup.get(bounds.partition) ?? null,
      checkpoint: next.get(partitionName(bounds)) ?? null,
    }));
    return lagFinding(known);
  });
  if (!isKnown) return examination.skip(["next start"], "the offsets are not known");
  await examination.check("next start", () => startFinding(known, writers));
}

/** Offsets between what the group committed, or the oldest record, and the end of the log. */
export function lagOf({ group, logStart, logEnd }: KnownOffsets): bigint {
  const from = group === null || group.offset < logStart ? logStart : group.offset;
  return logEnd > from ? logEnd - from : 0n;
}

export function lagFinding(known: readonly KnownOffsets[]): Finding {
  const rows = known.map((at) => ({
    partition: at.partition,
    committed: at.group?.offset ?? null,
    checkpoint: at.checkpoint,
    logStart: at.logStart,
    logEnd: at.logEnd,
    lag: lagOf(at),
  })).sort((a, b) => a.partition - b.partition);
  const total = rows.reduce((sum, { lag }) => sum + lag, 0n);
  const facts = { lag: total, partitions: rows };
  if (total === 0n) return ok("the group has read all that is there", { facts });
  const shown = rows.filter(({ lag }) => lag > 0n)
    .sort((a, b) => a.lag < b.lag ? 1 : a.lag > b.lag ? -1 : a.partition - b.partition);
  const lines = tableLines(
    ["partition", "committed", "end", "lag"],
    shown.slice(0, MAX_PARTITIONS).map(({ partition, committed, logEnd, lag }) => [
      String(partition),
      String(committed ?? "none"),
      String(logEnd),
      thousands(Number(lag)),
    ]),
    1,
  );
  const left = shown.length - MAX_PARTITIONS;
  return ok(`${thousands(Number(total))} offsets behind the end`, {
    lines: left > 0 ? [...lines, `  … and ${thousands(left)} more partitions`] : lines,
    facts,
  });
}

/** Whether a consumer that is started now would find records that nobody handled gone, exit 4. */
export function startFinding(
  known: readonly KnownOffsets[],
  writers: KnownWriters,
): Finding {
  const refusals = known.flatMap((at) => {
    try {
      startOffset(at, { ...writers, allowsGaps: false });
      return [];
    } catch (error) {
      if (!(error instanceof OrillaError)) throw error;
      return [error.message];
    }
  });
  const [first, ...others] = refusals;
  if (first === undefined) return ok("a consumer can go on without a gap");
  return failure(first, null, { lines: others, facts: { refusals } });
}
