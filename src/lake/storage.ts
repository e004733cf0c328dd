import type { ManifestFile } from "../core/commit.ts";
import type { OperationLabel } from "../runtime/operations.ts";

/** What publishing needs to know of a file. */
export type FileToPublish = Pick<ManifestFile, "stagedPath" | "finalPath" | "bytes" | "checksum">;

/** A file is committed, and cannot be read before its commit is published. */
export class StillStaged extends Error {
  constructor(path: string) {
    super(
      `${path} is committed and not published yet, and cannot be read before: a consumer that runs does it in a ` +
        `moment, else its next start`,
    );
    this.name = "StillStaged";
  }
}

/**
 * The files of a lake, as readers need them. Paths are relative to the lake's own place; staged files are those in
 * `_staging/`.
 */
export interface LakeFiles {
  /** Names in a folder, sorted; none where there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Paths of the files in all folders whose own path begins with a text, sorted. */
  listByPrefix(prefix: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  /** Bytes of a file, null where there is none. */
  size(path: string): Promise<number | null>;
  /** @throws StillStaged for a staged file that cannot be read before it is published */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Bytes of a file from `start` up to, not including, `end`. Throws where it has fewer. */
  readRange(
    path: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** SHA-256 of a file's bytes, hexadecimal; a piece of it is in memory at a time. */
  checksum(path: string): Promise<string>;
  /** The bytes of a file, null where there is none. Throws as `read` does. */
  readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** A file that is being staged. */
export interface GrowingStage extends AsyncDisposable {
  append(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Makes what was appended durable, and the staged path with it. */
  finish(): Promise<void>;
}

/**
 * Where a lake lies: a folder, or a bucket of an object store. A staged file is durable and no reader sees it; a
 * published one is there as a whole, and is never replaced.
 */
export interface LakeStorage extends LakeFiles {
  /** What the lake is called to people: an absolute path, or `s3://bucket/prefix`. */
  readonly location: string;
  /** How many files may be encoded and staged at the same time: 1 where that is as fast. */
  readonly stagesAtOnce: number;
  /** Whether the lock of its one writer keeps all others out: nobody else has anything staged then. */
  readonly hasOneWriter: boolean;
  /** Whether `read` also reads staged files. */
  readonly readsStaged: boolean;
  /** What a path is called to people. */
  absolute(path: string): string;
  /**
   * Makes what `stage` needs, durably.
   *
   * @throws OrillaError with exit code 1 where the place cannot keep what `publish` promises
   */
  prepare(): Promise<void>;
  /**
   * Makes the bytes of a new file durable, replacing what a crash left under that path.
   *
   * @param path in `_staging/`
   * @returns what the manifest keeps as its staged path: `publish` finds the file by it
   */
  stage(path: string, bytes: Uint8Array): Promise<string>;
  /**
   * Begins to stage a merged file, which is written as it grows; `publish` can give it another name than its path says.
   * What was appended and not finished is dropped by `dropStaged`, or the next start.
   *
   * @param path in `_staging/`, which the manifest keeps as its staged path
   */
  stageMerged(path: string): Promise<GrowingStage>;
  /** Makes the staged paths as durable as the bytes: before a manifest names them. */
  syncStaged(): Promise<void>;
  /**
   * Gives committed files their final names and makes these durable. It may be called again after any
   * interruption: what is done already stays as it is. A final name is never replaced.
   *
   * @throws OrillaError with exit code 3 where a file is neither staged nor published
   */
  publish(manifest: readonly FileToPublish[]): Promise<void>;
  /**
   * Publishes staged files of commits that were made, and of which no manifest is left to tell.
   *
   * @param stagedPaths as `list` names them in `_staging/`
   */
  publishUnlisted(stagedPaths: readonly string[]): Promise<void>;
  /** Forgets staged files that no commit refers to; one that is gone already is fine. */
  dropStaged(stagedPaths: readonly string[]): Promise<void>;
  /**
   * Brings the lake to its last commit: publishes what was committed and not known to be published, then
   * drops what was staged and never committed.
   *
   * @param mayDrop asked of each staged file that no manifest row names: false where its commit may still come
   * @returns how many files were published, and how many staged ones dropped
   */
  recover(
    unpublished: readonly FileToPublish[],
    mayDrop?: (stagedName: string) => boolean,
  ): Promise<{
    readonly publishedCount: number;
    readonly deletedCount: number;
  }>;
  /** Removes published files for good, durably; one that is gone already is fine. */
  removePublished(paths: readonly string[], labels: {
    readonly remove: OperationLabel;
    readonly fsync: OperationLabel;
  }): Promise<void>;
  /**
   * Puts a small file in its place, durably and as a whole, unless there is one of that name: the way for two writers
   * to agree who of them was first.
   *
   * @returns whether this call put it there
   */
  putIfAbsent(path: string, bytes: Uint8Array, label: OperationLabel): Promise<boolean>;
}
