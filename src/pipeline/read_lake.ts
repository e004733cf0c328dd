import type { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import type { LakeFiles } from "../lake/storage.ts";

/** A lake that is looked at: its files, and its checkpoint. */
export interface ReadLake {
  readonly files: LakeFiles;
  readonly reader: CheckpointReader;
}
