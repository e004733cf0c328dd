import { Buffer } from "node:buffer";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { MergedCommit, MergedOrigin } from "../core/compaction.ts";
import { replaysFrom, replaysText } from "../core/replay.ts";
import type { MergeSource } from "./merger.ts";
import { offsetRangesFrom, rangesText } from "./range_metadata.ts";

/** The name in a merged file's metadata that the commits of its rows stand under. */
export const MERGED_METADATA = "orilla.merged";

/**
 * JSON of a merged file's origin, deflated (RFC 1951), in base64: a thousand commits say a lot, and much of it
 * alike.
 */
export function mergedText({ commits, merged }: MergedOrigin): string {
  const text = JSON.stringify({
    commits: commits.map(({ ranges, replays, ...commit }) => ({
      ...commit,
      ranges: rangesText(ranges),
      replays: replaysText(replays),
    })),
    merged,
  });
  return deflateRawSync(text).toString("base64");
}

/** Reads what `mergedText` wrote. Throws where it is something else. */
export function mergedFrom(text: string): MergedOrigin {
  const { commits, merged }: StoredOrigin = JSON.parse(
    inflateRawSync(Buffer.from(text, "base64")).toString(),
  );
  return {
    commits: commits.map(({ ranges, replays, ...commit }): MergedCommit => ({
      ...commit,
      ranges: offsetRangesFrom(ranges),
      replays: replaysFrom(replays),
    })),
    merged,
  };
}

interface StoredOrigin {
  readonly commits: readonly (Omit<MergedCommit, "ranges" | "replays"> & {
    readonly ranges: string;
    readonly replays: string;
  })[];
  readonly merged: MergedOrigin["merged"];
}

/**
 * The commits of a file's rows, and the merged files that it took in.
 *
 * @param metadata of the file
 */
export function originOf(
  { instanceId, sequence, stagedAtMs, isMerged }: MergeSource,
  { metadata, rowCount }: {
    readonly metadata: ReadonlyMap<string, unknown>;
    readonly rowCount: number;
  },
): MergedOrigin {
  if (isMerged) return mergedFrom(String(metadata.get(MERGED_METADATA)));
  const ranges = offsetRangesFrom(metadata.get("orilla.offset_ranges"));
  const replays = replaysFrom(metadata.get("orilla.replays"));
  const commit = { instanceId, sequence, stagedAtMs, rowCount, ranges, replays };
  return { commits: [commit], merged: [] };
}
