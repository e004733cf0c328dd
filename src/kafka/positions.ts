import { gapError } from "../core/errors.ts";
import { partitionName, type TopicPartition } from "../core/record.ts";

/** What is known about where a partition was read to. */
export interface KnownOffsets extends TopicPartition {
  /** The checkpoint's next offset. */
  readonly checkpoint: bigint | null;
  /** The group's committed offset, and the metadata written with it. */
  readonly group: { readonly offset: bigint; readonly metadata: string } | null;
  /** The offset of the oldest record in the log. */
  readonly logStart: bigint;
  /** The offset that the next record written will have. */
  readonly logEnd: bigint;
}

/** The metadata of a group offset: which instance wrote it, at which commit. */
export function groupMetadata(instanceId: string, sequence: number): string {
  return `orilla/${instanceId}/${sequence}`;
}

/** The instance that wrote a group offset's metadata; null where it was not orilla. */
export function writerOf(metadata: string): string | null {
  return /^orilla\/([0-9a-f]+)\/\d+$/.exec(metadata)?.[1] ?? null;
}

/** The instances whose commits a checkpoint has. */
export interface KnownWriters {
  readonly instanceIds: readonly string[];
  /** Those of them of which only what their files tell is known: they may have committed further. */
  readonly rebuiltInstanceIds: readonly string[];
}

/** How a start is decided. */
export interface StartRules extends KnownWriters {
  /** Whether records that nobody handled may be skipped (--allow-gaps). */
  readonly allowsGaps: boolean;
}

/**
 * Where a partition is read from after an assignment: the larger of the checkpoint's next offset and the
 * group's, or the start of the log where there is neither.
 *
 * @throws OrillaError with exit code 4 where going on from there would skip records that nobody handled
 */
export function startOffset(known: KnownOffsets, rules: StartRules): bigint {
  const { checkpoint, group, logStart, logEnd } = known;
  const start = chooseOffset(known, rules) ?? logStart;
  const name = partitionName(known);
  if (start < logStart) {
    if (rules.allowsGaps) return logStart;
    throw gapError(
      `${name} was handled up to offset ${start}, but the log now starts at ${logStart}: retention ` +
        `deleted ${
          logStart - start
        } offsets before they were read. To accept the loss, start with ` +
        `--allow-gaps; orilla verify then names the gap`,
    );
  }
  if (start > logEnd) {
    throw gapError(
      `${name} was handled up to offset ${start}, but the log ends at ${logEnd}: the topic was deleted ` +
        `and made anew, or records were lost. Use another group id and a new OUT_DIR for the new topic ` +
        `(checkpoint ${checkpoint ?? "none"}, group ${group?.offset ?? "none"})`,
    );
  }
  return start;
}

function chooseOffset(known: KnownOffsets, rules: StartRules): bigint | null {
  const { instanceIds, rebuiltInstanceIds, allowsGaps } = rules;
  const { checkpoint, group } = known;
  if (group === null) return checkpoint;
  if (checkpoint === null) return group.offset;
  if (group.offset <= checkpoint) return checkpoint;
  const writer = writerOf(group.metadata);
  const isOfAnother = writer !== null && !instanceIds.includes(writer);
  if (writer !== null && rebuiltInstanceIds.length > 0) {
    // A former process, which may have left no file of any commit: what is not known of it is read again.
    if (isOfAnother || rebuiltInstanceIds.includes(writer)) return checkpoint;
  }
  if (isOfAnother || allowsGaps) return group.offset;
  const who = writer === null ? "not written by orilla" : "written by this very instance";
  throw gapError(
    `The group's offset of ${partitionName(known)} is ${group.offset}, ahead of the checkpoint's ` +
      `${checkpoint}, and was ${who}: somebody moved it, or the checkpoint is an old copy. Going on there ` +
      `would skip ${
        group.offset - checkpoint
      } offsets. Reset the group's offset to ${checkpoint} or ` +
      `below and start again, or accept the gap with --allow-gaps`,
  );
}
