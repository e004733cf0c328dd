import assert from "node:assert/strict";
import type { CommitStore } from "../../src/checkpoint/commit_store.ts";
import type { Commit } from "../../src/core/commit.ts";
import type { SourceFile } from "../../src/core/compaction.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { commitFiles, FOLDER, mergedCommit, SMALL_BELOW } from "./replacements_contract.ts";
import { claimAndCommit, contentOf, nextCommit, type StoreKind } from "./store_lake.ts";

/** Files to merge, and the commit that would, of one of several processes. */
interface Merge {
  readonly store: CommitStore;
  readonly commit: Commit;
  readonly sources: readonly SourceFile[];
}

async function mergeOf(store: CommitStore): Promise<Merge> {
  const sources = await store.replacements.smallFilesIn(FOLDER, SMALL_BELOW);
  return await mergeOfAll(store, sources);
}

async function mergeOfAll(store: CommitStore, sources: readonly SourceFile[]): Promise<Merge> {
  const rowCount = sources.reduce((sum, { rowCount }) => sum + rowCount, 0);
  return { store, commit: await mergedCommit(store, rowCount), sources };
}

function make({ store, commit, sources }: Merge): Promise<boolean> {
  return store.replacements.replace(commit, sources);
}

/** Holds a kind of store that several processes share against what each of them promises of merged files. */
export function testSharedReplacements({ name, newLake }: StoreKind): void {
  Deno.test(`${name}: of processes that merge the same files at once exactly one does, and the others leave nothing`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    await using three = await lake.open();
    const stores = [one, two, three];
    for (let round = 0; round < 8; round++) {
      await commitFiles(one);
      const all = await one.replacements.smallFilesIn(FOLDER, SMALL_BELOW);
      // Two of them want all files, the third some.
      const wanted = await Promise.all(
        stores.map((store) => mergeOfAll(store, store === three ? all.slice(1) : all)),
      );
      const before = await contentOf(lake);
      const made = await Promise.all(wanted.map(make));
      assert.equal(made.filter(Boolean).length, 1, `round ${round}: ${made}`);
      const [winner] = wanted.filter((_, i) => made[i]);
      assert.ok(winner !== undefined);
      const { files, commits, committed } = await contentOf(lake);
      assert.equal(commits.length, before.commits.length + 1);
      const gone = new Set(winner.sources.map(({ finalPath }) => finalPath));
      assert.deepEqual(
        files.map(({ finalPath }) => finalPath).sort(),
        [
          ...before.files.map(({ finalPath }) => finalPath).filter((path) => !gone.has(path)),
          winner.commit.files[0]?.finalPath,
        ].sort(),
      );
      assert.equal(committed.counters.files.compact, await compactCounts(stores));
      await winner.store.markPublished([winner.commit.sequence]);
      // Whoever lost goes on.
      for (const store of stores) await claimAndCommit(store, await nextCommit(store));
    }
  });

  Deno.test(`${name}: a merge whose answer was lost is not made twice, also where its file was merged since`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using one = await lake.open({ hooks });
    await using two = await lake.open();
    await commitFiles(one);
    const merge = await mergeOf(one);
    hooks.failAfter = "replace:end";
    await assert.rejects(make(merge), InjectedFailure);
    const before = await contentOf(lake);
    assert.equal(await make(merge), true);
    assert.deepEqual(await contentOf(lake), before);
    await two.markPublished([merge.commit.sequence]);
    await commitFiles(two);
    assert.equal(await make(await mergeOf(two)), true);
    const after = await contentOf(lake);
    assert.equal(await make(merge), true);
    assert.deepEqual(await contentOf(lake), after);
    await claimAndCommit(one, await nextCommit(one));
  });

  Deno.test(`${name}: whether a merge was made is known once it is withdrawn`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using store = await lake.open({ hooks });
    await commitFiles(store);
    const failed = await mergeOf(store);
    hooks.failBefore = "replace:end";
    await assert.rejects(make(failed), InjectedFailure);
    assert.equal(await store.withdraw(failed.commit.sequence), false);
    const made = await mergeOf(store);
    hooks.failAfter = "replace:end";
    await assert.rejects(make(made), InjectedFailure);
    assert.equal(await store.withdraw(made.commit.sequence), true);
    await claimAndCommit(store, await nextCommit(store));
    const { files } = await contentOf(lake);
    const paths = files.map(({ finalPath }) => finalPath);
    assert.ok(paths.includes(made.commit.files[0]?.finalPath ?? ""));
    assert.ok(!paths.includes(failed.commit.files[0]?.finalPath ?? ""));
  });

  Deno.test(`${name}: a process that was expelled merges nothing, and knows what it had merged`, async () => {
    await using lake = await newLake();
    const hooks = recordingHooks();
    await using silent = await lake.open({ hooks });
    await using impatient = await lake.open({ expelAfterMs: 0 });
    await commitFiles(impatient);
    const made = await mergeOf(silent);
    hooks.failAfter = "replace:end";
    await assert.rejects(make(made), InjectedFailure);
    await commitFiles(impatient);
    const late = await mergeOf(silent);
    assert.deepEqual(
      [...await impatient.endedInstances([silent.instanceId])],
      [silent.instanceId],
    );
    const before = await contentOf(lake);
    assert.equal(await make(late), false);
    assert.deepEqual(await contentOf(lake), before);
    assert.equal(await silent.withdraw(late.commit.sequence), false);
    assert.equal(await make(made), true);
    assert.equal(await silent.withdraw(made.commit.sequence), true);
    assert.deepEqual(await contentOf(lake), before);
  });

  Deno.test(`${name}: files of a commit that is not known to be published are not merged`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    await using reader = await lake.reader();
    // The last of these commits is not published yet.
    await commitFiles(one, [1_000, 20, 10]);
    const rule = { belowBytes: SMALL_BELOW, minFiles: 2 };
    const last = await one.reserve() - 1;
    assert.deepEqual(await two.replacements.foldersWithSmall(rule), []);
    assert.deepEqual(await reader.smallFiles(rule), []);
    assert.equal((await two.replacements.smallFilesIn(FOLDER, SMALL_BELOW)).length, 1);
    await two.markPublished([last]);
    const early = await mergeOf(two);
    assert.equal(early.sources.length, 2);
    // The store itself looks again.
    await commitFiles(one, [1_000, 1_000, 30]);
    const unpublished = (await contentOf(lake)).files.filter(({ bytes }) => bytes === 30);
    const sources = [...early.sources, ...unpublished];
    const before = await contentOf(lake);
    assert.equal(await make(await mergeOfAll(two, sources)), false);
    assert.deepEqual(await contentOf(lake), before);
    // A process knows that its own are.
    assert.equal(await make(await mergeOfAll(one, sources)), true);
  });

  Deno.test(`${name}: what was replaced may go once the merged file is published`, async () => {
    await using lake = await newLake();
    await using one = await lake.open();
    await using two = await lake.open();
    await using reader = await lake.reader();
    await commitFiles(one);
    const merge = await mergeOf(one);
    assert.equal(await make(merge), true);
    assert.deepEqual(await two.replacements.unremoved(), []);
    assert.equal((await reader.unremovedReplaced()).length, 2);
    const unpublished = await two.unpublished();
    assert.deepEqual(unpublished.map(({ sequence, files }) => [sequence, files.length]), [
      [merge.commit.sequence, 1],
    ]);
    await two.markPublished([merge.commit.sequence]);
    const left = await two.replacements.unremoved();
    assert.deepEqual([...left], merge.sources.map(({ finalPath }) => finalPath).sort());
    await two.replacements.markRemoved(left);
    assert.deepEqual(await one.replacements.unremoved(), []);
    // The commits of replaced files are known for ever, and so is what a merge was made of.
    const names = merge.sources.map(({ sequence }) => ({ instanceId: one.instanceId, sequence }));
    assert.deepEqual(await two.unknownAmong(names), []);
    const [merged] = merge.commit.files;
    const replaced = await two.replacements.replacedBy(merged?.finalPath ?? "");
    assert.equal(replaced.length, 2);
  });
}

/** What the processes count by themselves. */
async function compactCounts(stores: readonly CommitStore[]): Promise<number> {
  const counts = await Promise.all(stores.map(async (store) => (await store.read()).counters));
  return counts.reduce((sum, { files }) => sum + files.compact, 0);
}
