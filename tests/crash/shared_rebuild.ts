import assert from "node:assert/strict";
import { openReader } from "../../src/checkpoint/open_store.ts";
import type { CheckpointContent } from "../../src/checkpoint/inspection.ts";
import { FolderStorage } from "../../src/lake/folder_storage.ts";
import type { LakeStorage } from "../../src/lake/storage.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import type { RebuildReport } from "../../src/pipeline/rebuild.ts";
import { rebuildStore, type StoreRebuildContext } from "../../src/pipeline/rebuild_store.ts";
import { verify } from "../../src/pipeline/verify.ts";
import { OWNER_ONLY } from "../../src/runtime/file_mode.ts";
import { Files } from "../../src/runtime/files.ts";
import { compactIn, movingClock } from "./compacted_lake.ts";
import { runOnce, testLimits, testSession } from "./lake_run.ts";
import type { MemoryTopic } from "./memory_topic.ts";
import type { SharedLake } from "./shared_crash_matrix.ts";

/** Later than all that is committed in these tests. */
export const REBUILT_AT_MS = 1_795_000_900_000;

/** Makes a lake's store anew from its files. */
export function rebuildShared(
  { outDir, url }: SharedLake,
  { onProgress = () => {}, ...overrides }: Partial<StoreRebuildContext> & {
    readonly onProgress?: () => void;
  } = {},
): Promise<RebuildReport> {
  const { version, log, retrying } = testSession(outDir);
  const storage: LakeStorage = new FolderStorage(
    new Files(outDir, undefined, { fileMode: OWNER_ONLY }),
  );
  return rebuildStore({
    ...{ checkpointDir: outDir, storage, store: { url }, version, log, retrying },
    ...{ ttlMs: 0, duplicateTtlMs: 0, nowMs: REBUILT_AT_MS },
    ...overrides,
  }, onProgress);
}

let processes = 0;

/** Options of a process of such a lake: small batches, and a clock that is ahead of those before. */
export function processOf(
  { url }: SharedLake,
  overrides: Partial<LakeSessionOptions> = {},
): Partial<LakeSessionOptions> {
  const clock = movingClock(1_795_000_000_000 + ++processes * 10_000);
  const limits = testLimits({ maxEvents: 20 });
  return { limits, clock, store: { url }, expelAfterMs: 0, ttlMs: 0, ...overrides };
}

/** A process takes in what is not committed of a topic, and may merge the lake's first dates before that. */
export async function runShared(
  lake: SharedLake,
  topic: MemoryTopic,
  { folderCount = 0, ...overrides }: Partial<LakeSessionOptions> & {
    readonly folderCount?: number;
  } = {},
): Promise<void> {
  const options = processOf(lake, overrides);
  if (folderCount > 0) {
    await using session = await LakeSession.open(testSession(lake.outDir, options));
    await compactIn(session, { folderCount });
    await session.close();
  }
  await runOnce(lake.outDir, { topic, overrides: options });
}

/** Everything that a store says of its lake. */
export async function contentOf({ outDir, url }: SharedLake): Promise<CheckpointContent> {
  await using reader = await openReader({ checkpointDir: outDir, url });
  return await reader.content();
}

/** What is not as it was committed, in words. */
export async function findingsOf({ outDir, url }: SharedLake): Promise<readonly string[]> {
  await using reader = await openReader({ checkpointDir: outDir, url });
  const { findings } = await verify({ files: new Files(outDir), reader, ttlMs: 0 }, () => {});
  return findings.map(({ kind, subject, detail }) => `${kind} ${subject}: ${detail}`);
}

/** Of a store's content what the lake's files tell too, where each of its commits has left some. */
export function toldByFiles(
  { committed: { sequence, partitions, counters }, ...content }: CheckpointContent,
) {
  const { received, published, duplicate, rejected } = counters;
  const ofFiles = new Set(content.files.map(({ sequence }) => sequence));
  const byPlace = (one: { readonly letter: { readonly offset: bigint } }) =>
    Number(one.letter.offset);
  return {
    sequence,
    partitions: partitions.toSorted((a, b) => a.partition - b.partition),
    counters: { received, published, duplicate, rejected },
    commits: content.commits.filter(({ sequence }) => ofFiles.has(sequence)),
    // A name that is used no more once a file is published.
    files: content.files.map(({ stagedPath: _, ...file }) => file),
    ranges: content.ranges,
    replays: content.replays.toSorted((a, b) =>
      byPlace(a) - byPlace(b) || a.letter.attempts - b.letter.attempts
    ),
    seenIds: [content.seenIdCount, content.seenIdCounter],
  };
}

/** Holds a store that was made anew against the lost one's content. */
export async function expectSame(lake: SharedLake, lost: CheckpointContent): Promise<void> {
  const content = await contentOf(lake);
  assert.deepEqual(toldByFiles(content), toldByFiles(lost));
  const named = new Set(content.instanceIds);
  assert.ok(named.size >= 2 && content.instanceIds.every((id) => lost.instanceIds.includes(id)));
  assert.deepEqual(await findingsOf(lake), []);
}
