import type { OffsetRange } from "../core/commit.ts";

interface StoredRange extends Omit<OffsetRange, "firstOffset" | "nextOffset"> {
  readonly firstOffset: string;
  readonly nextOffset: string;
}

/** The offsets that a commit handled, as files of it have them in their metadata. */
export function rangesText(ranges: readonly OffsetRange[]): string {
  return JSON.stringify(ranges.map((range): StoredRange => ({
    ...range,
    firstOffset: String(range.firstOffset),
    nextOffset: String(range.nextOffset),
  })));
}

/** Reads what `rangesText` wrote. Throws where it is something else. */
export function offsetRangesFrom(text: unknown): OffsetRange[] {
  if (typeof text !== "string") throw new Error("it has no orilla.offset_ranges in its metadata");
  const stored: readonly StoredRange[] = JSON.parse(text);
  return stored.map((range) => ({
    ...range,
    firstOffset: BigInt(range.firstOffset),
    nextOffset: BigInt(range.nextOffset),
  }));
}
