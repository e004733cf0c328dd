import assert from "node:assert/strict";
import { finalPath } from "../../src/core/lake_path.ts";
import type { CommitStore } from "../../src/checkpoint/commit_store.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { manifestFile } from "./commits.ts";
import { claimAndCommit, contentOf, nextCommit, NOW_MS, type StoreKind } from "./store_lake.ts";

const DAY = 20_000;

/** The path of a file of that day. */
function pathOf(sequence: number, isMerged = false): string {
  const identity = { kind: "events", day: DAY, stagedAtMs: NOW_MS, isMerged } as const;
  return finalPath({ ...identity, instanceId: "0123456789ab", sequence });
}

export const FOLDER = pathOf(1).slice(0, pathOf(1).indexOf("/"));
const FILTER = Uint8Array.of(1, 2);

/** Files of fewer bytes are small here. */
export const SMALL_BELOW = 100;
const ROWS = 5;

/** Commits files of so many bytes, each with a commit of its own: two small ones of a date, and a large one. */
export async function commitFiles(
  store: CommitStore,
  sizes: readonly number[] = [10, 20, 1_000],
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const bytes of sizes) {
    const commit = await nextCommit(store);
    const path = pathOf(commit.sequence);
    const file = { ...manifestFile("x"), finalPath: path, stagedPath: "", bytes, rowCount: ROWS };
    const filters = [{ finalPath: path, filter: FILTER }];
    await claimAndCommit(store, {
      ...commit,
      files: [file],
      traces: { filters, duplicates: null },
    });
    paths.push(path);
  }
  return paths;
}

/** The commit of a file that takes the place of some of those. */
export async function mergedCommit(store: CommitStore, rowCount = 2 * ROWS) {
  const commit = await nextCommit(store, { trigger: "compact" });
  const path = pathOf(commit.sequence, true);
  const file = { ...manifestFile("m"), finalPath: path, stagedPath: "s", bytes: 25, rowCount };
  const counters = zeroCounters();
  counters.files.compact = 1;
  counters.publishedBytes = 25;
  const filters = [{ finalPath: path, filter: FILTER }];
  return { ...commit, files: [file], counters, traces: { filters, duplicates: null } };
}

/** Holds a kind of store against what each of them promises of files that are merged. */
export function testReplacements({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: a merged file takes the place of others in one transaction, and they are noted until they are gone`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await using reader = await lake.reader();
    const replacements = store.replacements;
    const [one = "", two = "", large = ""] = await commitFiles(store);
    const rule = { belowBytes: SMALL_BELOW, minFiles: 2 };
    assert.deepEqual(await replacements.foldersWithSmall(rule), [FOLDER]);
    assert.deepEqual(await replacements.foldersWithSmall({ ...rule, minFiles: 3 }), []);
    const small = await replacements.smallFilesIn(FOLDER, SMALL_BELOW);
    assert.deepEqual(small.map(({ finalPath }) => finalPath).sort(), [one, two]);
    const [found] = await reader.smallFiles(rule);
    assert.deepEqual([found?.folder, found?.files.length], [FOLDER, 2]);

    const commit = await mergedCommit(store);
    const [merged] = commit.files;
    assert.equal(await replacements.replace(commit, small), true);
    const { files, committed } = await contentOf(lake);
    assert.deepEqual(files.map(({ finalPath }) => finalPath).sort(), [large, merged?.finalPath]);
    assert.deepEqual([committed.counters.files.compact, committed.counters.publishedBytes], [
      1,
      25,
    ]);
    assert.deepEqual((await store.unpublished()).map(({ sequence }) => sequence), [
      commit.sequence,
    ]);
    assert.deepEqual([...await reader.unremovedReplaced()].sort(), [one, two]);
    await store.markPublished([commit.sequence]);
    assert.deepEqual([...await replacements.unremoved()].sort(), [one, two]);
    assert.deepEqual(await replacements.unremoved(commit.committedAtMs - 1), []);
    assert.deepEqual([...await replacements.unremoved(commit.committedAtMs)].sort(), [one, two]);
    assert.deepEqual(await replacements.replacedBy(merged?.finalPath ?? ""), [
      { finalPath: one, bytes: 10 },
      { finalPath: two, bytes: 20 },
    ]);
    assert.deepEqual(await replacements.replacedBy(large), []);
    assert.deepEqual(await replacements.replacedAmong([one, large, two]), new Set([one, two]));
    assert.deepEqual([...await reader.unremovedReplaced()].sort(), [one, two]);
    assert.equal(await reader.isReplaced(one), true);
    assert.equal(await reader.isReplaced(large), false);
    const [row] = small;
    assert.equal(await reader.fileFilter({ finalPath: one, sequence: row?.sequence ?? 0 }), null);
    const at = { finalPath: merged?.finalPath ?? "", sequence: commit.sequence };
    assert.deepEqual(await reader.fileFilter(at), FILTER);
    await replacements.markRemoved([one]);
    assert.deepEqual(await replacements.unremoved(), [two]);
    await replacements.markRemoved([two]);
    assert.deepEqual(await replacements.unremoved(), []);
    assert.equal(await reader.isReplaced(one), true);
    assert.ok(await store.reserve() > commit.sequence);
  });

  Deno.test(`${name}: a replacement that fails leaves no trace, and can be made again`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using store = await lake.open({ hooks });
    await commitFiles(store);
    const before = await contentOf(lake);
    const small = await store.replacements.smallFilesIn(FOLDER, SMALL_BELOW);
    const commit = await mergedCommit(store);
    for (const label of ["replace:begin", "replace:write", "replace:end"] as const) {
      hooks.failBefore = label;
      await assert.rejects(store.replacements.replace(commit, small), InjectedFailure);
      assert.deepEqual(await contentOf(lake), before);
      assert.deepEqual(await store.replacements.unremoved(), []);
    }
    hooks.done.length = 0;
    assert.equal(await store.replacements.replace(commit, small), true);
    assert.deepEqual(hooks.done.map((line) => line.split(" ")[0]), [
      ...["replace:begin", "replace:write", "replace:end"],
    ]);
  });

  Deno.test(`${name}: a merged file that was read back replaces what is known, and notes what is not`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    const [one = ""] = await commitFiles(store);
    const commit = await mergedCommit(store);
    await store.replacements.adopt(commit, [one, "date=2024-10-04/unknown.parquet"]);
    const paths = (await contentOf(lake)).files.map(({ finalPath }) => finalPath);
    assert.ok(!paths.includes(one) && paths.includes(commit.files[0]?.finalPath ?? ""));
    await store.markPublished([commit.sequence]);
    assert.deepEqual([...await store.replacements.unremoved()].sort(), [
      ...["date=2024-10-04/unknown.parquet", one].sort(),
    ]);
  });

  Deno.test(`${name}: a reader finds the commit of a batch by its time, not that of a merged file`, async () => {
    await using lake = await newLake();
    await using store = await lake.open();
    await using reader = await lake.reader();
    const commit = await nextCommit(store, { committedAtMs: NOW_MS + 5 });
    await claimAndCommit(store, commit);
    await store.replacements.adopt(
      { ...await mergedCommit(store), committedAtMs: NOW_MS + 6 },
      [],
    );
    assert.equal(await reader.sequenceAt(NOW_MS + 5), commit.sequence);
    assert.equal(await reader.sequenceAt(NOW_MS + 6), null);
  });
}
