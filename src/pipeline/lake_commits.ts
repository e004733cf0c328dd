import { dayOfFolder, type MergedCommit, replacedPaths } from "../core/compaction.ts";
import { folderOf } from "../core/lake_path.ts";
import type { LakeFile } from "../lake/lake_reader.ts";
import type { LakeFiles } from "../lake/storage.ts";

/** Rows of a commit that lie in a merged file. */
export interface MergedPart {
  readonly file: LakeFile;
  readonly commit: MergedCommit;
}

/** A commit, as the lake's files tell of it. */
export interface LakeCommit {
  readonly instanceId: string;
  readonly sequence: number;
  readonly stagedAtMs: number;
  /** Its files; those that were merged into others are left out, whether they are still there or not. */
  readonly files: LakeFile[];
  /** What it has in merged files. */
  readonly parts: MergedPart[];
  /** Of the commit of a merged file the paths whose rows it has; of others empty. */
  readonly replaces: readonly string[];
  /** Of the commit of a merged file the commits of its rows; of others empty. */
  readonly commits: readonly MergedCommit[];
}

/**
 * Files by the commit that they are from, in the order of the commits' times. Where a crash left a merged file and
 * files that it replaced, the merged one counts. `loadParquet` must have been called.
 *
 * @throws OrillaError with exit code 3 where a merged file does not tell what it was merged of
 */
export async function commitsOf(
  files: LakeFiles,
  lakeFiles: readonly LakeFile[],
): Promise<readonly LakeCommit[]> {
  const commits = new Map<string, LakeCommit>();
  const commitAt = (
    at: Pick<LakeCommit, "instanceId" | "sequence" | "stagedAtMs">,
    { replaces, commits: ofRows }: Pick<LakeCommit, "replaces" | "commits"> = NOT_MERGED,
  ) => {
    const { instanceId, sequence, stagedAtMs } = at;
    const key = `${instanceId}/${sequence}`;
    const found = commits.get(key) ??
      { instanceId, sequence, stagedAtMs, files: [], parts: [], replaces, commits: ofRows };
    commits.set(key, found);
    return found;
  };
  const merged = await mergedAmong(files, lakeFiles);
  const replaced = new Set(merged.flatMap(({ replaces }) => replaces));
  for (const { file, origin, replaces } of merged) {
    if (replaced.has(file.path)) continue;
    commitAt(file, { replaces, commits: origin.commits }).files.push(file);
    for (const commit of origin.commits) commitAt(commit).parts.push({ file, commit });
  }
  for (const file of lakeFiles) {
    if (!file.isMerged && !replaced.has(file.path)) commitAt(file).files.push(file);
  }
  return [...commits.values()].sort((a, b) =>
    a.stagedAtMs - b.stagedAtMs || a.sequence - b.sequence
  );
}

const NOT_MERGED: Pick<LakeCommit, "replaces" | "commits"> = { replaces: [], commits: [] };

async function mergedAmong(files: LakeFiles, lakeFiles: readonly LakeFile[]) {
  const { openFile } = await import("../lake/file_scan.ts");
  const merged = [];
  for (const file of lakeFiles) {
    if (!file.isMerged) continue;
    const { origin } = await openFile(files, file);
    const day = dayOfFolder(folderOf(file.path)) ?? 0;
    merged.push({ file, origin, replaces: replacedPaths(day, origin) });
  }
  return merged;
}
