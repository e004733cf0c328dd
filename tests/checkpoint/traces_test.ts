import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { CHECKPOINT_FILE } from "../../src/checkpoint/schema.ts";
import { traceInCheckpoint } from "../../src/checkpoint/traces.ts";
import { duplicatesOf } from "../../src/core/duplicates.ts";
import { idFilterOfAll } from "../../src/core/id_filter.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { batchOfEvents, HERE } from "../core/samples.ts";
import { InjectedFailure, recordingHooks } from "../runtime/recording_hooks.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, manifestFile, openCheckpoint } from "./commits.ts";

const TTL_MS = 1_000;

/** The commit number `sequence`, made at that second, whose batch held these ids, all duplicates. */
function commitOfDuplicates(sequence: number, ids: readonly string[]) {
  const batch = batchOfEvents(ids.map((event_id) => ({ event_id })));
  const duplicates = duplicatesOf(batch, Int32Array.from(ids, (_, row) => row));
  return commitOf(sequence, { traces: { filters: [], duplicates } });
}

function duplicateTexts(outDir: string, id: string): string[] {
  return traceInCheckpoint(outDir, id).duplicates
    .map(({ sequence, foundAtMs, offset }) => `${sequence} ${foundAtMs} ${offset}`);
}

function sequences(outDir: string): number[] {
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`, { readOnly: true });
  return database.prepare("SELECT sequence FROM duplicates ORDER BY 1").all()
    .map(({ sequence }) => Number(sequence));
}

Deno.test("traceInCheckpoint() finds duplicates in all commits that had them, oldest first", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOfDuplicates(1, ["a", "b", "a"]));
  checkpoint.commit(commitOf(2));
  checkpoint.commit(commitOfDuplicates(3, ["b", "ñ\0"]));
  assert.deepEqual(duplicateTexts(folder.path, "a"), ["1 1000 0", "1 1000 2"]);
  assert.deepEqual(duplicateTexts(folder.path, "b"), ["1 1000 1", "3 3000 0"]);
  assert.deepEqual(duplicateTexts(folder.path, "ñ\0"), ["3 3000 1"]);
  assert.deepEqual(duplicateTexts(folder.path, "ñ"), []);
  const [found] = traceInCheckpoint(folder.path, "a").duplicates;
  assert.deepEqual(found, { ...HERE, offset: 0n, sequence: 1, foundAtMs: 1_000 });
});

Deno.test("a commit that fails leaves no duplicates behind", async () => {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  hooks.failBefore = "commit:end";
  using checkpoint = openCheckpoint(folder.path, { hooks });
  assert.throws(() => checkpoint.commit(commitOfDuplicates(1, ["a"])), InjectedFailure);
  assert.deepEqual(sequences(folder.path), []);
  checkpoint.commit(commitOfDuplicates(1, ["b"]));
  assert.deepEqual(duplicateTexts(folder.path, "a"), []);
  assert.deepEqual(duplicateTexts(folder.path, "b"), ["1 1000 0"]);
});

/** Six commits with duplicates, at the seconds 1 to 6. */
function fill(checkpoint: Checkpoint): void {
  for (let i = 1; i <= 6; i++) checkpoint.commit(commitOfDuplicates(i, ["a"]));
}

Deno.test("dropDuplicatesStep() drops a few expired commits at a time, and no others", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { duplicateTtlMs: TTL_MS });
  fill(checkpoint);
  checkpoint.dropDuplicatesStep(1_999);
  assert.deepEqual(sequences(folder.path), [1, 2, 3, 4, 5, 6], "none is that old");
  checkpoint.dropDuplicatesStep(2_000);
  assert.deepEqual(sequences(folder.path), [2, 3, 4, 5, 6]);
  checkpoint.dropDuplicatesStep(6_999);
  assert.deepEqual(sequences(folder.path), [6], "4 at a time");
  checkpoint.dropDuplicatesStep(60_000);
  assert.deepEqual(sequences(folder.path), []);
});

Deno.test("dropDuplicatesStep() writes nothing where nothing is expired", async () => {
  await using folder = await temporaryFolder();
  const hooks = recordingHooks();
  using checkpoint = openCheckpoint(folder.path, { duplicateTtlMs: TTL_MS, hooks });
  checkpoint.dropDuplicatesStep(60_000);
  fill(checkpoint);
  checkpoint.dropDuplicatesStep(1_500);
  assert.deepEqual(hooks.begun.filter((name) => name.startsWith("expire")), []);
});

Deno.test("dropDuplicatesStep() goes on where a checkpoint that was closed left off", async () => {
  await using folder = await temporaryFolder();
  {
    using checkpoint = openCheckpoint(folder.path);
    fill(checkpoint);
    checkpoint.dropDuplicatesStep(60_000);
    assert.equal(sequences(folder.path).length, 6, "0 is for ever");
  }
  using checkpoint = openCheckpoint(folder.path, { duplicateTtlMs: TTL_MS });
  checkpoint.dropDuplicatesStep(60_000);
  assert.deepEqual(sequences(folder.path), [5, 6]);
});

Deno.test("the room of dropped duplicates is used again", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path, { duplicateTtlMs: 5 * TTL_MS });
  const pageCounts: number[] = [];
  for (let sequence = 1; sequence <= 60; sequence++) {
    const ids = Array.from({ length: 2_000 }, () => crypto.randomUUID());
    checkpoint.commit(commitOfDuplicates(sequence, ids));
    checkpoint.dropDuplicatesStep(sequence * 1_000);
    using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`, { readOnly: true });
    pageCounts.push(Number(Object.values(database.prepare("PRAGMA page_count").get() ?? {})[0]));
  }
  const [early = 0, last = 0] = [pageCounts[11], pageCounts[59]];
  assert.ok(last < early * 1.2, `${early} pages after 12 commits, ${last} after 60`);
});

Deno.test("traceInCheckpoint() names the files that may hold an id, and those without a filter", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const filterOf = (...ids: string[]) => {
    const column = new TextColumn();
    for (const id of ids) column.push(id);
    return idFilterOfAll(column);
  };
  const files = ["a", "b", "c", "d"].map((name) => manifestFile(name));
  const filters = [["a", filterOf("x", "y")], ["b", filterOf("y")], ["d", filterOf()]] as const;
  checkpoint.commit(commitOf(1, {
    files,
    traces: {
      filters: filters.map(([name, filter]) => ({ finalPath: `date=2026-11-24/${name}`, filter })),
      duplicates: null,
    },
  }));
  const held = (id: string) =>
    traceInCheckpoint(folder.path, id).files.filter(({ mayHold }) => mayHold)
      .map(({ finalPath }) => finalPath.at(-1));
  assert.deepEqual(held("x"), ["a", "c"]);
  assert.deepEqual(held("y"), ["a", "b", "c"]);
  assert.deepEqual(held("z"), ["c"]);
  const [first] = traceInCheckpoint(folder.path, "x").files;
  const { stagedPath, finalPath, kind } = manifestFile("a");
  const expected = { stagedPath, finalPath, kind, sequence: 1, committedAtMs: 1_000 };
  assert.deepEqual(first, { ...expected, mayHold: true });
});

Deno.test("a file's filter goes with its row in the manifest", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const filters = [{ finalPath: "date=2026-11-24/a", filter: Uint8Array.of(1) }];
  const traces = { filters, duplicates: null };
  checkpoint.commit(commitOf(1, { files: [manifestFile("a")], traces }));
  using database = new DatabaseSync(`${folder.path}/${CHECKPOINT_FILE}`);
  database.exec("DELETE FROM files");
  assert.equal(database.prepare("SELECT count(*) AS n FROM file_filters").get()?.["n"], 0);
});
