import {
  DEAD_LETTERS_FOLDER,
  DELTA_LOG_FOLDER,
  type ParsedFileName,
  parseFileName,
  parsePath,
  STAGING_FOLDER,
} from "../core/lake_path.ts";
import type { LakeFiles } from "./storage.ts";

/** A Parquet file of the lake, by its name alone. */
export interface LakeFile extends ParsedFileName {
  /** Relative to OUT_DIR. */
  readonly path: string;
}

/** All files that orilla published below OUT_DIR, data and dead letters, in the order of their paths. */
export async function listPublished(files: LakeFiles): Promise<readonly LakeFile[]> {
  return (await listParquet(files)).flatMap((path) => {
    const parsed = parsePath(path);
    return parsed === null ? [] : [{ ...parsed, path }];
  });
}

/** Whether the lake has a log of a table, be it whole or not. */
export async function isTable(files: LakeFiles): Promise<boolean> {
  return (await files.list(DELTA_LOG_FOLDER)).length > 0;
}

/** Paths of all Parquet files in the lake's folders, whoever wrote them. */
export async function listParquet(files: LakeFiles): Promise<readonly string[]> {
  const found: string[] = [];
  for (const parent of ["", `${DEAD_LETTERS_FOLDER}/`]) {
    found.push(...await files.listByPrefix(`${parent}date=`));
  }
  return found.filter((path) => /(?:^|\/)date=\d{4}-\d\d-\d\d\/[^/]+\.parquet$/.test(path));
}

/** The staged files. */
export async function listStaged(files: LakeFiles): Promise<readonly LakeFile[]> {
  return (await files.list(STAGING_FOLDER)).flatMap((name) => {
    const parsed = parseFileName(name);
    return parsed === null ? [] : [{ ...parsed, path: `${STAGING_FOLDER}/${name}` }];
  });
}
