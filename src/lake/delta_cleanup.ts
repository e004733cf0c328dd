import { commitTimestamp } from "../core/delta_actions.ts";
import { checkpointVersionsOf, readEntry, versionOfName } from "./delta_log_reader.ts";
import type { DeltaFiles } from "./delta_storage.ts";

/**
 * The names of a log that its readers do not need any more: what came before the newest checkpoint that is older than
 * a time (PROTOCOL.md, "Metadata Cleanup"). Versions before that checkpoint cannot be read without them.
 *
 * @param beforeMs milliseconds since 1970-01-01 UTC
 */
export async function expiredNames(
  files: DeltaFiles,
  beforeMs: number,
): Promise<readonly string[]> {
  const names = await files.list("");
  const checkpoints = checkpointVersionsOf(names);
  // Times rise with the versions: the first checkpoint that is not older is found by halving.
  let low = 0, high = checkpoints.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const madeAtMs = await madeAt(files, checkpoints[middle] ?? 0);
    if (madeAtMs !== null && madeAtMs < beforeMs) low = middle + 1;
    else high = middle;
  }
  const oldest = checkpoints[low - 1];
  if (oldest === undefined) return [];
  return names.filter((name) => (versionOfName(name) ?? oldest) < oldest);
}

/** When a version was made; null where it does not say. */
async function madeAt(files: DeltaFiles, version: number): Promise<number | null> {
  const actions = await readEntry(files, version);
  return actions === null ? null : commitTimestamp(actions);
}
