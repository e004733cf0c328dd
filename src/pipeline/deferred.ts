import type { ingest } from "../core/ingest.ts";
import type { commitBatch } from "./commit.ts";

export type Ingest = typeof ingest;

/**
 * What a pipeline needs with its first record and its first commit: modules and libraries that take half as
 * long to load as the rest of a start, and that the first fetch need not wait for.
 */
let loading: Promise<readonly [Ingest, typeof commitBatch]> | null = null;

/** Loads it, unless that was begun before. */
export function loadDeferred(): Promise<readonly [Ingest, typeof commitBatch]> {
  return loading ??= load();
}

async function load() {
  const { ingest } = await import("../core/ingest.ts");
  const { commitBatch } = await import("./commit.ts");
  return [ingest, commitBatch] as const;
}
