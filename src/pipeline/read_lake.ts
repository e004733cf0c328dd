import type { LakeFiles } from "../lake/storage.ts";

/** A lake that is looked at: its files, and where its checkpoint lies. */
export interface ReadLake {
  readonly files: LakeFiles;
  /** Absolute path of the folder of its checkpoint. */
  readonly checkpointDir: string;
}
