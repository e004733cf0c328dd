import type { RedisLake } from "./redis_lake.ts";
import { listOf, numberOf, textOf } from "./replies.ts";

/** What says which files of the list of commits are the lake's, as of one moment. */
export interface Manifest {
  /** The first so many commits belong to it. */
  readonly commitCount: number;
  /** Paths of files that were merged into others. */
  readonly replaced: ReadonlySet<string>;
}

/** Reads it. */
export async function readManifest(lake: RedisLake): Promise<Manifest> {
  const [length, replaced] = listOf(await lake.run("manifest", []));
  return {
    commitCount: numberOf(length),
    replaced: new Set(listOf(replaced).map(textOf)),
  };
}
