import type { FileIdentity } from "../core/lake_path.ts";

/** A file that is merged: what its name says, and its length. */
export interface MergeSource extends Pick<FileIdentity, "instanceId" | "sequence" | "stagedAtMs"> {
  readonly isMerged: boolean;
  readonly bytes: number;
}

/** What is merged, in a form that another thread can be given. */
export interface MergeRequest {
  /** The lake partition of all sources: days since 1970-01-01 UTC. */
  readonly day: number;
  readonly sources: readonly MergeSource[];
  readonly version: string;
  /** What files of this lake say of its protection; null where they say nothing. */
  readonly protection: string | null;
}

/** How a merge gets at its sources and its file. */
export interface MergeFiles {
  /** The bytes of a source from `start` up to, not including, `end`. */
  readonly read: (
    source: number,
    range: { readonly start: number; readonly end: number },
  ) => Promise<Uint8Array<ArrayBuffer>>;
  /** Appends bytes, which are given away. */
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** A file that was merged. */
export interface Merged {
  readonly rowCount: number;
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly checksum: string;
  /** Microseconds since 1970-01-01 UTC. */
  readonly minTsMicroseconds: bigint;
  readonly maxTsMicroseconds: bigint;
  /** Of its event ids, see id_filter.ts. */
  readonly filter: Uint8Array<ArrayBuffer>;
}

/**
 * Makes one Parquet file of several of one date. Rejects with what `read` or `write` reject with, or where a
 * source is not what orilla wrote.
 */
export type Merger = (request: MergeRequest, files: MergeFiles) => Promise<Merged>;

/** For modes that merge nothing. */
export const noMerger: Merger = () => {
  return Promise.reject(new Error("Assertion failed: this mode has a merger"));
};
