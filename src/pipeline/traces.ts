import type { Batch } from "../core/batch.ts";
import type { CommitTraces, FileFilter, ManifestFile } from "../core/commit.ts";
import { duplicatesOf } from "../core/duplicates.ts";
import type { LakePartitionRows } from "../core/grouping.ts";
import { idFilterOf, idFilterOfAll } from "../core/id_filter.ts";
import { folderOf, lakePartitionFolder } from "../core/lake_path.ts";
import { TextColumn } from "../core/text_column.ts";

/** What a commit leaves for `orilla trace`: filters of its files' event ids, and its duplicates. */
export function tracesOf({ batch, groups, staged, duplicates }: {
  readonly batch: Batch;
  /** The fresh rows, by lake partition. */
  readonly groups: readonly LakePartitionRows[];
  readonly staged: readonly ManifestFile[];
  /** The duplicates' rows. */
  readonly duplicates: Int32Array;
}): CommitTraces {
  const rowsByFolder = new Map(
    groups.map(({ day, rows }) => [lakePartitionFolder("events", day), rows]),
  );
  const filters = staged.flatMap(({ kind, finalPath }): FileFilter[] => {
    if (kind === "dead_letters") {
      const ids = batch.rejected.map(({ rejected }) => rejected.eventId);
      return [{ finalPath, filter: filterOfIds(ids) }];
    }
    const rows = rowsByFolder.get(folderOf(finalPath));
    return rows === undefined ? [] : [{ finalPath, filter: idFilterOf(batch.eventIds, rows) }];
  });
  return { filters, duplicates: duplicatesOf(batch, duplicates) };
}

/** A filter of event ids; dead letters may have none, which stands as null. */
export function filterOfIds(ids: readonly (string | null)[]): Uint8Array {
  const column = new TextColumn();
  for (const id of ids) if (id !== null) column.push(id);
  return idFilterOfAll(column);
}
