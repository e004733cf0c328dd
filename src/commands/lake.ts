import { openReader } from "../checkpoint/open_store.ts";
import { FolderStorage } from "../lake/folder_storage.ts";
import type { LakeStorage } from "../lake/storage.ts";
import type { ReadLake } from "../pipeline/read_lake.ts";
import { Files } from "../runtime/files.ts";
import { noFaults } from "../runtime/operations.ts";
import { type CommandContext, locationOf } from "./context.ts";

/** The lake of a command, to look at or to write to outside of a session. */
export function lakeOf(
  context: CommandContext,
): ReadLake & AsyncDisposable & { readonly files: LakeStorage } {
  const reader = openReader(locationOf(context));
  return {
    files: new FolderStorage(localFiles(context)),
    reader,
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** The folder of checkpoint and metrics.txt. */
export function localFiles({ checkpointDir, config }: CommandContext): Files {
  return new Files(checkpointDir, noFaults, { fileMode: config.fileMode });
}
