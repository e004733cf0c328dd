import type { ManifestFile, OffsetRange, PartitionState } from "./commit.ts";
import { partitionName, type TopicPartition } from "./record.ts";
import { type MarkedReplay, REPLAY_PARTITION, type ReplayOutcome } from "./replay.ts";

/** Something that is not as it was committed. */
export interface Finding {
  readonly kind:
    | "missing_file"
    | "changed_file"
    | "unreadable_file"
    | "wrong_row_count"
    | "unknown_file"
    | "event_twice"
    | "seen_ids_changed"
    | "wrong_filter"
    | "counts_do_not_close"
    | "offsets_overlap"
    | "unpublished_file"
    | "unreadable_table"
    | "not_in_table"
    | "wrong_in_table"
    | "only_in_table";
  /** The file or topic-partition it is about. */
  readonly subject: string;
  /** What is off, in words. */
  readonly detail: string;
}

/** A stretch of offsets between two commits of a partition: another instance handled it, or it was skipped. */
export interface OffsetGap extends TopicPartition {
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
}

/** What was handled of a partition, over all commits. */
export interface PartitionAccount extends TopicPartition {
  readonly firstOffset: bigint;
  readonly nextOffset: bigint;
  readonly publishedCount: number;
  readonly duplicateCount: number;
  readonly rejectedCount: number;
  /** Offsets inside the commits' ranges that held no record: transaction markers, or compacted away. */
  readonly emptyOffsets: bigint;
  readonly gaps: readonly OffsetGap[];
}

/**
 * Adds the ranges of all commits up by partition, and names gaps and overlaps between them.
 *
 * @param ranges sorted by topic, partition and first offset
 */
export function accountFor(
  ranges: readonly OffsetRange[],
  partitions: readonly PartitionState[],
): { readonly accounts: readonly PartitionAccount[]; readonly findings: readonly Finding[] } {
  const accounts: PartitionAccount[] = [];
  const findings: Finding[] = [];
  for (const [name, ofPartition] of Map.groupBy(ranges, partitionName)) {
    const account = accountOf(ofPartition, findings);
    accounts.push(account);
    const state = partitions.find((partition) => partitionName(partition) === name);
    const isSame = state?.nextOffset === account.nextOffset &&
      state.publishedCount === account.publishedCount &&
      state.duplicateCount === account.duplicateCount &&
      state.rejectedCount === account.rejectedCount;
    if (!isSame) {
      const detail = `the commits add up to next offset ${account.nextOffset}, published ` +
        `${account.publishedCount}, duplicate ${account.duplicateCount}, rejected ${account.rejectedCount}; ` +
        `the checkpoint says otherwise`;
      findings.push({ kind: "counts_do_not_close", subject: name, detail });
    }
  }
  for (const partition of partitions) {
    if (accounts.some((account) => partitionName(account) === partitionName(partition))) continue;
    const detail = "the checkpoint has a next offset, but no commit handled it";
    findings.push({ kind: "counts_do_not_close", subject: partitionName(partition), detail });
  }
  return { accounts, findings };
}

function accountOf(ranges: readonly OffsetRange[], findings: Finding[]): PartitionAccount {
  const gaps: OffsetGap[] = [];
  const { topic, partition, firstOffset } = ranges[0] ??
    { topic: "", partition: 0, firstOffset: 0n };
  let nextOffset = firstOffset, emptyOffsets = 0n;
  let publishedCount = 0, duplicateCount = 0, rejectedCount = 0;
  for (const range of ranges) {
    const subject = partitionName(range);
    if (range.firstOffset > nextOffset) {
      gaps.push({ topic, partition, firstOffset: nextOffset, nextOffset: range.firstOffset });
    } else if (range.firstOffset < nextOffset) {
      const detail = `offsets ${range.firstOffset} to ${nextOffset - 1n} were committed twice`;
      findings.push({ kind: "offsets_overlap", subject, detail });
    }
    const handled = range.publishedCount + range.duplicateCount + range.rejectedCount;
    const empty = range.nextOffset - range.firstOffset - BigInt(handled);
    if (empty < 0n) {
      const detail = `${handled} records in the offsets ${range.firstOffset} to ${
        range.nextOffset - 1n
      }`;
      findings.push({ kind: "counts_do_not_close", subject, detail });
    } else emptyOffsets += empty;
    publishedCount += range.publishedCount;
    duplicateCount += range.duplicateCount;
    rejectedCount += range.rejectedCount;
    if (range.nextOffset > nextOffset) nextOffset = range.nextOffset;
  }
  const counts = { publishedCount, duplicateCount, rejectedCount };
  return { topic, partition, firstOffset, nextOffset, ...counts, emptyOffsets, gaps };
}

/** Every replay that a commit handled is marked with its outcome, and nothing else is. */
export function replayFindings(
  replays: readonly MarkedReplay[],
  ranges: readonly (OffsetRange & { readonly sequence: number })[],
): readonly Finding[] {
  const marks = Map.groupBy(replays, ({ sequence }) => sequence);
  const ofReplays = ranges.filter(({ topic }) => topic === REPLAY_PARTITION.topic);
  return ofReplays.flatMap(({ sequence, ...range }): Finding[] => {
    const count = (outcome: ReplayOutcome) =>
      (marks.get(sequence) ?? []).filter((mark) => mark.outcome === outcome).length;
    const { publishedCount, duplicateCount, rejectedCount } = range;
    const isSame = count("published") === publishedCount && count("duplicate") === duplicateCount &&
      count("rejected") === rejectedCount;
    if (isSame) return [];
    const detail =
      `commit ${sequence} replayed ${publishedCount} published, ${duplicateCount} duplicate, ` +
      `${rejectedCount} rejected dead letters; the marks say otherwise`;
    return [{ kind: "counts_do_not_close", subject: partitionName(range), detail }];
  });
}

/** Compares a manifest row with the file that was found. */
export function compareFile(
  expected: ManifestFile,
  found: Pick<ManifestFile, "bytes" | "checksum" | "rowCount">,
): readonly Finding[] {
  const subject = expected.finalPath;
  const findings: Finding[] = [];
  if (found.bytes !== expected.bytes || found.checksum !== expected.checksum) {
    const detail =
      `its bytes are not those that were committed (${found.bytes} bytes, ${expected.bytes} committed)`;
    findings.push({ kind: "changed_file", subject, detail });
  }
  if (found.rowCount !== expected.rowCount) {
    const detail = `it has ${found.rowCount} rows, ${expected.rowCount} were committed`;
    findings.push({ kind: "wrong_row_count", subject, detail });
  }
  return findings;
}

/** Texts that may occur more than once. */
export interface Suspects {
  readonly isEmpty: boolean;
  readonly has: (text: string) => boolean;
}

/** Finds texts that occur more than once among very many, in 8 bytes each: first by hash, then exactly. */
export class RepeatedTexts {
  readonly #chunks: BigUint64Array[] = [];
  readonly #encoder = new TextEncoder();

  /** First pass: takes texts in. */
  note(texts: readonly string[]): void {
    this.#chunks.push(BigUint64Array.from(texts, (text) => this.#hash(text)));
  }

  /** Between the passes: the texts whose hash occurred more than once. */
  suspects(): Suspects {
    const all = new BigUint64Array(this.#chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    all.sort();
    const repeated = new Set<bigint>();
    for (let i = 1; i < all.length; i++) {
      const hash = all[i];
      if (hash !== undefined && hash === all[i - 1]) repeated.add(hash);
    }
    return { isEmpty: repeated.size === 0, has: (text) => repeated.has(this.#hash(text)) };
  }

  /** FNV-1a, two lanes of 32 bits with different offset bases. */
  #hash(text: string): bigint {
    let low = 0x811c9dc5, high = 0x9747b28c;
    for (const byte of this.#encoder.encode(text)) {
      low = Math.imul(low ^ byte, 0x01000193);
      high = Math.imul(high ^ byte, 0x85ebca6b);
      high ^= high >>> 13;
    }
    return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  }
}
